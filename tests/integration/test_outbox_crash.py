"""Crash-consistency of the outbox: after kill -9 at any step the accepted are the published, by id.

The suite (`hoatoc.testing.crash_suite`) over the PostgreSQL outbox, the doors before it and the
relay behind it.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest
import pytest_asyncio

from hoatoc.testing.crash import Act, Blow
from hoatoc.testing.crash_suite import hand_over_through_crashes, publish_through_crashes
from hoatoc.testing.handing import Handing, Publishing
from hoatoc.testing.killed_door import (
    MARK,
    CommandLine,
    KafkaDoor,
    Replacing,
    SendingAgain,
    Take,
)
from hoatoc.testing.killed_relay import Log, Publish, Relayed, log_of
from hoatoc.testing.line import Line, NewLine, eventually

pytestmark = pytest.mark.timeout(300)


@dataclass(slots=True)
class Place:
    """A line, its log, and what is open beside the processes that are killed."""

    line: Line
    log: Log
    taking: Act
    relaying: Act

    async def end_sessions(self) -> None:
        await self.line.database.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name ="
            f" '{MARK}' AND datname = current_database()"
        )


@pytest_asyncio.fixture(scope="module")
async def place(new_line: NewLine) -> AsyncIterator[Place]:
    async with (
        new_line() as line,
        log_of(line.settings) as log,
        Take(line.settings).open() as taking,
        Publish(line.settings).open() as relaying,
    ):
        yield Place(line, log, taking, relaying)


HANDINGS: dict[str, Callable[[Place], Handing]] = {
    "send": lambda place: CommandLine(place.line),
    "replace": lambda place: Replacing(place.line),
    "resend": lambda place: SendingAgain(place.line),
    "kafka": lambda place: KafkaDoor(place.line, taking=place.taking),
}
WITHOUT_BROKER = {"send", "replace", "resend"}
"""Doors that write to no broker: no connection of theirs to it can be closed."""
CASES = [
    (name, blow)
    for name in HANDINGS
    for blow in Blow
    if not (blow is Blow.CLOSED and name in WITHOUT_BROKER)
]


@pytest.fixture
def publishing(place: Place) -> Publishing:
    return Relayed(place.line, place.log, place.relaying)


@pytest.mark.parametrize(("name", "blow"), CASES)
async def test_what_is_handed_over_through_a_crash_is_accepted_once(
    publishing: Publishing, place: Place, name: str, blow: Blow
) -> None:
    handing = HANDINGS[name](place)
    await hand_over_through_crashes(handing, publishing, blow, place.end_sessions, eventually)


@pytest.mark.parametrize("blow", Blow)
async def test_what_is_published_through_a_crash_is_what_was_accepted(
    publishing: Publishing, place: Place, blow: Blow
) -> None:
    await publish_through_crashes(publishing, blow, place.end_sessions)
