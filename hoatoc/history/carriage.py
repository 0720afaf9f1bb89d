"""G1: the copies that doors have accepted are the copies in the books, each in one state."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from hoatoc.history.fact import ASKED_BACK, NOT_SENT, PUBLISHED, named
from hoatoc.history.finding import Findings
from hoatoc.history.note import Answered, HandedOver
from hoatoc.history.record import Books
from hoatoc.history.report import Guarantee
from hoatoc.history.row import HandoverRecipientRow, HandoverRow
from hoatoc.history.walk import Source, Walk
from hoatoc.history.witness import Witness

G1 = Guarantee.G1
OFFERED = (PUBLISHED, NOT_SENT)


@dataclass(slots=True)
class Doors:
    """What the doors have booked."""

    handovers: dict[int, HandoverRow] = field(default_factory=dict)
    by_document: dict[str, list[HandoverRow]] = field(default_factory=lambda: defaultdict(list))
    copies: dict[int, HandoverRecipientRow] = field(default_factory=dict)
    outbox: dict[int, str] = field(default_factory=dict)
    recalled: dict[int, str] = field(default_factory=dict)
    """what became of the recall of each copy that was asked back"""

    @classmethod
    def of(cls, books: Books) -> "Doors":
        """Read the tables of the doors."""
        doors = cls()
        for row in books.handovers:
            doors.handovers[row.dispatch_id.int] = row
            doors.by_document[row.document_id].append(row)
        doors.copies = {row.delivery_id.int: row for row in books.handover_recipients}
        doors.outbox = {row.dispatch_id.int: row.state for row in books.outbox}
        recalls = {row.recall_id: row.state for row in books.recalls}
        doors.recalled = {
            row.delivery_id.int: recalls.get(row.recall_id, "") for row in books.recall_recipients
        }
        return doors

    def dispatch_of(self, note: HandedOver) -> UUID | None:
        """Return the dispatch that a hand-over became, if it stands in the books."""
        if note.dispatch_id is not None:
            return note.dispatch_id if note.dispatch_id.int in self.handovers else None
        for row in self.by_document.get(note.document_id, ()):
            if row.packet_sha256 == note.sha256:
                return row.dispatch_id
        return None


def check_carriage(doors: Doors, walk: Walk, witness: Witness, found: Findings) -> None:
    """Compare what was handed over and answered with the books of the doors and with the log."""
    accepted = dict(_accepted(doors, walk, witness, found))
    found.look(G1, "copies handed over", len(accepted))
    for of, note in accepted.items():
        if of not in doors.copies:
            said = f"{note.document_id} was taken at the door {note.door} for "
            found.refute(G1, f"{said}a recipient whose copy is in no book", UUID(int=of))
    for of, row in doors.copies.items():
        if of not in accepted:
            said = f"the books hold a copy for {row.recipient} that nobody handed over"
            found.refute(G1, said, row.delivery_id)
        _check_copy(row, doors, walk, found)
    for of, copy in walk.copies.items():
        if of not in doors.copies:
            said = f"the log holds a copy for {copy.recipient} that no door has booked"
            found.refute(G1, said, copy.delivery_id, copy.partition)
    _check_turned_away(doors, witness, found)
    _check_recalls(doors, walk, witness, found)
    found.look(G1, "answers", witness.answered)


def _accepted(
    doors: Doors, walk: Walk, witness: Witness, found: Findings
) -> Iterator[tuple[int, HandedOver]]:
    """Yield (delivery, note) of every copy that a door has accepted."""
    for note in witness.handed_over:
        dispatch_id = doors.dispatch_of(note)
        if dispatch_id is None:
            said = f"{note.document_id} of {note.sender} was taken at the door {note.door}"
            found.refute(G1, f"{said} and is in no book")
            continue
        row = doors.handovers[dispatch_id.int]
        if (row.document_id, row.sender, row.packet_sha256) != (
            note.document_id, note.sender, note.sha256,
        ):  # fmt: skip
            said = f"{note.document_id} of {note.sender} stands in the books as {row.document_id}"
            found.refute(G1, f"{said} of {row.sender}, or with other content")
        for recipient in note.recipients:
            yield walk.key_of(dispatch_id, recipient), note


def _check_copy(row: HandoverRecipientRow, doors: Doors, walk: Walk, found: Findings) -> None:
    """See that a copy is unsent, cancelled, or in the log: one of them."""
    outbox, copy = doors.outbox.get(row.dispatch_id.int), walk.copies.get(row.delivery_id.int)
    if outbox not in ("unsent", "claimed", "sent", "cancelled"):
        said = f"the copy for {row.recipient} is {outbox or 'nowhere'} in the outbox"
        found.refute(G1, said, row.delivery_id)
    elif outbox == "sent" and copy is None:
        said = f"the copy for {row.recipient} is marked as sent and is not in the log"
        found.refute(G1, said, row.delivery_id)
    elif outbox == "sent" and copy and not any(fact.word in OFFERED for fact in copy.facts):
        said = f"the copy for {row.recipient} is marked as sent, and the log does not say so"
        found.refute(G1, said, row.delivery_id)
    elif outbox in ("unsent", "cancelled") and copy is not None:
        said = f"the copy for {row.recipient} is {outbox} in the outbox and stands in the log"
        found.refute(G1, said, row.delivery_id, copy.partition)


def _check_turned_away(doors: Doors, witness: Witness, found: Findings) -> None:
    """See that nothing that was turned away is in any book, unless a door took it later."""
    taken = {(note.document_id, note.sha256) for note in witness.handed_over}
    received = {(note.document_id, note.sha256) for note in witness.received}
    found.look(G1, "documents turned away", len(witness.turned_away))
    for note in witness.turned_away:
        key = (note.document_id, note.sha256)
        if key in taken:
            continue
        said = f"{note.document_id} of {note.sender} was turned away ({note.reason}) and "
        rows = doors.by_document.get(note.document_id, ())
        if any(row.packet_sha256 == note.sha256 for row in rows):
            found.refute(G1, f"{said}stands in the books")
        if key in received:
            found.refute(G1, f"{said}reached a recipient")


def _check_recalls(doors: Doors, walk: Walk, witness: Witness, found: Findings) -> None:
    """See that every copy that was asked back is so in the books, and in the log once it left."""
    for note in witness.recalled:
        for recipient in note.recipients:
            of = walk.key_of(note.dispatch_id, recipient)
            found.look(G1, "copies asked back")
            if of not in doors.recalled:
                found.refute(
                    G1, f"the recall of the copy for {recipient} is in no book", UUID(int=of)
                )
    for of, state in doors.recalled.items():
        copy = walk.copies.get(of)
        asked = copy is not None and named(copy.facts, ASKED_BACK) is not None
        if state == "sent" and not asked:
            found.refute(G1, "a recall is marked as sent and is not in the log", UUID(int=of))
        elif asked and state not in ("sent", "claimed"):
            found.refute(
                G1, f"a recall stands in the log and is {state or 'nowhere'} there", UUID(int=of)
            )


def check_answers(
    poison: Sequence[Answered],
    unheard: Sequence[Answered],
    unreadable: Mapping[Source, set[UUID]],
    found: Findings,
) -> None:
    """See that every answer that the broker confirmed is in the log, read or parked."""
    for note in (*unheard, *poison):
        if (note.topic, note.partition, note.offset) not in unreadable:
            said = (
                f"the answer {note.word} of {note.recipient} ({note.topic}, offset {note.offset})"
            )
            found.refute(G1, f"{said} is not in the log", note.delivery_id)
