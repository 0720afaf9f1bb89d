"""Handing over: `sendEdoc` of either dialect, of documents and of statuses."""

from dataclasses import replace
from uuid import UUID

from hoatoc.answering import is_take_back
from hoatoc.content.packet import SpooledPacket
from hoatoc.domain.access import Action, NotFound, Thing
from hoatoc.domain.correlation import meant, reported_at
from hoatoc.domain.edxml import read_status
from hoatoc.domain.identity import DispatchId, delivery_id
from hoatoc.postgres.access_audit import Outcome
from hoatoc.postgres.connection import Connection
from hoatoc.postgres.handover import HandedOver
from hoatoc.postgres.inbox import InboxTables
from producers.gateway import answer
from producers.gateway.facade.calling import DOOR, Known
from producers.gateway.state import Gateway

NO_REASON = "(không nêu lý do / no reason given)"
"""What stands for the reason that a refusal or a recall must state, and its packet does not."""


async def hand_over(
    here: Gateway, known: Known, organ: str, packet: SpooledPacket, priority: int
) -> UUID:
    """Hand a document over for an organ and return the id of its dispatch.

    A recall has the id of what it asks back. The same again gives the same id. Raises what a door
    raises, AccessDenied, SenderUnknown.
    """
    acting = known.sender(organ) if organ else known.caller.organ
    known.permit(Action.HAND_OVER, acting)

    async def written(within: Connection, found: HandedOver) -> None:
        again = "" if found.new else Outcome.REPEATED
        organ = found.packet.sender.code
        await known.note(within, Action.HAND_OVER, organ, _doc_id(found), again)

    door = replace(here.door_of(priority), name=DOOR, note=written)
    async with here.connection() as connection:
        return _doc_id(await door.take_file(connection, packet, acting))


def _doc_id(found: HandedOver) -> UUID:
    asked_back = (each.recall_id or each.dispatch_id for each in found.recalls)
    return found.dispatch_id or next(asked_back, UUID(int=0))


async def report(here: Gateway, known: Known, packet: SpooledPacket) -> UUID:
    """Report a status packet and return the id of the fact; the same packet is the same fact.

    Status 13 asks a copy back. Raises PacketFault, OrganUnknown, AccessDenied, NotFound and
    BrokerAway.
    """
    status = read_status(packet.pieces())
    named, back = meant(status), is_take_back(status.code)
    of_sender, of_recipient = (known.sender, known.organ) if back else (known.organ, known.sender)
    sender, recipient = of_sender(named.sender), of_recipient(named.recipient)
    action, organ = (Action.RECALL, sender) if back else (Action.ANSWER, recipient)
    known.permit(action, organ)
    async with here.connection() as connection:
        dispatch_id = await InboxTables(connection).named(named, sender, recipient)
    if dispatch_id is None:
        raise NotFound(Thing.DOCUMENT, named.document_id or f"{named.number}/{named.notation}")
    words = status.description
    if back or status.code == answer.REFUSED:
        words = words.strip() or NO_REASON
    return await answer.status(
        here,
        known.speaking,
        delivery_id(DispatchId(dispatch_id), recipient),
        status.code,
        words or None,
        reported_at(status),
        packet.sha256.hex(),
    )
