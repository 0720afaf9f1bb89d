"""How things stand: the gateway itself, the backlog and the numbers of an organ, the registry."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from hoatoc.domain.access import Action, permit
from hoatoc.domain.registry import Organ, Registry
from hoatoc.postgres.inbox import InboxTables
from producers.gateway.openapi import problems
from producers.gateway.shape import (
    Backlog,
    Counted,
    Counts,
    Left,
    Organs,
    OrganShown,
    Standing,
)
from producers.gateway.speaking import Speaks
from producers.gateway.state import Here

MOST_LEFT = 500
router = APIRouter()
_ALL = problems(401, 403, 422, 429, 503)
_OPEN: dict[str, Any] = {"security": []}


@router.get("/healthz", tags=["health"], openapi_extra=_OPEN)
async def healthz() -> Standing:
    """Tell that the gateway runs."""
    return Standing(ready=True, parts={})


@router.get(
    "/readyz",
    tags=["health"],
    responses={503: {"model": Standing, "description": "A part is not ready."}},
    openapi_extra=_OPEN,
)
async def readyz(here: Here, response: Response) -> Standing:
    """Tell whether every part is ready, and which is not."""
    parts = here.health.standing()
    ready = all(how == "ready" for how in parts.values())
    response.status_code = 200 if ready else 503
    if not ready:
        response.headers["Retry-After"] = "5"
    return Standing(ready=ready, parts=parts)


@router.get("/v1/backlog", tags=["standing"], responses=_ALL)
async def backlog(here: Here, speaks: Speaks) -> Backlog:
    """Tell what one is missing: as recipient not yet taken or accepted, as sender not well."""
    organ = speaks.permit(Action.BACKLOG)
    async with here.connection() as connection:
        tables = InboxTables(connection)
        waiting = await tables.waiting(organ, MOST_LEFT + 1)
        amiss = await tables.amiss(organ, MOST_LEFT + 1)
    return Backlog(
        organ=organ,
        as_recipient=[Left(**row) for row in waiting[:MOST_LEFT]],
        as_sender=[Left(**row) for row in amiss[:MOST_LEFT]],
        more=max(len(waiting), len(amiss)) > MOST_LEFT,
    )


@router.get("/v1/counts", tags=["standing"], responses=_ALL)
async def counts(here: Here, speaks: Speaks) -> Counts:
    """Tell how many copies stand in which state, as sender and as recipient."""
    organ = speaks.permit(Action.COUNTS)
    async with here.connection() as connection:
        rows = await InboxTables(connection).counts(organ)
    sent, received = ([row for row in rows if row["sent"] is side] for side in (True, False))
    return Counts(organ=organ, as_sender=_counted(sent), as_recipient=_counted(received))


def _counted(rows: list[dict[str, Any]]) -> Counted:
    return Counted(
        states={row["state"]: row["copies"] for row in rows},
        overdue=sum(row["overdue"] for row in rows),
    )


@router.get("/v1/organs", tags=["registry"], responses=_ALL)
async def organs(
    speaks: Speaks,
    q: Annotated[str, Query(max_length=200, description="in the code or the name")] = "",
    after: Annotated[
        str, Query(max_length=35, description="the last code of the answer before")
    ] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> Organs:
    """List the organs of the registry, in order of code."""
    permit(speaks.caller, Action.REGISTRY_READ, speaks.caller.organ)
    wanted = q.casefold()
    found = (organ for organ in speaks.registry.organs if organ.code > after)
    named = (organ for organ in found if _says(organ, wanted))
    return Organs(
        items=[
            _shown(organ, speaks.registry) for organ, _ in zip(named, range(limit), strict=False)
        ]
    )


def _says(organ: Organ, wanted: str) -> bool:
    return any(wanted in text.casefold() for text in (*organ.codes(), organ.name))


def _shown(organ: Organ, registry: Registry) -> OrganShown:
    names = ("code", "code102", "name", "parent", "valid_from", "valid_to", "successor", "locked")
    return OrganShown(
        aliases=list(organ.aliases),
        connection=registry.connection(organ),
        test=organ.test,
        **{name: getattr(organ, name) for name in names},
    )
