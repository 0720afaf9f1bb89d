"""The suite of crashes at the edges: the sender's spool in SQLite, and the recipient's inbox.

The same suite as for the gateway's outbox (`hoatoc.testing.crash_suite`): each is killed before and
after each of its statements and messages, and its connections to the broker are closed.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from hoatoc.testing.crash import Blow
from hoatoc.testing.crash_suite import hand_over_through_crashes, publish_through_crashes
from hoatoc.testing.gateway import door_on
from hoatoc.testing.handing import Handing, Publishing
from hoatoc.testing.killed_door import A
from hoatoc.testing.killed_inbox import Handled, HandledByHttp
from hoatoc.testing.killed_spool import Forwarded, ForwardedByHttp, IntoFolder, ToPort
from hoatoc.testing.line import Line, NewLine, eventually

pytestmark = pytest.mark.timeout(400)
BLOWS = (Blow.KILLED, Blow.CLOSED)


@dataclass(slots=True)
class Place:
    """A line, and the folder of the one at its edge."""

    line: Line
    folder: Path


@pytest_asyncio.fixture
async def place(new_line: NewLine, tmp_path: Path) -> AsyncIterator[Place]:
    async with new_line() as line:
        yield Place(line, tmp_path)


HANDINGS: dict[str, Callable[[Place], Handing]] = {
    "folder": lambda place: IntoFolder(place.line.settings, place.folder),
    "port": lambda place: ToPort(place.line.settings, place.folder),
}
PUBLISHINGS: dict[str, Callable[[Place], Publishing]] = {
    "spool": lambda place: Forwarded(place.line.settings, place.folder),
    "inbox": lambda place: Handled(place.line.settings, place.folder, place.line.write),
}


@pytest.mark.parametrize("blow", BLOWS)
async def test_what_leaves_for_a_gateway_through_a_crash_is_taken_once(
    place: Place, blow: Blow
) -> None:
    async with door_on(place.line) as door:
        settings = place.line.settings
        to = settings.spool.model_copy(update={"gateway": door.url, "key": door.keys[A]})
        settings = settings.model_copy(update={"spool": to})
        publishing = ForwardedByHttp(settings, place.folder, database=place.line.database)
        await publish_through_crashes(publishing, blow, no_sessions)


@pytest.mark.parametrize("blow", BLOWS)
async def test_what_is_taken_from_a_gateway_through_a_crash_is_handled_and_answered(
    place: Place, blow: Blow
) -> None:
    line = place.line
    async with door_on(line) as door, line.program("relay"):
        publishing = HandledByHttp(line.settings, place.folder, line.write, door=door)
        await publish_through_crashes(publishing, blow, no_sessions)


async def no_sessions() -> None:
    """End no session: none is held with a database."""


@pytest.mark.parametrize("name", HANDINGS)
async def test_what_the_spool_is_given_through_a_crash_is_taken_once(
    place: Place, name: str
) -> None:
    publishing = Forwarded(place.line.settings, place.folder)
    handing = HANDINGS[name](place)
    await hand_over_through_crashes(handing, publishing, Blow.KILLED, no_sessions, eventually)


@pytest.mark.parametrize("blow", BLOWS)
@pytest.mark.parametrize("name", PUBLISHINGS)
async def test_what_leaves_through_a_crash_is_what_came(
    place: Place, name: str, blow: Blow
) -> None:
    await publish_through_crashes(PUBLISHINGS[name](place), blow, no_sessions)
