"""Names of topics, and which partition a record belongs to.

The partitioner is ours and explicit: clients' own differ, and with another one "before" would
lose its meaning.
"""

from uuid import UUID
from zlib import crc32

DELIVERIES = "deliveries"
ALERTS = "alerts"
DEAD_LETTERS = "dead-letters"


def documents(recipient: str) -> str:
    """Return the topic of what is sent to an organ; that organ alone reads it."""
    return f"documents.{recipient}"


def handovers(organ: str) -> str:
    """Return the topic where an organ hands documents over; that organ alone writes it."""
    return f"handovers.{organ}"


def reports(organ: str) -> str:
    """Return the topic where an organ answers; that organ alone writes it."""
    return f"reports.{organ}"


def statuses(sender: str) -> str:
    """Return the topic of what became of a sender's documents; that sender alone reads it."""
    return f"statuses.{sender}"


def organ_of(topic: str) -> str:
    """Return the organ that a topic belongs to: the topic is what authenticates it."""
    return topic.partition(".")[2]


def of_organ(code: str) -> tuple[str, ...]:
    """Return the topics of one organ."""
    return documents(code), handovers(code), reports(code), statuses(code)


def partition_of_dispatch(dispatch_id: UUID, partitions: int) -> int:
    """Return the partition of `deliveries` that holds everything about a dispatch."""
    return dispatch_id.int % partitions


def partition_of_key(key: bytes, partitions: int) -> int:
    """Return the partition of any other key."""
    return crc32(key) % partitions
