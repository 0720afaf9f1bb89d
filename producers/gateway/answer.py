"""Answers: transport acknowledgements and statuses, appended to the log and confirmed by it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid5

from fastapi import APIRouter

from hoatoc.answering import is_take_back
from hoatoc.domain import topic
from hoatoc.domain.access import Action, Thing
from hoatoc.domain.event import Answer, StatusReported, TransportAcknowledged
from hoatoc.domain.sending import Form
from hoatoc.kafka.client import outgoing
from hoatoc.ports import Asking
from hoatoc.postgres.handover import HandoverTables
from hoatoc.postgres.inbox import InboxTables
from producers.gateway.bounded import BODY_STATUSES, Bounded
from producers.gateway.openapi import problems
from producers.gateway.refusal import KeyReused, ReasonMissing
from producers.gateway.repeating import Key, checked
from producers.gateway.shape import Acknowledgement, Answered, Status
from producers.gateway.speaking import Speaking, Speaks
from producers.gateway.state import NAME, Gateway, Here
from producers.gateway.trace import row

router = APIRouter(prefix="/v1/deliveries", tags=["answers"], route_class=Bounded)
REFUSED = "02"


@router.post(
    "/{delivery_id}/acknowledgement",
    status_code=202,
    response_model=Answered,
    responses=problems(*BODY_STATUSES, 401, 403, 404, 422, 429, 503),
)
async def acknowledge(
    delivery_id: UUID, said: Acknowledgement, here: Here, speaks: Speaks, key: Key = None
) -> Answered:
    """Acknowledge a packet: taken (`done`), not taken (`fail`), or still at it (`processing`)."""
    event_id = await taking(here, speaks, delivery_id, said.outcome, said.reason, checked(key))
    return Answered(event_id=event_id)


async def taking(
    here: Gateway,
    speaks: Speaking,
    delivery_id: UUID,
    outcome: str,
    reason: str | None = None,
    key: str = "",
) -> UUID:
    """Append an acknowledgement of a copy, and return its event; the same again is the same event.

    Without a key, another reason is another event. Raises AccessDenied, NotFound, BrokerAway.
    """

    def event(event_id: UUID, dispatch_id: UUID, recipient: str) -> Answer:
        return TransportAcknowledged(
            event_id=event_id,
            dispatch_id=dispatch_id,
            recipient=recipient,
            outcome=outcome,
            reason=reason,
            reported_ms=_now_ms(),
        )

    said = Wording(f"acknowledgement/{outcome}", reason or "", key or reason or "")
    return await answer(here, speaks, delivery_id, said, event)


@router.post(
    "/{delivery_id}/status",
    status_code=202,
    response_model=Answered,
    responses=problems(*BODY_STATUSES, 401, 403, 404, 422, 429, 503),
)
async def report(
    delivery_id: UUID, said: Status, here: Here, speaks: Speaks, key: Key = None
) -> Answered:
    """Report a status of a copy; 13 asks it back, and is its sender's."""
    event_id = await status(
        here, speaks, delivery_id, said.code, said.description, said.reported_at, checked(key)
    )
    return Answered(event_id=event_id)


async def status(
    here: Gateway,
    speaks: Speaking,
    delivery_id: UUID,
    code: str,
    description: str | None,
    reported_at: datetime | None,
    key: str = "",
) -> UUID:
    """Report a status of a copy, and return its event; the same again is the same event.

    Without a key, what is said and when tells one report from the next: 05 may come more than once.
    Raises AccessDenied, NotFound, ReasonMissing, BrokerAway.
    """
    if (code == REFUSED or is_take_back(code)) and not (description or "").strip():
        raise ReasonMissing("description")
    if is_take_back(code):
        return await ask_back(here, speaks, delivery_id, description or "", key)

    def event(event_id: UUID, dispatch_id: UUID, recipient: str) -> Answer:
        return StatusReported(
            event_id=event_id,
            dispatch_id=dispatch_id,
            recipient=recipient,
            code=code,
            description=description,
            reported_ms=int(reported_at.timestamp() * 1000) if reported_at else _now_ms(),
        )

    words = f"{reported_at.timestamp() if reported_at else ''}/{description or ''}"
    own = words if description or reported_at else ""
    said = Wording(f"status/{code}", words, key or own)
    return await answer(here, speaks, delivery_id, said, event)


@dataclass(frozen=True, slots=True)
class Wording:
    """An answer: what it is, its words, and by what it is known again."""

    what: str
    words: str
    key: str

    @property
    def said(self) -> tuple[str, bytes]:
        """What it is, and the digest of its words."""
        return self.what, sha256(self.words.encode()).digest()

    def event_id(self, delivery_id: UUID) -> UUID:
        """Return the id of this answer about a copy: of a repetition it is the same."""
        return uuid5(delivery_id, f"{NAME}/{self.what}/{self.key}")

    def require_same(self, copy: Mapping[str, Any]) -> None:
        """Raise KeyReused where other words were said under the same key."""
        if copy["words_sha256"] not in (None, self.said[1]):
            raise KeyReused


async def answer(
    here: Gateway,
    speaks: Speaking,
    delivery_id: UUID,
    wording: Wording,
    event: Callable[[UUID, UUID, str], Answer],
) -> UUID:
    """Append an answer to the log, confirmed, unless it stands there; return its id.

    Raises AccessDenied, NotFound, KeyReused, BrokerAway.
    """
    event_id = wording.event_id(delivery_id)
    async with here.connection() as connection:
        tables = InboxTables(connection)
        copy = await tables.copy_of(delivery_id, event_id)
        own = [copy["recipient"]] if copy and copy["left_us"] else []
        speaks.find(Action.ANSWER, Thing.DELIVERY, delivery_id, own)
        assert copy is not None  # noqa: S101 - it was found
        if copy["is_answered"]:
            wording.require_same(copy)
            return event_id
    said = event(event_id, copy["dispatch_id"], copy["recipient"])
    record = outgoing(
        said,
        topic=topic.DELIVERIES,
        key=str(said.dispatch_id).encode(),
        source=NAME,
        dispatch_id=said.dispatch_id,
        partition=topic.partition_of_dispatch(said.dispatch_id, here.settings.kafka.partitions),
    )
    here.require_broker()
    await here.outlet.send([record])
    audited = row(speaks, Action.ANSWER, delivery_id)
    async with here.connection() as connection:
        await InboxTables(connection).answered(event_id, delivery_id, wording.said, NAME, audited)
    return event_id


async def ask_back(
    here: Gateway, speaks: Speaking, delivery_id: UUID, reason: str, key: str = ""
) -> UUID:
    """Ask one copy back (status 13), as its sender; asked again it changes nothing.

    Raises AccessDenied, NotFound, KeyReused.
    """
    wording = Wording("status/13", reason, key)
    event_id = wording.event_id(delivery_id)
    async with here.connection() as connection:
        tables = InboxTables(connection)
        copy = await tables.copy_of(delivery_id, event_id)
        own = [copy["sender"]] if copy else []
        speaks.find(Action.RECALL, Thing.DELIVERY, delivery_id, own)
        assert copy is not None  # noqa: S101 - it was found
        if key:  # without one, whatever is said the second time changes nothing
            wording.require_same(copy)
        handovers = HandoverTables(connection)
        copies = await handovers.copies(copy["dispatch_id"])
        wanted = [each for each in copies if each.delivery_id == delivery_id]
        asking = Asking(form=Form.STATUS_13, reason=reason, requested_by=copy["sender"])
        async with connection.transaction():
            await handovers.ask_back(wanted, asking)
            audited = row(speaks, Action.RECALL, delivery_id)
            await tables.answered(event_id, delivery_id, wording.said, NAME, audited)
    return event_id


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
