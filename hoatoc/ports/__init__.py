"""Ports: what the programs ask of the world, and the values that pass through.

An adapter implements a port (`hoatoc/kafka`, `hoatoc/postgres`), and so does its fake
(`hoatoc/testing`); both pass the same contract suite.
"""

from hoatoc.ports.handover import Asking, Copy, Handovers, Recalled, Speaker
from hoatoc.ports.ledger import (
    Announced,
    CalendarInForce,
    Database,
    Document,
    Ledger,
    PositionTaken,
    Transactional,
)
from hoatoc.ports.log import Consumer, Outgoing, Producer
from hoatoc.ports.outbox import Aged, Claimed, ClaimedRecall, Outbox, Recalls
from hoatoc.ports.telling import Announcements, PageDue, Pages, Queued

__all__ = [
    "Aged",
    "Announced",
    "Announcements",
    "Asking",
    "CalendarInForce",
    "Claimed",
    "ClaimedRecall",
    "Consumer",
    "Copy",
    "Database",
    "Document",
    "Handovers",
    "Ledger",
    "Outbox",
    "Outgoing",
    "PageDue",
    "Pages",
    "PositionTaken",
    "Producer",
    "Queued",
    "Recalled",
    "Recalls",
    "Speaker",
    "Transactional",
]
