"""The conservation proof: every copy handed over is in exactly one state of the books."""

from dataclasses import asdict, dataclass
from typing import Any

from aiokafka import TopicPartition

from hoatoc.config import Kafka
from hoatoc.domain import topic
from hoatoc.kafka.client import BrokerAway, consumer
from hoatoc.postgres.connection import Connection
from hoatoc.postgres.query import queries

SQL = queries("report")
PLACES = {
    "unsent": "chưa gửi · unsent",
    "cancelled unsent": "hủy trước khi gửi · cancelled unsent",
    "open in time": "đang mở, trong hạn · open in time",
    "open overdue": "đang mở, quá hạn · open overdue (alerted)",
    "accepted": "đã tiếp nhận · accepted",
    "refused": "từ chối · refused",
    "receive-failed": "nhận lỗi · receive-failed",
    "parked": "gửi lỗi · parked",
    "recalled": "đã thu hồi · recalled",
}


@dataclass(frozen=True, slots=True)
class Proof:
    """The books at one instant; `log_end` is None while the broker is away."""

    handed_over: int
    copies: dict[str, int]
    recovered: int
    lost: int
    strays: int
    booked: int
    lines: int
    ticks: int
    log_end: int | None
    faults: tuple[str, ...]

    @property
    def balanced(self) -> bool:
        """Tell whether nothing fell between."""
        return not self.faults

    def as_dict(self) -> dict[str, Any]:
        """Return the proof for machines."""
        return asdict(self) | {"balanced": self.balanced}


async def prove(connection: Connection, kafka: Kafka) -> Proof:
    """Read the books in one snapshot, then the ends of the log."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        rows = await connection.fetch(SQL["copies"])
        strays = await connection.fetchval(SQL["strays"])
        counts = await connection.fetch(SQL["counts"])
        handed_over = await connection.fetchval("SELECT count(*) FROM handover_recipient")
    copies = dict.fromkeys(PLACES, 0) | {row["place"]: row["copies"] for row in rows}
    lost = sum(row["lost"] for row in rows)
    ends = await _ends(kafka)
    faults = [
        *([f"{lost} copies were published and are not in the books"] if lost else ()),
        *([f"{strays} deliveries were never handed over"] if strays else ()),
        *(
            [f"{handed_over} copies handed over, {sum(copies.values())} in the books"]
            if sum(copies.values()) != handed_over
            else ()
        ),
        *_count_faults(counts, ends),
    ]
    return Proof(
        handed_over,
        copies,
        sum(row["recovered"] for row in rows),
        lost,
        strays,
        sum(row["next_offset"] for row in counts),
        sum(row["lines"] for row in counts),
        sum(row["ticks"] for row in counts),
        None if ends is None else sum(ends.values()),
        tuple(faults),
    )


def _count_faults(counts: list[Any], ends: dict[int, int] | None) -> list[str]:
    """Return where the counts of a partition are not the log's."""
    faults = [
        f"partition {row['partition']}: booked to offset {row['next_offset']}, but "
        f"{row['lines']} events and {row['ticks']} ticks stand there"
        for row in counts
        if row["next_offset"] != row["lines"] + row["ticks"]
    ]
    return faults + [
        f"partition {row['partition']}: booked to offset {row['next_offset']}, the log ends at "
        f"{ends[row['partition']]}"
        for row in counts
        if ends is not None and row["next_offset"] > ends.get(row["partition"], 0)
    ]


async def _ends(kafka: Kafka) -> dict[int, int] | None:
    try:
        async with consumer(kafka, topic.DELIVERIES) as reader:
            partitions = reader.partitions_for_topic(topic.DELIVERIES) or set()
            places = [TopicPartition(topic.DELIVERIES, p) for p in partitions]
            return {p.partition: end for p, end in (await reader.end_offsets(places)).items()}
    except BrokerAway:
        return None
