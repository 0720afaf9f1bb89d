"""The section of complete deliveries: the line by workers, and its peers on the same work."""

from bench import line, peer, sample, tracking
from bench.line import LineFigures
from bench.peer import PeerFigures
from bench.section import Bench, Plot, Report, Row
from bench.stage import fresh

WORKERS = (1, 2, 4)
PEER_DISPATCHES = 100
LOG_DISPATCHES = 600
GOAL, TIMES = 3_000, 10


async def report(bench: Bench) -> Report:
    """Measure the line at 1, 2 and 4 workers, then the peers, one after another."""
    lines = [await _line(bench, workers) for workers in WORKERS]
    async with fresh(bench.console) as running:
        bench.say("tracking alone: ledger and tracker on a ready log")
        tracked = await tracking.measure(bench, running, bench.size(LOG_DISPATCHES, 4))
        jobs, streams = [], []
        for workers in WORKERS:
            bench.say(f"procrastinate, {workers} workers")
            some = bench.size(PEER_DISPATCHES, 4)
            jobs.append(await peer.procrastinate(bench, running, workers, some))
        for workers in WORKERS[:2]:
            bench.say(f"Quix Streams, {workers} workers")
            deliveries = bench.size(LOG_DISPATCHES, 4) * sample.RECIPIENTS
            streams.append(await peer.quix(bench, running, workers, deliveries))
    rows = [*_rows(lines, jobs), _tracking(tracked, streams)]
    return Report(
        rows, _figures(lines, tracked, jobs, streams), _notes(lines), [_plot(lines, jobs)]
    )


async def _line(bench: Bench, workers: int) -> LineFigures:
    bench.say(f"the line, {workers} workers")
    return await line.measure(bench, workers)


def _rows(lines: list[LineFigures], jobs: list[PeerFigures]) -> list[Row]:
    best = max(job.rate for job in jobs)
    return [
        Row(
            f"complete deliveries/s, {found.workers} of each of {', '.join(line.SCALED)}",
            f"{found.rate:,.0f}",
            f"procrastinate, {job.workers} workers: {job.rate:,.0f}",
            f"{found.rate / best:.1f} × its best",
            f"{GOAL:,}; {TIMES} ×",
        )
        for found, job in zip(lines, jobs, strict=True)
    ]


def _tracking(tracked: PeerFigures, streams: list[PeerFigures]) -> Row:
    best = max(streams, key=lambda found: found.rate)
    each = ", ".join(f"{found.rate:,.0f}" for found in streams)
    return Row(
        "deliveries/s tracked from a ready log, one ledger and one tracker",
        f"{tracked.rate:,.0f}",
        f"Quix Streams, 1 and 2 workers: {each}",
        f"{tracked.rate / best.rate:.1f} × its best",
    )


def _figures(
    lines: list[LineFigures],
    tracked: PeerFigures,
    jobs: list[PeerFigures],
    streams: list[PeerFigures],
) -> dict[str, float]:
    return {
        **{f"complete_per_s_{found.workers}": round(found.rate) for found in lines},
        **{f"procrastinate_per_s_{found.workers}": round(found.rate) for found in jobs},
        **{f"quix_per_s_{found.workers}": round(found.rate) for found in streams},
        "tracked_per_s": round(tracked.rate),
        "spent_ms_per_delivery": round(sum(lines[0].spent_ms.values()), 2),
        **{f"spent_ms_{name}": round(ms, 3) for name, ms in lines[0].spent_ms.items()},
    }


def _notes(lines: list[LineFigures]) -> list[str]:
    notes = []
    for found in lines:
        spent = ", ".join(f"{name} {ms:.2f}" for name, ms in found.spent_ms.items())
        notes.append(
            f"{found.workers} of each: {found.deliveries:,} deliveries in {found.seconds:.1f} s, "
            f"handed over in the first {found.handed_over_s:.1f} s, read by the trackers after "
            f"{found.tracked_s:.1f} s; {found.alerts} alerts. Processor time of one (ms): {spent}; "
            f"together {sum(found.spent_ms.values()):.2f}."
        )
    return [
        *notes,
        "What the machine has of processor time, divided by what one delivery takes of it, is the "
        "rate that it can reach: more workers help where there are more cores.",
        *PEERS,
    ]


PEERS = (
    "*procrastinate* is spared: reading and checking packets, copies and a broker, recipients "
    "(their three answers are statements of the delivering job, in one transaction). What it does "
    "not give: a job whose worker was killed stays `doing` until a task of one's own asks for "
    "stalled jobs; a job that was done and not yet marked is done again, so what it sends must be "
    "told apart by the receiver; a deadline fires by the wall clock, through outages of one's own, "
    "at the next poll (every 5 s) of a worker that has room, and nothing tells that it did not; no "
    "history is left that a second program could check.",
    "*Quix Streams* is spared: hand-over, copies, recipients, the way of the answers. What it does "
    "not give: a deadline. There is no timer over state; the one thing like it, a detector of "
    "silent keys in one of its sinks, lives in memory and by the wall clock, and is not used here. "
    "So a delivery of which nothing more is heard is not looked at again, and that is the one that "
    "somebody must be told of. Sinks are flushed before offsets are committed: after a crash rows "
    "are written again, which the upsert hides, and what a row sets off is set off again.",
)


def _plot(lines: list[LineFigures], jobs: list[PeerFigures]) -> Plot:
    return Plot(
        "complete",
        "Complete deliveries a second",
        "workers of each program that scales",
        "deliveries/s",
        {
            "Hoatoc": [(found.workers, round(found.rate, 1)) for found in lines],
            "procrastinate": [(found.workers, round(found.rate, 1)) for found in jobs],
        },
        log="x",
    )
