"""Another calendar version while the line runs: ticks name it, and what is open moves."""

import json
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import asyncpg
import pytest

from hoatoc.calendar_file import shipped_text
from hoatoc.domain.calendar_text import parse_calendars
from hoatoc.domain.delivery import TAKEN, Position, first
from hoatoc.domain.event import Limits, Tick
from hoatoc.domain.working_due import RECEIPT_DAY, due_log_ms
from hoatoc.postgres.ledger import facts_in
from hoatoc.testing.agency import letter, said
from hoatoc.testing.line import ORGANS, Line, NewLine, eventually

pytestmark = pytest.mark.timeout(300)

A, B, C, D = (organ.code for organ in ORGANS)
POLICY = """
name = "calendar"
max_gap_s = 3
grace_s = 1
"""
LIMITS = """
[limits.{urgency}]
publish_s = 600
arrive_s = 600
accept = "receipt-day"
"""
URGENCIES = ("normal", "urgent", "very_urgent", "express", "timed_express")
SHIPPED = shipped_text()
LONGER = SHIPPED.replace('"13:30-17:00"', '"13:30-20:00"')
"""The same days, but offices close three hours later."""
VERSIONS = {1: parse_calendars(SHIPPED, 1), 2: parse_calendars(LONGER, 2)}


@dataclass(frozen=True, slots=True)
class Booked:
    """The accept deadline of a copy as it is booked, beside what the domain computes."""

    due_ms: int
    expected: Mapping[int, int]
    """the due by each version, before it was ever moved"""


def expected(start: Position, limits: Limits, recipient: str) -> dict[int, int]:
    """Compute when an acceptance is due by each version, in service time."""
    return {
        number: start.service_ms
        + due_log_ms(RECEIPT_DAY, start.append_ms, limits, calendars.of(recipient))
        - start.append_ms
        + limits.allowance_ms
        for number, calendars in VERSIONS.items()
    }


async def row_of(line: Line, of: UUID) -> asyncpg.Record | None:
    """Return the booked delivery of a dispatch to B."""
    return await line.database.fetchrow(
        "SELECT d.*, p.limits FROM delivery d JOIN dispatch p USING (dispatch_id)"
        " WHERE delivery_id = $1",
        uuid5(of, B),
    )


async def booked(line: Line, of: UUID) -> Booked | None:
    """Return the accept deadline of a dispatch to B, once it runs."""
    row = await row_of(line, of)
    working = json.loads(row["working"]) if row else {}
    if row is None or "accept" not in working:
        return None
    start = first(facts_in(row["facts"]), *TAKEN)
    assert start is not None
    limits = Limits(**json.loads(row["limits"]))
    return Booked(working["accept"][0], expected(start, limits, B))


async def versions(line: Line) -> set[int]:
    """Return the versions that ticks have named."""
    return {tick.calendar_version for tick in await line.events("deliveries", Tick)}


@dataclass(frozen=True, slots=True)
class Story:
    """What was due before and after another version was adopted."""

    before: Booked
    moved: Booked
    closed: Booked
    later: Booked
    versions: set[int]
    imported: str
    books: dict[str, Any]
    tracker: int | None
    """the exit status of the tracker, None while it runs"""


async def arrived(line: Line, number: str) -> UUID:
    """Hand a document over and have B say that it came."""
    of = (await line.hand_over(letter(A, [B], number))).sent_as
    await line.write(f"reports.{B}", said("01", of, B), of)
    await eventually(lambda: booked(line, of))
    return of


async def at(line: Line, of: UUID) -> Booked:
    return await eventually(lambda: booked(line, of))


@pytest.fixture(scope="module")
async def story(new_line: NewLine, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Adopt longer hours while one acceptance is due and another was given."""
    folder: Path = tmp_path_factory.mktemp("calendar")
    (folder / "longer.toml").write_text(LONGER, "utf-8")
    policy = folder / "policy.toml"
    policy.write_text(POLICY + "".join(LIMITS.format(urgency=u) for u in URGENCIES), "utf-8")
    async with new_line(policy=str(policy)) as line, AsyncExitStack() as programs:
        for name in ("ledger", "intake", "relay"):
            await programs.enter_async_context(line.program(name))
        tracker = await programs.enter_async_context(line.program("tracker"))
        waiting, done = await arrived(line, "1"), await arrived(line, "2")
        await line.write(f"reports.{B}", said("03", done, B), done)

        async def accepted() -> bool:
            row = await row_of(line, done)
            return row is not None and row["state"] == "accepted"

        await eventually(accepted)
        before = await at(line, waiting)
        imported = await line.command("calendar", "import", folder / "longer.toml")

        async def moved() -> bool:
            return (await at(line, waiting)).due_ms != before.due_ms

        await eventually(moved)
        later = await at(line, await arrived(line, "3"))
        return Story(
            before,
            await at(line, waiting),
            await at(line, done),
            later,
            await versions(line),
            imported,
            await line.command("books", "--replay", "--json"),
            tracker.returncode,
        )


def test_a_due_is_fixed_by_the_version_in_force_at_its_start(story: Story) -> None:
    assert story.before.expected[1] == story.before.due_ms
    assert story.later.expected[2] == story.later.due_ms


def test_a_version_adopted_while_the_line_runs_is_named_by_the_ticks(story: Story) -> None:
    assert {1, 2} == story.versions


def test_an_open_deadline_moves_to_where_the_new_version_has_it(story: Story) -> None:
    assert story.moved.expected[2] == story.moved.due_ms
    assert story.before.due_ms != story.moved.due_ms


def test_a_deadline_that_was_kept_does_not_move(story: Story) -> None:
    assert story.closed.expected[1] == story.closed.due_ms


def test_a_replay_of_both_versions_gives_the_same_books(story: Story) -> None:
    assert story.books["balanced"], story.books["faults"]
    assert [] == story.books["replay_differences"]


def test_the_tracker_follows_the_new_version(story: Story) -> None:
    assert story.tracker is None
