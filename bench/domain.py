"""The figures of the domain: packets, registry, calendars, lifecycle; no store is asked."""

from dataclasses import dataclass

from bench import clock, lifecycle, packet, registry
from bench.clock import ClockFigures
from bench.lifecycle import LifecycleFigures
from bench.packet import LetterFigures, PacketFigures
from bench.registry import RegistryFigures

Row = tuple[str, str, str, str, str]
"""What, goal, figure, floor, ratio; as text."""


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
            _letter(packets.many, "—"),
            (
                "a packet of 30 MB: memory above what was there",
                "64 MB",
                f"{packets.large_memory_mib * 1.048576:.0f} MB",
                "—",
                f"{packets.large_mb_per_second:.0f} MB/s",
            ),
            *_registry(self.registry),
            _microseconds(
                "a working due (slowest function)", "5", clocks.worst_ns, clocks.floor_ns
            ),
            _microseconds("joining a fact", "3", facts.merge_ns, facts.floor_ns),
            *(
                _microseconds(name, "—", ns, facts.floor_ns)
                for name, ns in facts.nanoseconds.items()
                if name.startswith("settle")
            ),
        ]


def _letter(figures: LetterFigures, goal: str) -> Row:
    return (
        f"20 KB packet to {figures.recipients} organs: read + checks + identity, /s of one core",
        goal,
        f"{figures.whole:,.0f}",
        f"{figures.floor:,.0f} (expat alone)",
        f"{figures.whole / figures.floor:.0%}",
    )


def _registry(figures: RegistryFigures) -> list[Row]:
    return [
        (
            f"{figures.organs:,} organs, from CSV to look-up",
            "3 s",
            f"{figures.load_s:.2f} s",
            f"{figures.load_floor_s:.2f} s (csv alone)",
            f"{figures.load_s / figures.load_floor_s:.1f} ×",
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
    of = "—" if goal == "—" else f"{goal} µs"
    return (what, of, f"{ns / 1e3:.2f} µs", f"{floor_ns / 1e3:.2f} µs", f"{ns / floor_ns:.1f} ×")


def measure() -> DomainFigures:
    """Measure all of it, one after another."""
    return DomainFigures(packet.measure(), registry.measure(), clock.measure(), lifecycle.measure())
