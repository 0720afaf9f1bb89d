"""Replay: the books are a function of the log, so reading it again must give the same.

Nothing is written and nobody is told; what the ledger holds at its positions is compared with what
the log says up to there.
"""

from collections.abc import Mapping
from uuid import UUID

from aiokafka import AIOKafkaConsumer, TopicPartition

from hoatoc.config import Kafka
from hoatoc.domain import topic
from hoatoc.domain.book import Account, settle
from hoatoc.domain.walk import Entry, PartitionBook, walk
from hoatoc.domain.working_due import Calendars
from hoatoc.kafka.client import consumer
from hoatoc.kafka.entry import decoded
from hoatoc.postgres.calendar import CalendarTables
from hoatoc.postgres.connection import Connection
from hoatoc.postgres.ledger import LedgerTables


async def replay(connection: Connection, kafka: Kafka) -> list[str]:
    """Read the log from 0 and return every difference from the books."""
    tables = LedgerTables(connection)
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        books = await tables.positions(range(kafka.partitions))
        ids = [r["delivery_id"] for r in await connection.fetch("SELECT delivery_id FROM delivery")]
        booked = await tables.accounts(ids)
        calendars = await tables.calendars(range(1, await CalendarTables(connection).current() + 1))
    found: dict[UUID, Account] = {}
    differences: list[str] = []
    async with consumer(kafka) as reader:
        for partition, book in sorted(books.items()):
            clock, accounts = await _read(reader, partition, book.next_offset, calendars)
            found |= accounts
            if clock != book:
                differences.append(f"partition {partition}: booked {book}, replayed {clock}")
    return differences + _compare(booked, found)


async def _read(
    reader: AIOKafkaConsumer, partition: int, end: int, calendars: Calendars
) -> tuple[PartitionBook, dict[UUID, Account]]:
    """Read one partition from 0 to an offset."""
    place = TopicPartition(topic.DELIVERIES, partition)
    reader.assign([place])
    reader.seek(place, 0)
    book, accounts = PartitionBook(), dict[UUID, Account]()
    while book.next_offset < end:
        for record in (await reader.getmany(timeout_ms=5000)).get(place, []):
            if record.offset < end:
                entry = decoded(record.offset, record.timestamp, record.value)
                book = _apply(book, accounts, entry, calendars)
    return book, accounts


def _apply(
    book: PartitionBook, accounts: dict[UUID, Account], entry: Entry, calendars: Calendars
) -> PartitionBook:
    """Apply one record, a stretch of its own."""
    walked = walk(book, [entry])
    ids = {*walked.touched, *walked.proposals}
    if walked.ticks:
        ids |= accounts.keys()
    for of in ids:
        if account := settle(accounts.get(of), of, walked, calendars):
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
