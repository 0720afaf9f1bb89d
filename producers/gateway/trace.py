"""Who did what: rows of the audit, for all that matters."""

from uuid import UUID

from hoatoc.domain.access import AccessDenied, Action, NotFound
from hoatoc.postgres.access_audit import AuditTables, Deed, Outcome, row_of
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
    await AuditTables(connection).note(speaks.caller, _deed(speaks, action, subject, again=again))


def row(speaks: Speaking, action: Action, subject: UUID | str) -> tuple[str, ...]:
    """Return what a caller did as a row of the audit, for the statement that does it."""
    caller = speaks.caller
    return row_of(caller.credential, caller.organ, _deed(speaks, action, subject))


def _deed(speaks: Speaking, action: Action, subject: UUID | str, *, again: bool = False) -> Deed:
    outcome = Outcome.REPEATED if again else Outcome.DONE
    return Deed(door=DOOR, action=action, organ=speaks.organ, subject=str(subject), outcome=outcome)


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
