"""Checking a run: what its record says of each guarantee.

The record is read once, in this order: the log, with the lines of history beside it; the notes;
the tables. Every copy is then judged by itself, so time is linear in the record, and partitions
may be shared out to processes.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from hoatoc.history.carriage import check_answers
from hoatoc.history.evidence import with_evidence
from hoatoc.history.finding import Findings
from hoatoc.history.read import read, size
from hoatoc.history.receipt import check_parked
from hoatoc.history.record import History
from hoatoc.history.report import Finding, Guarantee, Report, Verdict
from hoatoc.history.run import Across, Part, Run
from hoatoc.history.share import Share
from hoatoc.history.verdict import check_unnamed

SHOWN = 5
REACHED = 0.95
"""how much of the load that was meant must have been reached"""
LARGE = 32 * 1024 * 1024
"""bytes from which a record is shared out to processes"""


def check(history: History, most: int | None = SHOWN) -> Report:
    """Decide G1 to G10 of a run, in time linear in its record.

    At most `most` counter-examples a guarantee come with the records concerned; None: all.
    """
    return _report([Run(history).judge()], history, most)


def check_files(
    folder: Path, most: int | None = SHOWN, *, webhook: bool = True, processes: int | None = None
) -> Report:
    """Decide G1 to G10 from the record in a folder; raises RecordDamaged.

    A large record is shared out to as many processes (None: two) by partition.
    """
    history = read(folder, webhook=webhook)
    shares = processes or (2 if size(folder) > LARGE else 1)
    if shares == 1:
        return check(history, most)
    with ProcessPoolExecutor(shares, get_context("spawn")) as pool:
        judge = partial(_judge_share, folder, shares, webhook)
        return _report([*pool.map(judge, range(shares))], history, most)


def _judge_share(folder: Path, shares: int, webhook: bool, number: int) -> Part:
    """Judge the partitions of one share."""
    share = Share(folder, number, shares)
    return Run(share.of(read(folder, webhook=webhook, searched=number == 0))).judge()


def _report(parts: Sequence[Part], history: History, most: int | None) -> Report:
    """Join what was found, judge what concerns several partitions, and say it."""
    found, across = parts[0].found, Across()
    for part in parts:
        across.join(part.across)
    for part in parts[1:]:
        found.join(part.found)
        parts[0].sizes.update(part.sizes)
    check_answers(across.poison, across.unheard, across.unreadable, found)
    check_parked(across.poison, across.unheard, across.unreadable, found)
    check_unnamed(across.unnamed, across.put_back, across.alerts, found)
    report = Report(
        findings={each: _finding(each, found) for each in Guarantee},
        missing=(*_missing(parts[0]), *_unsettled(parts[0], history), *_unexercised(found)),
        not_judged=sum(part.not_judged for part in parts),
    )
    return with_evidence(report, history, most) if report.is_violated else report


def _finding(guarantee: Guarantee, found: Findings) -> Finding:
    """Return what was found of a guarantee."""
    wrong = [one for one in found.wrong if one.guarantee is guarantee]
    looked_at = dict(found.looked_at[guarantee])
    if wrong:
        return Finding(guarantee, Verdict.VIOLATED, looked_at, wrong)
    exercised = all(looked_at.get(what) for what in _EXERCISED[guarantee])
    return Finding(guarantee, Verdict.HOLDS if exercised else Verdict.NOT_EXERCISED, looked_at)


def _missing(part: Part) -> Iterator[str]:
    """Yield in plain words what the run lacks to prove anything."""
    sizes = part.sizes
    if not sizes["notes"]:
        yield "there are no notes: let senders, recipients and receiver write theirs"
    if not sizes["records"]:
        yield "the log is empty: save the topic `deliveries` after the run"
    if not sizes["positions"] or not sizes["rows"]:
        yield "the books are empty: save the tables after the run"
    if not sizes["copies"]:
        yield "there are no deliveries: hand documents over"
    if part.faults and not any(fault.applied for fault in part.faults):
        yield "no fault was applied: see why in the notes `fault`"
    for load in part.loads:
        reached = load.deliveries / load.seconds if load.seconds > 0 else 0.0
        if reached < load.rate * REACHED:
            yield f"the load was {reached:.1f} deliveries/s, {load.rate:.1f} were meant"


def _unsettled(part: Part, history: History) -> Iterator[str]:
    """Yield what was still on its way when the run ended."""
    if untold := part.sizes["untold"]:
        yield f"{untold} announcements were not told yet: wait for them before saving"
    if history.webhook and (pending := part.sizes["pending"]):
        yield f"{pending} pages were pending: wait for them before saving"


def _unexercised(found: Findings) -> Iterator[str]:
    """Yield what was not looked at, though a run is to prove it."""
    for guarantee, needed in _EXERCISED.items():
        for what in needed:
            if guarantee is not Guarantee.G9 and not found.looked_at[guarantee][what]:
                yield f"{guarantee} was not exercised: {what}: 0"


_EXERCISED: dict[Guarantee, tuple[str, ...]] = {
    Guarantee.G1: ("copies handed over", "answers", "states"),
    Guarantee.G2: ("deadlines kept or running",),
    Guarantee.G3: ("deadlines broken",),
    Guarantee.G4: ("alerts",),
    Guarantee.G5: ("states told",),
    Guarantee.G6: ("copies received",),
    Guarantee.G7: ("records",),
    Guarantee.G8: ("answers that cannot be read",),
    Guarantee.G9: ("documents stopped",),
    Guarantee.G10: ("outages met by a partition",),
}
