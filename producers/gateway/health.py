"""Health: which part answers, told to those who ask and to the ticks."""

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client import Gauge

PROBE_S = 1.0
PROBE_TIMEOUT_S = 5.0
READY = Gauge("hoatoc_gateway_ready", "1 while a part that the gateway needs answers", ["part"])
DOOR = ("database", "broker")
"""the parts without which recipients cannot take or answer anything: no tick without them"""

Probe = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Room:
    """How many bytes must be free on the disks of some folders."""

    folders: tuple[Path, ...]
    free_bytes: int

    def is_left(self) -> bool:
        """Tell whether every disk has room for more."""
        return all(
            shutil.disk_usage(_existing(folder)).free >= self.free_bytes for folder in self.folders
        )


@dataclass(slots=True)
class Health:
    """When each part answered last (monotonic seconds), and why it did not since."""

    probes: Mapping[str, Probe]
    room: Room
    answered: dict[str, float] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    first: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Ask every part once a second until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for part, probe in self.probes.items():
                tasks.create_task(self._watch(part, probe))

    async def _watch(self, part: str, probe: Probe) -> None:
        while True:
            began = time.monotonic()
            try:
                async with asyncio.timeout(PROBE_TIMEOUT_S):
                    await probe()
            except Exception as error:  # noqa: BLE001 - whatever it is, the part does not answer
                self.faults[part] = type(error).__name__
                READY.labels(part).set(0)
            else:
                self.faults.pop(part, None)
                self.answered[part] = time.monotonic()
                READY.labels(part).set(1)
                if self.answered.keys() >= set(DOOR):
                    self.first.set()
            await asyncio.sleep(max(began + PROBE_S - time.monotonic(), 0.05))

    def answered_within(self, part: str, seconds: float) -> bool:
        """Tell whether a part has answered within so many seconds."""
        return time.monotonic() - self.answered.get(part, float("-inf")) <= seconds

    def is_open(self, seconds: float) -> bool:
        """Tell whether every part that recipients depend on has answered within so many seconds."""
        return all(self.answered_within(part, seconds) for part in DOOR)

    def standing(self) -> dict[str, str]:
        """Return how each part stands: `ready`, or why not."""
        found = {part: self.faults.get(part, "") for part in self.probes}
        silent = {p: "silent" for p, why in found.items() if not why and p not in self.answered}
        found |= silent
        found["disk"] = "" if self.room.is_left() else "short"
        return {part: why or "ready" for part, why in found.items()}


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest above it that is there."""
    return next(each for each in (folder, *folder.parents) if each.exists())
