"""Deleting a record from `handovers.<organ>`, so that its bytes leave the broker's disk too.

Kafka deletes from the beginning of a partition: up to a record, with all that stands before it,
which was taken already. That hides the record at once; its bytes leave the disk with their segment,
and a segment leaves only when nothing in it is wanted and it is not the one being written. So:

1. `delete_up_to` the record: nobody can read it from now on.
2. When the segment is due to be closed (`segment.ms` after the record), `append_marker`: a record
   without a value, which begins the next segment.
3. When all that stands before the marker was taken, `delete_up_to` what stands before it: the
   segment goes at the broker's next look (`log.retention.check.interval.ms`), after
   `file.delete.delay.ms`.

Each step may be repeated. No untaken record is touched. The bytes of a file that was removed are
overwritten when the file system uses their place again; replicas follow their leader.
"""

from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord, TopicPartition

from hoatoc.domain.error import OurFault
from hoatoc.kafka.client import AWAY, BrokerAway
from hoatoc.ports import Producer

MARKER_HEADER = "hoatoc-end-of-segment"
_MARKER = [(MARKER_HEADER, b"")]


class DeletionRefused(OurFault):
    """The broker does not delete a record that must not stay; a person has to."""


async def delete_up_to(
    client: AIOKafkaAdminClient, topic: str, offset: int, partition: int = 0
) -> int:
    """Delete the record at an offset and all before it; return the offset that is now the first.

    Raises BrokerAway, or DeletionRefused with the topic, the offset and the broker's reason.
    """
    place = TopicPartition(topic, partition)
    try:
        deleted = await client.delete_records({place: RecordsToDelete(before_offset=offset + 1)})
    except AWAY as error:
        raise BrokerAway(f"the broker does not answer: {error}") from error
    except KafkaError as error:
        if error.retriable:
            raise BrokerAway(f"the broker does not delete yet: {error}") from error
        raise DeletionRefused(
            f"{topic}[{partition}]: the broker does not delete up to offset {offset} "
            f"({type(error).__name__}). Give Hoatoc the right to (ACL Delete), or delete it by "
            "kafka-delete-records."
        ) from error
    return deleted[place]


async def append_marker(producer: Producer, topic: str, partition: int = 0) -> int:
    """Append a record that begins a new segment if the last is due; return its offset."""
    try:
        placed = await producer.send_and_wait(
            topic, value=None, key=b"", partition=partition, headers=_MARKER
        )
    except AWAY as error:
        raise BrokerAway(f"the broker does not answer: {error}") from error
    return placed.offset


def is_marker(record: ConsumerRecord) -> bool:
    """Tell whether a record is a marker of ours: whoever reads the topic passes over it."""
    return record.value is None and any(name == MARKER_HEADER for name, _ in record.headers)
