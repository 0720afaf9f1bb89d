"""Who did what: rows of the audit, for all that matters."""

from uuid import UUID

from hoatoc.domain.access import AccessDenied, Action, NotFound
from hoatoc.postgres.access_audit import AuditTables, Deed, Outcome
from hoatoc.postgres.connection import Connection
from producers.gateway.speaking import Speaking
from producers.gateway.state import Gateway

DOOR = "http"


async def note(
    connection: Connection,
    speaks: Speaking,
    action: Action,
    subject: UUID | str,
    *,
    again: bool = False,
) -> None:
    """Write down what a caller did, in the transaction of the deed if there is one."""
    outcome = Outcome.REPEATED if again else Outcome.DONE
    deed = Deed(door=DOOR, action=action, organ=speaks.organ, subject=str(subject), outcome=outcome)
    await AuditTables(connection).note(speaks.caller, deed)


async def note_refusal(here: Gateway, speaks: Speaking, error: AccessDenied | NotFound) -> None:
    """Write down that a caller was refused for lack of rights, or sees no such thing."""
    action, subject = speaks.asked[-1] if speaks.asked else (Action.REGISTRY_READ, "")
    deed = Deed(
        door=DOOR,
        action=action,
        organ=speaks.organ,
        subject=subject,
        outcome=Outcome.REFUSED,
        detail=type(error).__name__,
    )
    async with here.connection() as connection:
        await AuditTables(connection).note(speaks.caller, deed)
