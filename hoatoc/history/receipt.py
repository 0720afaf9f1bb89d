"""G6, G8 and G9: what reached recipients, what could not be read, what must be found nowhere."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from hoatoc.history.carriage import Doors
from hoatoc.history.fact import PUBLISHED, named
from hoatoc.history.finding import Findings
from hoatoc.history.note import Answered, Received
from hoatoc.history.record import Leak
from hoatoc.history.report import Guarantee
from hoatoc.history.walk import Source, Walk
from hoatoc.history.witness import Witness

G6, G8, G9 = Guarantee.G6, Guarantee.G8, Guarantee.G9


def check_receipts(doors: Doors, walk: Walk, witness: Witness, found: Findings) -> None:
    """See that every copy reached its recipient, whole, and nobody else."""
    found.look(G6, "copies received", len(witness.received))
    got = {note.delivery_id.int for note in witness.received}
    for note in witness.received:
        for said in _wrong_with(note, doors, walk):
            found.refute(G6, said, note.delivery_id)
    for of, copy in walk.copies.items():
        if of not in got and named(copy.facts, PUBLISHED):
            said = f"the copy for {copy.recipient} was published, and {copy.recipient} never got it"
            found.refute(G6, said, copy.delivery_id, copy.partition)


def _wrong_with(note: Received, doors: Doors, walk: Walk) -> list[str]:
    wrong: list[str] = []
    if note.delivery_id.int != walk.key_of(note.dispatch_id, note.recipient):
        wrong.append(f"{note.organ} got a delivery id that is not its dispatch's and recipient's")
    row, handover = (
        doors.copies.get(note.delivery_id.int),
        doors.handovers.get(note.dispatch_id.int),
    )
    if row is None or handover is None:
        return [*wrong, f"{note.organ} got a copy ({note.document_id}) that no door has booked"]
    if note.organ != row.connection:
        wrong.append(f"a copy for {row.recipient} by {row.connection} reached {note.organ}")
    if note.sha256 != handover.packet_sha256:
        wrong.append(f"{note.organ} got {note.document_id} with other content than handed over")
    if note.document_id != handover.document_id:
        wrong.append(f"{note.organ} got {handover.document_id} under the name {note.document_id}")
    if doors.outbox.get(note.dispatch_id.int) in ("unsent", "cancelled"):
        wrong.append(f"{note.organ} got a copy that never left the outbox")
    return wrong


def check_parked(
    poison: Sequence[Answered],
    unheard: Sequence[Answered],
    unreadable: Mapping[Source, set[UUID]],
    found: Findings,
) -> None:
    """See that each answer that cannot be read is parked once and holds nothing behind it up."""
    found.look(G8, "answers that cannot be read", len(poison))
    lowest: dict[tuple[str, int], int] = {}
    for note in poison:
        at = (note.topic, note.partition)
        lowest[at] = min(lowest.get(at, note.offset), note.offset)
        parked = unreadable.get((*at, note.offset), ())
        if len(parked) != 1:
            said = f"the answer at {note.topic}, offset {note.offset}, cannot be read"
            found.refute(G8, f"{said} and was parked {len(parked)} times", note.delivery_id)
    for answer in unheard:
        if (answer.topic, answer.partition, answer.offset) not in unreadable:
            _check_behind(answer, lowest, found)


def _check_behind(note: Answered, lowest: dict[tuple[str, int], int], found: Findings) -> None:
    poison = lowest.get((note.topic, note.partition))
    if poison is not None and note.offset > poison:
        said = f"{note.word} at {note.topic}, offset {note.offset}, was not forwarded"
        found.refute(G8, f"{said}: offset {poison} before it cannot be read", note.delivery_id)


def check_secrets(
    doors: Doors, leaks: Sequence[Leak] | None, witness: Witness, found: Findings
) -> None:
    """See that what was stopped as a suspected secret is found nowhere."""
    if leaks is None:
        return
    found.look(G9, "documents stopped", len(witness.stopped))
    for leak in leaks:
        said = f"the text {leak.marker} of a document that was stopped stands in {leak.place}"
        found.refute(G9, said)
    cleared = {note.document_id for note in witness.handed_over}
    received = {note.document_id for note in witness.received}
    for note in witness.stopped:
        if note.document_id in cleared:
            continue  # a person answered for it later
        if note.document_id in doors.by_document:
            found.refute(G9, f"{note.document_id} was stopped and stands in the books")
        if note.document_id in received:
            found.refute(G9, f"{note.document_id} was stopped and reached a recipient")
