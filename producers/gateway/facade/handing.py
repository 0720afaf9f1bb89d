"""Handing over: `sendEdoc` of either dialect, of documents and of statuses."""

import time
from dataclasses import replace
from hashlib import sha256
from uuid import UUID, uuid5

from hoatoc.domain import topic
from hoatoc.domain.access import Action, NotFound, Thing
from hoatoc.domain.correlation import TAKE_BACK, meant
from hoatoc.domain.delivery import canonical
from hoatoc.domain.edxml import read_status
from hoatoc.domain.event import Answer, StatusReported
from hoatoc.domain.secret import Declaration
from hoatoc.domain.sending import Form
from hoatoc.kafka.client import outgoing
from hoatoc.ports import Asking
from hoatoc.postgres.connection import Connection
from hoatoc.postgres.facade import FacadeTables
from hoatoc.postgres.handover import HandoverTables
from producers.gateway.facade.calling import Speaking
from producers.gateway.state import NAME, Gateway

DOOR = "vxp"


async def hand_over(here: Gateway, speaking: Speaking, organ: str, data: bytes) -> UUID:
    """Hand a document over for an organ and return the id of its dispatch.

    A recall has the id of what it asks back. The same again gives the same id. Raises what a door
    raises, AccessDenied, OrganUnknown.
    """
    acting = speaking.organ(organ) if organ else speaking.caller.organ
    speaking.permit(Action.HAND_OVER, acting)
    door = replace(here.door, name=DOOR)
    async with here.connection() as connection:
        found = await door.take(connection, data, acting, Declaration())
    if found.dispatch_id is not None:
        return found.dispatch_id
    return next((each.recall_id or each.dispatch_id for each in found.recalls), UUID(int=0))


async def report(here: Gateway, speaking: Speaking, data: bytes) -> UUID:
    """Report a status packet and return the id of the fact; the same packet is the same fact.

    Status 13 asks a copy back. Raises PacketFault, OrganUnknown, AccessDenied, NotFound.
    """
    status = read_status(data)
    named = meant(status)
    sender, recipient = speaking.organ(named.sender), speaking.organ(named.recipient)
    takes_back = canonical(status.code) == TAKE_BACK
    if takes_back:
        speaking.permit(Action.RECALL, sender)
    else:
        speaking.permit(Action.ANSWER, recipient)
    async with here.connection() as connection:
        copy = await FacadeTables(connection).meant(named, sender, recipient)
        if copy is None:
            raise NotFound(Thing.DOCUMENT, named.document_id or f"{named.number}/{named.notation}")
        dispatch_id, delivery_id = copy
        if takes_back:
            return await take_back(connection, dispatch_id, recipient, sender, status.description)
    place = f"vxp/{delivery_id}/{canonical(status.code)}/{sha256(data).hexdigest()}"
    event = StatusReported(
        event_id=uuid5(dispatch_id, place),
        dispatch_id=dispatch_id,
        recipient=recipient,
        code=status.code,
        description=status.description or None,
        reported_ms=time.time_ns() // 1_000_000,
    )
    await tell(here, event)
    return event.event_id


async def take_back(
    connection: Connection, dispatch_id: UUID, recipient: str, sender: str, reason: str
) -> UUID:
    """Ask a copy back by a status 13; asked again it changes nothing."""
    tables = HandoverTables(connection)
    asking = Asking(form=Form.STATUS_13, reason=reason, requested_by=sender)
    copies = [each for each in await tables.copies(dispatch_id) if each.recipient == recipient]
    recalls = await tables.ask_back(copies, asking)
    return next((each.recall_id or each.dispatch_id for each in recalls), dispatch_id)


async def tell(here: Gateway, event: Answer) -> None:
    """Append an answer to the log, confirmed; raises BrokerAway."""
    of = event.dispatch_id
    record = outgoing(
        event,
        topic=topic.DELIVERIES,
        key=str(of).encode(),
        source=NAME,
        dispatch_id=of,
        partition=topic.partition_of_dispatch(of, here.settings.kafka.partitions),
    )
    await here.outlet.send([record])
