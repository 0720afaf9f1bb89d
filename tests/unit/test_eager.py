"""faust's consumer races only what waits."""

import asyncio
from inspect import CORO_CLOSED, getcoroutinestate

import pytest

from hoatoc.kafka.eager import Eager


class Reader(Eager):
    """A service that does nothing."""


@pytest.fixture
async def reader() -> Reader:
    """Return a service in the loop of the test."""
    return Reader()


async def test_done_at_once_is_not_raced(reader: Reader) -> None:
    halt = asyncio.Event()
    waiting = halt.wait()

    async def at_once() -> int:
        return 7

    found = await reader.wait_first(at_once(), waiting)

    assert found.results == [7]
    assert not found.stopped
    assert getcoroutinestate(waiting) == CORO_CLOSED, "what was raced against is closed"


async def test_what_fails_at_once_is_raised(reader: Reader) -> None:
    async def at_once() -> None:
        raise LookupError("no such partition")

    with pytest.raises(LookupError, match="no such partition"):
        await reader.wait_first(at_once(), asyncio.Event().wait())


async def test_a_full_buffer_yields_to_a_halt(reader: Reader) -> None:
    room, halt = asyncio.Event(), asyncio.Event()
    delivered = []

    async def deliver() -> None:
        await room.wait()
        delivered.append(1)

    race = asyncio.create_task(reader.wait_first(deliver(), halt.wait()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    halt.set()
    await race
    room.set()
    await asyncio.sleep(0)

    assert delivered == [], "the hand-over was called off"


async def test_a_full_buffer_that_gets_room_delivers(reader: Reader) -> None:
    room = asyncio.Event()

    async def deliver() -> int:
        await room.wait()
        return 7

    race = asyncio.create_task(reader.wait_first(deliver(), asyncio.Event().wait()))
    await asyncio.sleep(0)
    room.set()

    assert (await race).results == [7]


async def test_who_is_cancelled_calls_the_hand_over_off(reader: Reader) -> None:
    called_off = asyncio.Event()

    async def deliver() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            called_off.set()

    race = asyncio.create_task(reader.wait_first(deliver(), asyncio.Event().wait()))
    await asyncio.sleep(0)
    race.cancel()
    with pytest.raises(asyncio.CancelledError):
        await race

    await asyncio.wait_for(called_off.wait(), 5)
