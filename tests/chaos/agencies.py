"""Agencies at the other doors: HTTP, the axis' own interface, a spool of their own, Kafka.

They play `hoatoc traffic` among themselves, through whatever happens. What a door has accepted is
noted; what became of it they tell when asked.

    python -m tests.chaos.agencies CONFIG.json
"""

import asyncio
import json
import logging
import sys
from pathlib import Path
from typing import Any

import structlog

from hoatoc.config import Kafka
from hoatoc.history.note import HandedOver
from hoatoc.history.save import Notebook, now_ms
from hoatoc.traffic.agency import DOORS, Reach
from hoatoc.traffic.habit import Letter
from hoatoc.traffic.run import Plan, Tally, Traffic
from tests.chaos.actor import obey

SCALE = 0.05
"""of the sizes of real files: most are small, and some still too large for a record of Kafka"""
LETTERS_A_SECOND, PACE_S = 0.7, 1.0
_FOREVER_S = 1e6


async def main(config: dict[str, Any]) -> None:
    """Play until told to end."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # the broker is away at times
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    reach = Reach(
        url=config["url"],
        kafka=Kafka(bootstrap_servers=config["servers"]),
        folder=Path(config["folder"]),
        keys=config["keys"],
        secrets=config["secrets"],
    )
    plan = Plan(
        agencies=len(reach.keys),
        rate=LETTERS_A_SECOND,
        seconds=config["seconds"],
        seed=config["seed"],
        doors=tuple(DOORS),
        scale=SCALE,
        pace_s=PACE_S,
        settle_s=_FOREVER_S,
    )
    with Notebook(Path(config["record"])) as notes:

        def noted(letter: Letter, document_id: str, digest: bytes, door: str) -> None:
            notes.write(
                HandedOver(
                    at_ms=now_ms(),
                    document_id=document_id,
                    sender=letter.sender,
                    recipients=list(letter.recipients),
                    sha256=digest.hex(),
                    door=door,
                )
            )

        await _serve(Traffic(plan, "CHAOS", noted=noted), reach)


async def _serve(traffic: Traffic, reach: Reach) -> None:
    running: asyncio.Future[Tally] | None = None

    async def handle(order: dict[str, Any]) -> object:
        nonlocal running
        if order["do"] == "start":
            running = asyncio.ensure_future(traffic.run(reach))
        if running is not None and running.done():
            running.result()
        spools = [one.spool for one in traffic.agencies.values() if one.spool is not None]
        return traffic.tally.facts() | {
            "handing_over": traffic.is_handing_over,
            "spools": [spool.pid for spool in spools if spool.returncode is None],
        }

    await obey(handle)
    if running is not None:
        running.cancel()
        await asyncio.wait([running])


if __name__ == "__main__":
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text("utf-8"))))
