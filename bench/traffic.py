"""Traffic as it is: agencies of all doors, files of their real sizes, on the whole stack."""

from pathlib import Path
from tempfile import TemporaryDirectory

from bench.section import Bench, Report, Row, Unmeasured
from bench.stage import crew, fresh
from hoatoc.postgres.connection import pool
from hoatoc.prepare import first_registry
from hoatoc.traffic.agency import Reach
from hoatoc.traffic.run import Plan, Tally, Traffic, credentials

AGENCIES, LETTERS_A_SECOND, SECONDS = 24, 0.2, 240.0
"""Two fifths of a busy hour of the whole country (9,500 documents a day, 40 % in two hours)."""
DOORS = ("http", "vxp", "http", "kafka", "http", "vxp", "spool", "vxp")


async def report(bench: Bench) -> Report:
    """Play the traffic; a copy that was accepted and not taken is no figure but a failure."""
    plan = Plan(
        agencies=AGENCIES,
        rate=LETTERS_A_SECOND,
        seconds=bench.seconds(SECONDS, 10),
        seed=7,
        doors=DOORS,
        settle_s=180,
    )
    async with fresh(bench.console) as running, crew(running) as team:
        settings = team.settings
        organs = [str(organ.code) for organ in first_registry() if organ.is_ordinary()]
        bench.say(f"{plan.agencies} agencies for {plan.seconds:g} s")
        async with pool(settings.postgres.dsn, 1) as database, database.acquire() as connection:
            some = organs[:AGENCIES]
            async with credentials(connection, settings, some, plan.seconds) as shown:
                with TemporaryDirectory(prefix="hoatoc-traffic-") as folder:
                    reach = Reach(
                        url=settings.gateway.url,
                        kafka=settings.kafka,
                        folder=Path(folder),
                        keys=shown.keys,
                        secrets=shown.secrets,
                    )
                    tally = await Traffic(plan, "BENCH").run(reach)
    if not tally.is_kept():
        raise Unmeasured(f"not all taken once as it was: {tally.facts()}")
    return Report(_rows(tally), _figures(tally), _notes(tally))


def _rows(tally: Tally) -> list[Row]:
    facts = tally.facts()
    return [
        Row(
            "letters; copies, all taken once", f"{sum(tally.letters.values())}; {len(tally.taken)}"
        ),
        Row("their content", f"{facts['content_mb']:,} MB"),
        *(
            Row(f"answer to a hand-over, {door}, p50 / p99", f"{ms['p50']:,} / {ms['p99']:,} ms")
            for door, ms in facts["hand_over_ms"].items()
        ),
    ]


def _figures(tally: Tally) -> dict[str, float]:
    facts = tally.facts()
    answers = {
        f"{door}_{name}_ms": value
        for door, ms in facts["hand_over_ms"].items()
        for name, value in ms.items()
    }
    return {"copies": len(tally.taken), "late": tally.late, **answers}


def _notes(tally: Tally) -> list[str]:
    return [
        f"Handed over late (the machine had no room): {tally.late}; again, known: {tally.again}; "
        f"refused: {dict(tally.refused)}; statuses reported: {sum(tally.statuses.values())}."
    ]
