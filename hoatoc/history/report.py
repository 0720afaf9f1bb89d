"""What a checker found: a verdict for each guarantee, and its counter-examples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from hoatoc.history.note import Note
from hoatoc.history.record import LogRecord


class Guarantee(StrEnum):
    """What Hoatoc promises (design, section 5)."""

    G1 = "G1"
    G2 = "G2"
    G3 = "G3"
    G4 = "G4"
    G5 = "G5"
    G6 = "G6"
    G7 = "G7"
    G8 = "G8"
    G9 = "G9"
    G10 = "G10"


class Verdict(StrEnum):
    """What can be said of a guarantee after a run."""

    HOLDS = "holds"
    VIOLATED = "violated"
    NOT_EXERCISED = "not exercised"


class CounterExample(NamedTuple):
    """One violation, in plain words, and the records that it is about."""

    guarantee: Guarantee
    sentence: str
    delivery_id: UUID | None = None
    partition: int | None = None
    offset: int | None = None
    log: tuple[LogRecord, ...] = ()
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one guarantee; `looked_at` counts the things that could have broken it."""

    guarantee: Guarantee
    verdict: Verdict
    looked_at: Mapping[str, int]
    counter_examples: Sequence[CounterExample] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What was found of a run.

    `missing` says in plain words what the run lacks to prove anything at all; `not_judged` counts
    deadlines by a legal clock, whose dues are not computed anew.
    """

    findings: Mapping[Guarantee, Finding]
    missing: Sequence[str] = ()
    not_judged: int = 0

    @property
    def counter_examples(self) -> Sequence[CounterExample]:
        """All of them, by guarantee."""
        return [one for finding in self.findings.values() for one in finding.counter_examples]

    @property
    def is_violated(self) -> bool:
        """Tell whether any guarantee is."""
        return any(f.verdict is Verdict.VIOLATED for f in self.findings.values())
