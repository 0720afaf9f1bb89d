"""Dispatches: searched, shown, asked back, sent again, with a receipt for the file."""

from dataclasses import asdict
from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from hoatoc.domain.access import Action, Thing
from hoatoc.domain.identity import OrganCode
from hoatoc.domain.lifecycle import State
from hoatoc.domain.page import VIETNAM
from hoatoc.domain.registry import Registry
from hoatoc.domain.sending import Form
from hoatoc.ports import Asking
from hoatoc.postgres.handover import HandoverTables
from hoatoc.postgres.inbox import InboxTables, KeyTables
from producers.gateway.bounded import BODY_STATUSES, Bounded
from producers.gateway.openapi import problems
from producers.gateway.receipt import receipt_of
from producers.gateway.refusal import KeyReused, NoCopy, ReasonMissing
from producers.gateway.repeating import Key, checked
from producers.gateway.shape import (
    AskedBack,
    Dispatch,
    Dispatches,
    DispatchSummary,
    Happening,
    RecallWanted,
    ResendWanted,
    Resent,
    Timeline,
    Words,
)
from producers.gateway.speaking import Speaking, Speaks
from producers.gateway.state import Here
from producers.gateway.trace import DOOR, note

router = APIRouter(prefix="/v1/dispatches", tags=["dispatches"], route_class=Bounded)
_ONE = problems(401, 403, 404, 422, 429, 503)
_STATES = "|".join(("unsent", "cancelled", *State))


@router.get("", response_model=Dispatches, responses=problems(401, 403, 422, 429, 503))
async def search(
    here: Here,
    speaks: Speaks,
    q: Annotated[
        Words, Query(max_length=200, description="in the subject or the number, or an id")
    ] = "",
    state: Annotated[
        str | None, Query(pattern=f"^({_STATES})$", description="with a copy in this state")
    ] = None,
    after: Annotated[UUID | None, Query(description="`next` of the last answer")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Dispatches:
    """Search what one handed over, the newest first."""
    organ = speaks.permit(Action.SEARCH)
    async with here.connection() as connection:
        rows = await InboxTables(connection).search(organ, q, state, after, limit)
    items = [DispatchSummary(**row) for row in rows]
    return Dispatches(items=items, next=items[-1].dispatch_id if len(items) == limit else None)


@router.get("/{dispatch_id}", response_model=Dispatch, responses=_ONE)
async def dispatch(dispatch_id: UUID, here: Here, speaks: Speaks) -> Dispatch:
    """Show a dispatch, and how the copy for each recipient stands."""
    return Dispatch(**await _found(here, speaks, Action.READ_DISPATCH, dispatch_id))


@router.get("/{dispatch_id}/timeline", response_model=Timeline, responses=_ONE)
async def timeline(dispatch_id: UUID, here: Here, speaks: Speaks) -> Timeline:
    """Tell everything that the log says of a dispatch."""
    async with here.connection() as connection:
        tables = InboxTables(connection)
        sender = await tables.sender_of(dispatch_id)
        speaks.find(Action.READ_DISPATCH, Thing.DISPATCH, dispatch_id, [sender])
        rows = await tables.timeline(dispatch_id)
    return Timeline(events=[_happening(row) for row in rows])


def _happening(row: dict[str, Any]) -> Happening:
    return Happening(at=datetime.fromtimestamp(row.pop("append_ms") / 1000, UTC), **row)


@router.get(
    "/{dispatch_id}/receipt",
    response_class=HTMLResponse,
    responses=_ONE | {200: {"description": "The receipt.", "content": {"text/html": {}}}},
)
async def receipt(dispatch_id: UUID, here: Here, speaks: Speaks) -> HTMLResponse:
    """Print a receipt of a dispatch for the clerk's file, in Vietnamese and English."""
    found = await _found(here, speaks, Action.RECEIPT, dispatch_id)
    return HTMLResponse(receipt_of(found, speaks.registry, datetime.now(VIETNAM)))


async def _found(here: Here, speaks: Speaking, action: Action, dispatch_id: UUID) -> dict[str, Any]:
    async with here.connection() as connection:
        tables = InboxTables(connection)
        sender = await tables.sender_of(dispatch_id)
        speaks.find(action, Thing.DISPATCH, dispatch_id, [sender])
        return await tables.dispatch(dispatch_id)


@router.post(
    "/{dispatch_id}/recall",
    status_code=202,
    response_model=AskedBack,
    responses=problems(*BODY_STATUSES, 401, 403, 404, 422, 429, 503),
)
async def recall(dispatch_id: UUID, wanted: RecallWanted, here: Here, speaks: Speaks) -> AskedBack:
    """Ask copies back (status 13): of all recipients, or of some; again changes nothing."""
    reason = wanted.reason.strip()
    if not reason:
        raise ReasonMissing("reason")
    async with here.connection() as connection:
        sender = await InboxTables(connection).sender_of(dispatch_id)
        speaks.find(Action.RECALL, Thing.DISPATCH, dispatch_id, [sender])
        handovers = HandoverTables(connection)
        copies = await handovers.copies(dispatch_id)
        organs = _canonical(speaks.registry, wanted.recipients)
        _require_copies(organs, {copy.recipient for copy in copies})
        some = [copy for copy in copies if not organs or copy.recipient in organs]
        asking = Asking(form=Form.STATUS_13, reason=reason, requested_by=str(sender))
        async with connection.transaction():
            (asked,) = await handovers.ask_back(some, asking)
            again = not asked.asked
            await note(connection, speaks, Action.RECALL, dispatch_id, again=again)
    return AskedBack(**asdict(asked))


@router.post(
    "/{dispatch_id}/resend",
    status_code=201,
    response_model=Resent,
    responses=problems(*BODY_STATUSES, 401, 403, 404, 409, 422, 429, 503),
)
async def resend(
    dispatch_id: UUID, wanted: ResendWanted, here: Here, speaks: Speaks, key: Key = None
) -> Resent:
    """Send a document again to some recipients: those who do not have it.

    It is another dispatch. With an `Idempotency-Key` the same request again gives the same one.
    """
    given = checked(key)
    async with here.connection() as connection:
        sender = await InboxTables(connection).sender_of(dispatch_id)
        speaks.find(Action.RESEND, Thing.DISPATCH, dispatch_id, [sender])
        organs = _canonical(speaks.registry, wanted.recipients)
        digest = sha256(f"resend/{dispatch_id}/{organs}".encode()).digest()
        handovers, keys = HandoverTables(connection), KeyTables(connection)
        _require_copies(organs, {c.recipient for c in await handovers.copies(dispatch_id)})
        connections = {o: speaks.registry.connection(speaks.registry[o]) for o in organs}
        async with connection.transaction():
            if given:
                reserved = await keys.reserve(speaks.organ, given, digest)
                if reserved.digest != digest:
                    raise KeyReused
                if reserved.result is not None:
                    await note(connection, speaks, Action.RESEND, dispatch_id, again=True)
                    return Resent(dispatch_id=reserved.result, recipients=list(organs))
            policy = here.door.admission.policy
            new = await handovers.resend(dispatch_id, organs, connections, policy, DOOR)
            if given:
                await keys.keep(speaks.organ, given, new)
            await note(connection, speaks, Action.RESEND, dispatch_id)
    return Resent(dispatch_id=new, recipients=list(organs))


def _canonical(registry: Registry, names: list[str]) -> list[OrganCode]:
    """Return organs by their registered codes, each once; raises OrganUnknown."""
    today = datetime.now(VIETNAM).date()
    return sorted({each.organ.code for each in registry.recipients(names, today)})


def _require_copies(organs: list[OrganCode], copies: set[str]) -> None:
    """Raise NoCopy where one of these organs got no copy."""
    if missing := sorted(set(organs) - copies):
        raise NoCopy(missing)
