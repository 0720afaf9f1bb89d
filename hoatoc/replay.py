"""Replay: the books are a function of the log, so reading it again must give the same.

Nothing is written and nobody is told; what the ledger holds at its positions is compared with what
the log says up to there.
"""

from collections.abc import Mapping
from uuid import UUID

from aiokafka import AIOKafkaConsumer, TopicPartition

from hoatoc import codec
from hoatoc.config import Kafka
from hoatoc.domain import topic
from hoatoc.domain.book import Account, Entry, PartitionBook, settle, walk
from hoatoc.kafka.client import consumer
from hoatoc.postgres.connection import Connection
from hoatoc.postgres.ledger import LedgerTables


async def replay(connection: Connection, kafka: Kafka) -> list[str]:
    """Read the log from 0 and return every difference from the books."""
    tables = LedgerTables(connection)
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        books = await tables.positions(range(kafka.partitions))
        ids = [r["delivery_id"] for r in await connection.fetch("SELECT delivery_id FROM delivery")]
        booked = await tables.accounts(ids)
    found: dict[UUID, Account] = {}
    differences: list[str] = []
    async with consumer(kafka) as reader:
        for partition, book in sorted(books.items()):
            clock, accounts = await _read(reader, partition, book.next_offset)
            found |= accounts
            if clock != book:
                differences.append(f"partition {partition}: booked {book}, replayed {clock}")
    return differences + _compare(booked, found)


async def _read(
    reader: AIOKafkaConsumer, partition: int, end: int
) -> tuple[PartitionBook, dict[UUID, Account]]:
    """Read one partition from 0 to an offset."""
    place = TopicPartition(topic.DELIVERIES, partition)
    reader.assign([place])
    reader.seek(place, 0)
    book, accounts = PartitionBook(), dict[UUID, Account]()
    while book.next_offset < end:
        for record in (await reader.getmany(timeout_ms=5000)).get(place, []):
            if record.offset < end:
                book = _apply(book, accounts, record.offset, record.timestamp, record.value)
    return book, accounts


def _apply(
    book: PartitionBook,
    accounts: dict[UUID, Account],
    offset: int,
    append_ms: int,
    value: bytes | None,
) -> PartitionBook:
    """Apply one record, a stretch of its own."""
    try:
        event = codec.decode(value)
    except codec.Undecodable:
        event = None
    walked = walk(book, [Entry(offset, append_ms, event)])
    ids = {*walked.touched, *walked.proposals}
    if walked.ticks:
        ids |= accounts.keys()
    for of in ids:
        if account := settle(accounts.get(of), of, walked):
            accounts[of] = account
    return walked.after


def _compare(booked: Mapping[UUID, Account], found: Mapping[UUID, Account]) -> list[str]:
    missing = [f"delivery {of}: in the log, not in the books" for of in found.keys() - booked]
    extra = [f"delivery {of}: in the books, not in the log" for of in booked.keys() - found]
    other = [
        f"delivery {of}: booked {booked[of]}, replayed {found[of]}"
        for of in booked.keys() & found.keys()
        if booked[of] != found[of]
    ]
    return missing + extra + other
