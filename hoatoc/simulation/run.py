"""Many histories, over the processors there are; a failing one is told as short as can be found.

A seed tells the same history every time only where Python hashes texts alike, so all of it runs
with `PYTHONHASHSEED=0` (`require_order`).
"""

import gc
import json
import logging
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from hoatoc.domain.error import PeerFault
from hoatoc.simulation.fault import FEWEST_APPLIED, Fault
from hoatoc.simulation.history import DOCUMENTS, Outcome, run

FEWEST_DELIVERIES = 200
_TRIES = 60


class HistoryDamaged(PeerFault):
    """A stored history cannot be read; the message names the file, the field and the remedy."""


@dataclass(slots=True)
class Tally:
    """What many histories have shown."""

    histories: int = 0
    deliveries: int = 0
    thin: int = 0
    """histories with too few deliveries or faults to count"""
    applied: Counter[str] = field(default_factory=Counter)
    looked_at: Counter[str] = field(default_factory=Counter)
    failed: list[Outcome] = field(default_factory=list)
    seconds: float = 0.0
    simulated_s: float = 0.0

    def add(self, outcome: Outcome) -> None:
        """Count one history."""
        self.histories += 1
        self.deliveries += outcome.deliveries
        few = sum(outcome.applied.values()) < FEWEST_APPLIED
        self.thin += few or outcome.deliveries < FEWEST_DELIVERIES
        self.applied += outcome.applied
        self.looked_at += outcome.looked_at
        self.simulated_s += outcome.seconds
        if outcome.violations:
            self.failed.append(outcome)

    def lacking(self) -> list[str]:
        """Return, in plain words, what keeps these histories from proving anything."""
        lacks = []
        if not self.histories:
            lacks.append("no history was run")
        if self.thin > self.histories / 2:
            lacks.append(
                f"{self.thin} of {self.histories} histories had under {FEWEST_DELIVERIES} "
                f"deliveries or under {FEWEST_APPLIED} faults"
            )
        never = [g for g in ("G1", "G2", "G3", "G4", "G5", "G6", "G7", "G8", "G10")
                 if not self.looked_at[g]]  # fmt: skip
        if self.histories and never:
            lacks.append(f"never exercised: {', '.join(never)}")
        return lacks


def require_order() -> None:
    """Begin this process again with texts hashed alike, if they are not."""
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - itself


@contextmanager
def silence() -> Iterator[None]:
    """Let the programs log nothing: what they say is not looked at."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.reset_defaults()


def many(
    seeds: Sequence[int],
    *,
    workers: int,
    budget_s: float | None = None,
    until_violated: bool = False,
    seen: Callable[[Tally], None] = lambda _tally: None,
) -> Tally:
    """Run the histories of these seeds; stop when the time is over or, if asked, at a violation."""
    tally, began = Tally(), time.monotonic()
    with multiprocessing.get_context("fork").Pool(workers, _begin) as pool:
        for outcome in pool.imap_unordered(_one, seeds, chunksize=1):
            tally.add(outcome)
            tally.seconds = time.monotonic() - began
            seen(tally)
            over = budget_s is not None and tally.seconds > budget_s
            if over or (until_violated and tally.failed):
                break
        pool.terminate()
    return tally


def _begin() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    gc.freeze()
    gc.disable()


def _one(seed: int) -> Outcome:
    outcome = run(seed)
    gc.collect()
    return outcome


def shortest(failed: Outcome) -> Outcome:
    """Return the shortest history found that violates as well: fewer faults, fewer documents."""
    best, tries = run(failed.seed, failed.faults, failed.documents, tells=True), 1
    if not best.violations:
        return failed  # another order of hashing: it cannot be told again here
    part = max(len(best.faults) // 2, 1)
    while part and tries < _TRIES:
        shorter = None
        for at in range(0, len(best.faults), part):
            faults = best.faults[:at] + best.faults[at + part :]
            tries += 1
            tried = run(best.seed, faults, best.documents, tells=True)
            if tried.violations:
                shorter = tried
                break
            if tries >= _TRIES:
                break
        best, part = (shorter, part) if shorter else (best, part // 2)
    return _fewer_documents(best)


def _fewer_documents(best: Outcome) -> Outcome:
    for documents in (1, 2, 4, 8):
        if documents < best.documents:
            tried = run(best.seed, best.faults, documents, tells=True)
            if tried.violations:
                return tried
    return best


def store(outcome: Outcome, folder: Path) -> Path:
    """Keep a history; it is replayed for ever."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"seed-{outcome.seed}.json"
    data = {
        "seed": outcome.seed,
        "documents": outcome.documents,
        "violations": list(outcome.violations[:3]),
        "faults": [list(one) for one in outcome.faults],
    }
    file.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return file


def stored(file: Path) -> Outcome:
    """Run a history that was kept; raises HistoryDamaged."""
    try:
        data: dict[str, Any] = json.loads(file.read_text("utf-8"))
        faults = tuple(Fault(*one) for one in data["faults"])
        seed, documents = int(data["seed"]), int(data.get("documents", DOCUMENTS))
    except (ValueError, KeyError, TypeError) as error:
        raise HistoryDamaged(
            f"{file}: {error!r}; a history has seed, documents and faults: take it from the "
            "repository again"
        ) from error
    return run(seed, faults, documents, tells=True)
