"""Answers: transport acknowledgements and statuses, appended to the log and confirmed by it."""

import time
from collections.abc import Callable
from datetime import datetime
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
from producers.gateway.refusal import ReasonMissing
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

    return await answer(
        here, speaks, delivery_id, f"acknowledgement/{outcome}", key or reason or "", event
    )


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

    if not key and (description or reported_at):
        key = f"{reported_at.timestamp() if reported_at else ''}/{description or ''}"
    return await answer(here, speaks, delivery_id, f"status/{code}", key, event)


async def answer(
    here: Gateway,
    speaks: Speaking,
    delivery_id: UUID,
    what: str,
    key: str,
    event: Callable[[UUID, UUID, str], Answer],
) -> UUID:
    """Append an answer to the log, confirmed, unless it stands there; return its id.

    Raises AccessDenied, NotFound, BrokerAway.
    """
    async with here.connection() as connection:
        tables = InboxTables(connection)
        event_id = answer_id(delivery_id, what, key)
        copy = await tables.copy_of(delivery_id, event_id)
        own = [copy["recipient"]] if copy and copy["left_us"] else []
        speaks.find(Action.ANSWER, Thing.DELIVERY, delivery_id, own)
        assert copy is not None  # noqa: S101 - it was found
        if copy["is_answered"]:
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
        await InboxTables(connection).answered(event_id, delivery_id, what, NAME, audited)
    return event_id


async def ask_back(
    here: Gateway, speaks: Speaking, delivery_id: UUID, reason: str, key: str = ""
) -> UUID:
    """Ask one copy back (status 13), as its sender; asked again it changes nothing.

    Raises AccessDenied, NotFound.
    """
    async with here.connection() as connection:
        tables = InboxTables(connection)
        event_id = answer_id(delivery_id, "status/13", key)
        copy = await tables.copy_of(delivery_id, event_id)
        own = [copy["sender"]] if copy else []
        speaks.find(Action.RECALL, Thing.DELIVERY, delivery_id, own)
        assert copy is not None  # noqa: S101 - it was found
        handovers = HandoverTables(connection)
        copies = await handovers.copies(copy["dispatch_id"])
        wanted = [each for each in copies if each.delivery_id == delivery_id]
        asking = Asking(form=Form.STATUS_13, reason=reason, requested_by=copy["sender"])
        async with connection.transaction():
            await handovers.ask_back(wanted, asking)
            audited = row(speaks, Action.RECALL, delivery_id)
            await tables.answered(event_id, delivery_id, "status/13", NAME, audited)
    return event_id


def answer_id(delivery_id: UUID, what: str, key: str) -> UUID:
    """Return the id of an answer through the gateway: of a repetition it is the same."""
    return uuid5(delivery_id, f"{NAME}/{what}/{key}")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
