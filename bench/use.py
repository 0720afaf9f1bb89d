"""What processes use: processor time and memory, by part, children included."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil  # type: ignore[import-untyped]

Parts = Mapping[str, Sequence[int]]
"""The pids of each part."""
_MIB = 2**20


def spent(parts: Parts) -> dict[str, float]:
    """Return the processor time so far of each part, its ended children included (s)."""
    return {name: sum(_seconds(pid) for pid in pids) for name, pids in parts.items()}


def own_spent(parts: Parts) -> float:
    """Return the processor time so far of this process and of children that are no part (s)."""
    me = psutil.Process(os.getpid())
    theirs = {process.pid for pids in parts.values() for pid in pids for process in _tree(pid)}
    helping = [child for child in me.children(recursive=True) if child.pid not in theirs]
    return _own(me) + sum(map(_own, helping))


def alone(pid: int) -> float:
    """Return the memory of one process without its children (PSS, MiB)."""
    return _memory(psutil.Process(pid), "pss")


def proportional(parts: Parts) -> dict[str, float]:
    """Return the memory of each part; what processes share counts once in all (PSS, MiB)."""
    return {name: _summed(pids, "pss") for name, pids in parts.items()}


def resident(parts: Parts) -> dict[str, float]:
    """Return the resident memory of each part (MiB); of the database, which shares, PSS."""
    return {
        name: _summed(pids, "pss" if name == "database" else "rss") for name, pids in parts.items()
    }


def _summed(pids: Sequence[int], what: str) -> float:
    return sum(_memory(process, what) for pid in pids for process in _tree(pid))


def _memory(process: psutil.Process, what: str) -> float:
    try:
        info = process.memory_full_info() if what == "pss" else process.memory_info()
        return float(getattr(info, what)) / _MIB
    except psutil.NoSuchProcess:
        return 0.0


def _tree(pid: int) -> Iterator[psutil.Process]:
    try:
        process = psutil.Process(pid)
        yield process
        yield from process.children(recursive=True)
    except psutil.NoSuchProcess:
        return


def _seconds(pid: int) -> float:
    found = list(_tree(pid))
    return sum(map(_own, found)) + sum(map(_ended, found[:1]))


def _own(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:  # the first one has it among its ended children
        return 0.0
    return float(times.user + times.system)


def _ended(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.children_user + times.children_system)


def own_memory() -> float:
    """Return the memory of this process alone (PSS, MiB)."""
    return _memory(psutil.Process(os.getpid()), "pss")


def settled_and_most(pid: int) -> tuple[int, int]:
    """Return the resident memory of one process now, and the most that it had (KiB)."""
    lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    kib = {line.split()[0]: int(line.split()[1]) for line in lines if line.startswith("Vm")}
    return kib["VmRSS:"], kib["VmHWM:"]
