"""The judgement of a run: what is violated, and what it lacks to prove anything."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from hoatoc.history.note import Fault
from hoatoc.history.report import CounterExample, Report
from hoatoc.traffic.agency import DOORS
from hoatoc.traffic.run import NO_ANSWER
from tests.chaos.door import LEAST_RATE
from tests.chaos.kind import FULL_MINUTES, KINDS, mandatory
from tests.chaos.run import Ran
from tests.chaos.sample import recovery_s


@dataclass(slots=True)
class Judgement:
    """What a run says."""

    ran: Ran
    violations: list[str] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)
    recoveries: list[tuple[Fault, float | None]] = field(default_factory=list)
    guarantees: list[tuple[str, str, str, int]] = field(default_factory=list)
    """(guarantee, verdict, what was looked at, violations)"""

    @property
    def status(self) -> int:
        """The exit status."""
        return 1 if self.violations else 2 if self.lacking else 0


def judge(ran: Ran, report: Report) -> Judgement:
    """Judge a run by what the checker says of its record, and by its samples."""
    found = Judgement(ran)
    found.guarantees = [
        (
            str(each),
            str(one.verdict),
            ", ".join(f"{count:,} {what}" for what, count in one.looked_at.items()),
            len(one.counter_examples),
        )
        for each, one in report.findings.items()
    ]
    found.violations += [told(one) for one in report.counter_examples]
    found.violations += [f"G9: {leak.marker} stands in {leak.place}" for leak in ran.leaks]
    found.lacking += report.missing
    found.recoveries = [
        (fault, recovery_s(fault, ran.samples)) for fault in ran.faults if fault.applied
    ]
    found.violations += [
        f"stuck: {one.left} {one.what} after {one.seconds:.0f} s without progress"
        for one in ran.stuck
    ]
    for what in ("missing", "twice", "altered"):
        if some := ran.traffic[what]:
            document, recipient = some[0]
            found.violations.append(
                f"{len(some)} copies of agencies at other doors are {what}, of these the one of "
                f"{document} for {recipient}"
            )
    found.violations += [f"{place} was taken up and never answered" for place in ran.unanswered]
    if ran.unsigned:
        found.violations.append(f"{ran.unsigned} pages were not signed by our key")
    found.lacking += _lacking(found)
    return found


def told(one: CounterExample) -> str:
    """Return a counter-example in words, with the records that it is about."""
    where = {"delivery": one.delivery_id, "partition": one.partition, "offset": one.offset}
    named = ", ".join(f"{name} {value}" for name, value in where.items() if value is not None)
    lines = [f"{one.guarantee}: {one.sentence} ({named})"]
    lines += [f"    {r.partition}/{r.offset} at {r.append_ms}: {r.event}" for r in one.log]
    return "\n".join([*lines, *(f"    {note}" for note in one.notes)])


def _lacking(found: Judgement) -> Iterator[str]:
    ran = found.ran
    if ran.load.rate < LEAST_RATE and not found.lacking:
        yield (
            f"too little load: {ran.load.rate:.0f} copies a second while the doors were open, "
            f"{LEAST_RATE:.0f} must be reached"
        )
    if ran.load.open_s < ran.load.closed_s / 2:
        yield (
            f"the doors were open for {ran.load.open_s:.0f} s only, and closed for "
            f"{ran.load.closed_s:.0f} s: too short a time of load"
        )
    for door in DOORS:
        if not ran.traffic["letters"].get(door):
            yield f"nothing was handed over at the door {door}"
    if unanswered := ran.traffic["refused"].get(NO_ANSWER):
        yield f"{unanswered} letters of agencies at other doors never had an answer"
    for kind, target in sorted(missing(ran)):
        of = f" of {target}" if target else ""
        why = next((f.detail for f in ran.faults if f.fault == kind and not f.applied), "no time")
        yield f"fault never applied: {kind}{of} ({why})"
    if not ran.log_records:
        yield "the log is empty"


def missing(ran: Ran, *, full: bool = False) -> set[tuple[str, str]]:
    """Return (kind, target) of what had to be applied and was not.

    A run shorter than a full one must only have killed every part; `full`: as if it were one.
    """
    applied = {(f.fault, f.target) for f in ran.faults if f.applied}
    applied |= {(f.fault, "") for f in ran.faults if f.applied}
    must = mandatory()
    if ran.plan.minutes < FULL_MINUTES and not full:
        must = {(kind, target) for kind, target in must if kind == "kill -9"}
    return must - applied


def by_kind(ran: Ran) -> list[tuple[str, int, int]]:
    """Return (kind, applied, tried) of every kind."""
    applied = Counter(f.fault for f in ran.faults if f.applied)
    tried = Counter(f.fault for f in ran.faults)
    return [(n, applied[n], tried[n]) for n in dict.fromkeys(kind.name for kind in KINDS)]


def spread(values: Sequence[float]) -> tuple[float, float]:
    """Return median and maximum."""
    ordered = sorted(values)
    return ordered[len(ordered) // 2], ordered[-1]
