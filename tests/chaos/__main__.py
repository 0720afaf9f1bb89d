"""Chaos: `python -m tests.chaos [--minutes 10] [--seed N] [--out FOLDER]`.

Exit status: 0 nothing is violated and all that was meant is proved; 1 a guarantee is violated;
2 the run proved nothing, or too little.
"""

import argparse
import asyncio
import random
import shutil
import signal
import sys
import tempfile
import traceback
from pathlib import Path

from rich.console import Console

from hoatoc.history.check import check
from hoatoc.history.read import read
from tests.chaos import disk
from tests.chaos.deployment import libfaketime
from tests.chaos.judge import Judgement, judge
from tests.chaos.report import show, write
from tests.chaos.run import RATE, Plan, burst_for, run

PROVED_TOO_LITTLE = 2


def main() -> int:
    """Run chaos and return the exit status."""
    given = _words().parse_args()
    seed = random.SystemRandom().randrange(2**31) if given.seed is None else given.seed
    console = Console()
    console.print(f"chaos: {given.minutes:g} minutes, seed {seed}", highlight=False)
    if libfaketime() is None:
        console.print("no clock will step: apt-get install libfaketime", highlight=False)
    try:
        disk.isolate()
    except disk.DiskRefused as refused:
        console.print(f"no mounts of our own: {refused}", highlight=False)
    work = Path(tempfile.mkdtemp(prefix="hoatoc-chaos-"))
    work.chmod(0o755)  # the database may run as another user
    try:
        burst = burst_for(given.minutes) if given.burst is None else given.burst
        plan = Plan(given.minutes, seed, given.rate, burst, work)
        judgement = asyncio.run(_run(plan, console))
        write(judgement, given.out)
        show(judgement, given.out, console)
    except (Exception, asyncio.CancelledError, KeyboardInterrupt):  # noqa: BLE001 - any, told
        traceback.print_exc()
        console.print(f"the run broke off (seed {seed}): it proved nothing")
        _keep_logs(work, given.out)
        return PROVED_TOO_LITTLE
    else:
        if judgement.status:
            _keep_logs(work, given.out)
        return judgement.status
    finally:
        if given.keep:
            console.print(f"kept: {work}", highlight=False)
        else:
            shutil.rmtree(work, ignore_errors=True)


async def _run(plan: Plan, console: Console) -> Judgement:
    task = asyncio.ensure_future(run(plan, console))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    ran = await task
    console.print("checking the record")
    report = await asyncio.to_thread(lambda: check(read(plan.folder / "record")))
    return judge(ran, report)


def _keep_logs(work: Path, out: Path) -> None:
    """Keep what tells why: the logs and the record."""
    for name in ("logs", "data/logs", "record"):
        target = out / ("programs" if name == "data/logs" else name)
        shutil.rmtree(target, ignore_errors=True)  # an earlier run's
        if (work / name).exists():
            shutil.copytree(work / name, target)


def _words() -> argparse.ArgumentParser:
    words = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    words.add_argument("--minutes", type=float, default=10.0, help="of load and faults")
    words.add_argument("--seed", type=int, help="of all chance; none: drawn and printed")
    words.add_argument(
        "--out", type=Path, default=Path("chaos-report"), help="folder of the report"
    )
    words.add_argument("--rate", type=float, default=RATE, help="copies a second that are meant")
    words.add_argument("--burst", type=int, help="deadlines that shall fall into one second")
    words.add_argument("--keep", action="store_true", help="keep the folder of the run")
    return words


if __name__ == "__main__":
    sys.exit(main())
