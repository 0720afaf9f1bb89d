"""Commands about dead letters: list them, show one, put one back into its topic."""

import asyncio
import getpass
import time
from dataclasses import asdict, replace
from typing import Annotated, Any
from uuid import UUID, uuid4, uuid5

import typer
from aiokafka import TopicPartition

from hoatoc import codec
from hoatoc.cli import output
from hoatoc.cli.reach import Data, Json, settings_of
from hoatoc.config import Settings
from hoatoc.domain import topic
from hoatoc.domain.error import PeerFault
from hoatoc.domain.event import (
    DeadLettered,
    DeadLetterPutBack,
    DispatchPublished,
    DocumentDispatched,
    Event,
    RecallIssued,
    RecallPublished,
)
from hoatoc.kafka.client import Outgoing, consumer, outgoing, producer, send_all
from hoatoc.kafka.dead_letter import PUT_BACK_HEADER, headers_of

dead_letters = typer.Typer(help="Dead letters: what could not be read or handled.")


class UnknownDeadLetter(PeerFault):
    """No dead letter has this id."""


class NotReplaceable(PeerFault):
    """The dead letter cannot be put back into its topic by hand."""


async def _read(settings: Settings) -> tuple[dict[UUID, DeadLettered], dict[UUID, int]]:
    """Return the dead letters by id, and where those put back now stand."""
    place = TopicPartition(topic.DEAD_LETTERS, 0)
    letters: dict[UUID, DeadLettered] = {}
    back: dict[UUID, int] = {}
    async with consumer(settings.kafka) as reader:
        reader.assign([place])
        end = (await reader.end_offsets([place]))[place]
        await reader.seek_to_beginning(place)
        while await reader.position(place) < end:
            for record in (await reader.getmany(timeout_ms=2000)).get(place, []):
                event = codec.decode(record.value)
                if isinstance(event, DeadLettered):
                    letters.setdefault(event.event_id, event)
                elif isinstance(event, DeadLetterPutBack):
                    back[event.dead_letter_id] = event.offset
    return letters, back


def _letter(letters: dict[UUID, DeadLettered], of: UUID) -> DeadLettered:
    if of not in letters:
        raise UnknownDeadLetter(f"no dead letter has the id {of}: see `hoatoc dead-letters list`")
    return letters[of]


@dead_letters.command("list")
def list_letters(data: Data = None, json: Json = False) -> None:
    """List the dead letters."""
    letters, back = asyncio.run(_read(settings_of(data)))
    rows: list[dict[str, Any]] = [
        {
            "id": letter.event_id,
            "parked": output.instant(letter.parked_ms),
            "by": letter.consumer,
            "from": f"{letter.topic}/{letter.partition}/{letter.offset}",
            "reason": letter.reason,
            "detail": letter.detail,
            "put_back": back.get(letter.event_id),
        }
        for letter in letters.values()
    ]
    headings = {
        "id": "Mã · id",
        "parked": "Lúc · at",
        "by": "Do · by",
        "from": "Vị trí · position",
        "reason": "Lý do · reason",
        "detail": "Chi tiết · detail",
        "put_back": "Đưa lại ở vị trí · put back at offset",
    }
    output.table(rows, headings, machine=json)


@dead_letters.command()
def show(
    letter: Annotated[UUID, typer.Argument(help="Id of the dead letter.")],
    data: Data = None,
    json: Json = False,
) -> None:
    """Show a dead letter with its payload as it was."""
    letters, back = asyncio.run(_read(settings_of(data)))
    found = _letter(letters, letter)
    fields = asdict(found) | {"put_back_at": back.get(letter)}
    for name in ("key", "value"):
        fields[name] = repr(fields[name])
    fields["headers"] = {h.name: repr(h.value) for h in found.headers}
    if json:
        output.as_json(fields)
        return
    console = output.screen()
    for name, value in fields.items():
        console.print(f"[bold]{name}[/bold]  ", end="")
        console.print(str(value), markup=False)


@dead_letters.command("put-back")
def put_back(
    letter: Annotated[UUID, typer.Argument(help="Id of the dead letter.")],
    data: Data = None,
) -> None:
    """Put a dead letter back into its topic, as an ordinary record at a new offset."""
    settings = settings_of(data)

    async def write() -> int:
        letters, back = await _read(settings)
        found = _letter(letters, letter)
        if letter in back:
            raise NotReplaceable(f"it was put back already, at offset {back[letter]}")
        found = await _whole(settings, found)
        event = _readable(found)
        async with producer(settings.kafka) as to:
            (place,) = await send_all(to, [_again(found)])
            if isinstance(event, DocumentDispatched | RecallIssued):
                await send_all(to, [_published(event, settings.kafka.partitions)])
            await send_all(to, [_note(found, place.offset)])
        return int(place.offset)

    offset = asyncio.run(write())
    typer.echo(f"đã đưa lại · put back at offset {offset}")


async def _whole(settings: Settings, letter: DeadLettered) -> DeadLettered:
    """Return a letter with its content: that of a hand-over stands only where it was written."""
    if letter.value is not None or not letter.topic.startswith("handovers."):
        return letter
    place = TopicPartition(letter.topic, letter.partition)
    async with consumer(settings.kafka) as reader:
        reader.assign([place])
        first = (await reader.beginning_offsets([place]))[place]
        end = (await reader.end_offsets([place]))[place]
        if first <= letter.offset < end:
            reader.seek(place, letter.offset)
            record = await reader.getone(place)
            if record.offset == letter.offset:
                headers = headers_of(record)
                return replace(letter, key=record.key, value=record.value, headers=headers)
    raise NotReplaceable(
        f"its content stood only in {letter.topic}, offset {letter.offset}, and is gone there: ask "
        "the sender to hand the document over again"
    )


def _readable(letter: DeadLettered) -> Event:
    """Return the event that a letter holds; raises NotReplaceable when it still holds none."""
    try:
        return codec.decode(letter.value)
    except codec.Undecodable as error:
        raise NotReplaceable(
            f"it still cannot be read ({error}): mend the reader first, or answer in its place "
            f"with `hoatoc answer DELIVERY … --repairs {letter.event_id}`"
        ) from error


def _published(copy: DocumentDispatched | RecallIssued, partitions: int) -> Outgoing:
    """Return the publication of a copy, or of a recall, that the broker had refused."""
    event: DispatchPublished | RecallPublished
    if isinstance(copy, RecallIssued):
        event = RecallPublished(
            event_id=uuid5(copy.event_id, "put back"),
            dispatch_id=copy.dispatch_id,
            recall_id=copy.recall_id,
            confirmed=[copy.recipient],
            refused=[],
        )
    else:
        event = DispatchPublished(
            event_id=uuid5(copy.delivery_id, "put back"),
            dispatch_id=copy.dispatch_id,
            confirmed=[copy.recipient],
            refused=[],
        )
    return outgoing(
        event,
        topic=topic.DELIVERIES,
        key=str(copy.dispatch_id).encode(),
        source="cli",
        dispatch_id=copy.dispatch_id,
        partition=topic.partition_of_dispatch(copy.dispatch_id, partitions),
    )


def _again(letter: DeadLettered) -> Outgoing:
    """Return the record as it was, marked with the dead letter that it repairs."""
    headers = [(h.name, h.value or b"") for h in letter.headers if h.name != PUT_BACK_HEADER]
    headers.append((PUT_BACK_HEADER, str(letter.event_id).encode()))
    return Outgoing(letter.topic, letter.key or b"", letter.value or b"", headers, letter.partition)


def _note(letter: DeadLettered, offset: int) -> Outgoing:
    event = DeadLetterPutBack(
        event_id=uuid4(),
        dead_letter_id=letter.event_id,
        operator=getpass.getuser(),
        put_back_ms=time.time_ns() // 1_000_000,
        offset=offset,
    )
    return outgoing(
        event,
        topic=topic.DEAD_LETTERS,
        key=letter.key or b"",
        source="cli",
        dispatch_id=None,
        partition=0,
    )
