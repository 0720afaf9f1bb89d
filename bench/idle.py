"""What the stack costs while nothing happens: processors and memory of all its processes."""

import asyncio
import os
import time
from dataclasses import dataclass

import psutil  # type: ignore[import-untyped]

from hoatoc.embedded.stack import Stack

_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Use:
    """Cores in use and memory (PSS, MiB), by part; the supervisor lives in the bench."""

    cores: dict[str, float]
    memory_mb: dict[str, float]

    @property
    def all_cores(self) -> float:
        """Cores in use by the whole stack."""
        return sum(self.cores.values())

    @property
    def all_memory_mb(self) -> float:
        """Memory of the whole stack, MiB."""
        return sum(self.memory_mb.values())


async def measure(running: Stack, seconds: float) -> Use:
    """Return what the stack uses over some seconds."""
    before, began = spent(running), time.perf_counter()
    await asyncio.sleep(seconds)
    after, took = spent(running), time.perf_counter() - began
    return Use({name: (after[name] - before[name]) / took for name in after}, _memory(running))


def processes(running: Stack) -> dict[str, list[psutil.Process]]:
    """Return the processes of each part, its children included, and the supervisor."""
    found = {"supervisor": [psutil.Process(os.getpid())]}
    for name in running.state.children:
        process = psutil.Process(running.pid(name))
        found[name] = [process, *process.children(recursive=True)]
    return found


def spent(running: Stack) -> dict[str, float]:
    """Return the processor time so far of each part, its ended children included, in seconds."""
    return {
        name: sum(_seconds(process, process is parts[0]) for process in parts)
        for name, parts in processes(running).items()
    }


def seconds(pid: int) -> float:
    """Return the processor time so far of one process, in seconds."""
    return _seconds(psutil.Process(pid), False)


def _seconds(process: psutil.Process, first: bool) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:  # the first one has it among its ended children
        return 0.0
    ended = first and process.pid != os.getpid()
    return float(times.user + times.system) + (
        float(times.children_user + times.children_system) if ended else 0.0
    )


def _memory(running: Stack) -> dict[str, float]:
    """Return the memory of each part, MiB."""
    return {name: sum(map(_mebibytes, parts)) for name, parts in processes(running).items()}


def _mebibytes(process: psutil.Process) -> float:
    try:
        return float(process.memory_full_info().pss) / _MIB
    except psutil.NoSuchProcess:
        return 0.0
