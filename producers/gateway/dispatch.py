"""Dispatches: what became of what one handed over."""

from uuid import UUID

from fastapi import APIRouter

from hoatoc.domain.access import Action, Thing
from hoatoc.postgres.inbox import InboxTables
from producers.gateway.openapi import problems
from producers.gateway.shape import Dispatch
from producers.gateway.speaking import Speaks
from producers.gateway.state import Here

router = APIRouter(prefix="/v1/dispatches", tags=["dispatches"])


@router.get(
    "/{dispatch_id}",
    response_model=Dispatch,
    responses=problems(401, 403, 404, 422, 429, 503),
)
async def dispatch(dispatch_id: UUID, here: Here, speaks: Speaks) -> Dispatch:
    """Show a dispatch, and how the copy for each recipient stands."""
    async with here.connection() as connection:
        tables = InboxTables(connection)
        sender = await tables.sender_of(dispatch_id)
        speaks.find(Action.READ_DISPATCH, Thing.DISPATCH, dispatch_id, [sender])
        return Dispatch(**await tables.dispatch(dispatch_id))
