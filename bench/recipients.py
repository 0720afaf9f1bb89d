"""The recipients of the bench, all in one process: take every copy and answer done, 01 and 05.

Those named on the command line take nothing and stay silent.
"""

import asyncio
import sys
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord

from bench.helping import READY
from hoatoc import codec, config
from hoatoc.domain import topic
from hoatoc.domain.event import Answer, DocumentDispatched, StatusReported, TransportAcknowledged
from hoatoc.kafka.client import Outgoing, consumer, producer, send_all
from hoatoc.prepare import first_registry


async def answer(reader: AIOKafkaConsumer, silent: AbstractSet[str]) -> None:
    """Answer until cancelled; say when everything from now on is answered."""
    organs = [organ.code for organ in first_registry() if organ.code not in silent]
    places = [TopicPartition(topic.documents(code), 0) for code in organs]
    reader.assign(places)
    await reader.seek_to_end(*places)
    async with producer(config.load().kafka, [topic.reports(code) for code in organs]) as to:
        print(READY, flush=True)
        while True:
            fetched = await reader.getmany(timeout_ms=1000)
            records = [record for place in fetched.values() for record in place]
            await send_all(to, [out for record in records for out in _answers(record)])


def _answers(record: ConsumerRecord) -> Iterator[Outgoing]:
    copy = codec.decode(record.value)
    if isinstance(copy, DocumentDispatched):
        for event in _events(copy):
            key = str(copy.dispatch_id).encode()
            yield Outgoing(topic.reports(copy.recipient), key, codec.encode(event), [], partition=0)


def _events(copy: DocumentDispatched) -> Iterator[Answer]:
    yield TransportAcknowledged(
        event_id=uuid4(),
        dispatch_id=copy.dispatch_id,
        recipient=copy.recipient,
        outcome="done",
    )
    for code in ("01", "05"):
        yield StatusReported(
            event_id=uuid4(),
            dispatch_id=copy.dispatch_id,
            recipient=copy.recipient,
            code=code,
        )


async def main() -> None:
    """Play the recipients until ended."""
    async with consumer(config.load().kafka, fetch_max_wait_ms=100) as reader:
        await answer(reader, frozenset(sys.argv[1:]))


if __name__ == "__main__":
    asyncio.run(main())
