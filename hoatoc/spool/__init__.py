"""The spool: a sender's outbox in one SQLite file, for a line that is down half the day."""

from hoatoc.spool.outbox import (
    Arrival,
    Fate,
    Named,
    Outbox,
    Queued,
    SpoolFull,
    Standing,
    Taken,
    open_outbox,
    spool_id,
)

__all__ = [
    "Arrival",
    "Fate",
    "Named",
    "Outbox",
    "Queued",
    "SpoolFull",
    "Standing",
    "Taken",
    "open_outbox",
    "spool_id",
]
