"""Hoatoc from Python: hand documents over, follow them, take and answer one's own."""

from hoatoc.client.asynchronous import AsyncClient
from hoatoc.client.blocking import Client
from hoatoc.client.error import (
    AccessDenied,
    Busy,
    CheckFailed,
    Conflict,
    ContentAltered,
    DocumentConflict,
    GatewayAway,
    GatewayFault,
    KeyReused,
    NotFound,
    NotResent,
    NotServed,
    OutcomeUnknown,
    Problem,
    Refused,
    ReplyUnreadable,
    SecretSuspected,
    SpoolFull,
    TooLarge,
    Unauthenticated,
)
from hoatoc.client.inbox import Inbox, Poison, Received, Status, TryLater
from hoatoc.client.trying import Patience

__all__ = [
    "AccessDenied",
    "AsyncClient",
    "Busy",
    "CheckFailed",
    "Client",
    "Conflict",
    "ContentAltered",
    "DocumentConflict",
    "GatewayAway",
    "GatewayFault",
    "Inbox",
    "KeyReused",
    "NotFound",
    "NotResent",
    "NotServed",
    "OutcomeUnknown",
    "Patience",
    "Poison",
    "Problem",
    "Received",
    "Refused",
    "ReplyUnreadable",
    "SecretSuspected",
    "SpoolFull",
    "Status",
    "TooLarge",
    "TryLater",
    "Unauthenticated",
]
