"""The figures of the domain: packets, registry, calendars, lifecycle; no store is asked."""

import asyncio
from dataclasses import dataclass

from bench import clock, lifecycle, packet, registry
from bench.clock import ClockFigures
from bench.lifecycle import LifecycleFigures
from bench.packet import LetterFigures, PacketFigures
from bench.registry import RegistryFigures
from bench.section import NOTHING, Bench, Report, Row


@dataclass(frozen=True, slots=True)
class DomainFigures:
    """What one run found."""

    packets: PacketFigures
    registry: RegistryFigures
    clock: ClockFigures
    lifecycle: LifecycleFigures

    def lines(self) -> list[Row]:
        """Return the rows of the table."""
        packets, clocks, facts = self.packets, self.clock, self.lifecycle
        return [
            _letter(packets.few, "1,500"),
            _letter(packets.many, NOTHING),
            Row(
                "a packet of 30 MB: memory above what was there; speed of reading",
                f"{packets.large_memory_mib * 1.048576:.0f} MB; "
                f"{packets.large_mb_per_second:.0f} MB/s",
                goal="64 MB",
            ),
            *_registry(self.registry),
            _microseconds(
                "a working due (slowest function)", "5", clocks.worst_ns, clocks.floor_ns
            ),
            _microseconds("joining a fact", "3", facts.merge_ns, facts.floor_ns),
            *(
                _microseconds(name, NOTHING, ns, facts.floor_ns)
                for name, ns in facts.nanoseconds.items()
                if name.startswith("settle")
            ),
        ]


def _letter(figures: LetterFigures, goal: str) -> Row:
    return Row(
        f"20 KB packet to {figures.recipients} organs: read + checks + identity, /s of one core",
        f"{figures.whole:,.0f}",
        f"{figures.floor:,.0f} (expat alone)",
        f"{figures.whole / figures.floor:.0%}",
        goal,
    )


def _registry(figures: RegistryFigures) -> list[Row]:
    return [
        Row(
            f"{figures.organs:,} organs, from CSV to look-up",
            f"{figures.load_s:.2f} s",
            f"{figures.load_floor_s:.2f} s (csv alone)",
            f"{figures.load_s / figures.load_floor_s:.1f} ×",
            "3 s",
        ),
        _microseconds(
            "resolving a code", "2", figures.resolve_us * 1e3, figures.resolve_floor_us * 1e3
        ),
        _microseconds(
            "resolving an old code, with its notice",
            "2",
            figures.resolve_alias_us * 1e3,
            figures.resolve_floor_us * 1e3,
        ),
    ]


def _microseconds(what: str, goal: str, ns: float, floor_ns: float) -> Row:
    of = NOTHING if goal == NOTHING else f"{goal} µs"
    figure, floor = f"{ns / 1e3:.2f} µs", f"{floor_ns / 1e3:.2f} µs"
    return Row(what, figure, floor, f"{ns / floor_ns:.1f} ×", of)


def measure() -> DomainFigures:
    """Measure all of it, one after another."""
    return DomainFigures(packet.measure(), registry.measure(), clock.measure(), lifecycle.measure())


async def report(_bench: Bench) -> Report:
    """Measure in a thread, for the figures of a packet start a process."""
    found = await asyncio.to_thread(measure)
    figures = {
        "packets_20_kb_per_s": round(found.packets.few.whole),
        "packet_30_mb_memory_mib": round(found.packets.large_memory_mib),
        "organs_125000_load_s": round(found.registry.load_s, 2),
        "resolve_us": round(found.registry.resolve_us, 2),
        "working_due_us": round(found.clock.worst_ns / 1e3, 2),
        "merge_us": round(found.lifecycle.merge_ns / 1e3, 2),
    }
    return Report(found.lines(), figures)
