"""Hand-over in memory: a fake of the port `Handovers`, for new documents and their recalls."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from hoatoc.admission import Admitted
from hoatoc.domain.identity import DispatchId, OrganCode, delivery_id, dispatch_id_from
from hoatoc.domain.lifecycle import state
from hoatoc.domain.policy import Policy, limits_for
from hoatoc.ports import Asking, Copy, Recalled, Speaker
from hoatoc.postgres.earlier import DocumentConflict
from hoatoc.postgres.handover import OUTBOX_CHANNEL, HandedOver
from hoatoc.testing.database import (
    CopyRow,
    Handover,
    MemoryConnection,
    OutboxRow,
    RecallRow,
    Rows,
    statement,
)


class MemoryHandovers(Rows):
    """What was handed over, as `HandoverTables` has it; `draw` gives random bytes."""

    def __init__(self, connection: MemoryConnection, draw: Callable[[int], bytes]) -> None:
        super().__init__(connection)
        self._draw = draw

    def _new_id(self) -> DispatchId:
        return dispatch_id_from(self._now_ms(), self._draw(10))

    def _now_ms(self) -> int:
        return round(self.database.now_s() * 1000)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.database.now_s(), UTC)

    @statement
    def hand_over(self, admitted: Admitted, policy: Policy, door: str) -> HandedOver:
        """Take a packet that was admitted; the same content again gives the dispatch it has."""
        key = admitted.key
        identity = (str(key.issuer), key.year, key.number, key.notation)
        known = self.tables.identities.get(identity)
        if known is not None:
            if self.tables.handovers[known].digest != admitted.digest:
                raise DocumentConflict(f"the number of {identity} was used for another content")
            return _handed(admitted, known, new=False)
        dispatch_id = self._new_id()
        self.database.put(self.tables.identities, identity, dispatch_id)
        handover = self._handover(admitted, dispatch_id, identity, policy, door)
        self.database.put(self.tables.handovers, dispatch_id, handover)
        self._add_copies(admitted, dispatch_id)
        row = OutboxRow(
            dispatch_id=dispatch_id,
            priority=admitted.packet.priority,
            created_s=self.database.now_s(),
        )
        self.database.put(self.tables.outbox, dispatch_id, row)
        self.database.notify(OUTBOX_CHANNEL)
        return _handed(admitted, dispatch_id, new=True)

    def _handover(
        self,
        admitted: Admitted,
        dispatch_id: UUID,
        identity: tuple[str, int, str, str],
        policy: Policy,
        door: str,
    ) -> Handover:
        packet = admitted.packet
        return Handover(
            dispatch_id=dispatch_id,
            identity=identity,
            digest=admitted.digest,
            document_id=packet.document_id,
            number=packet.number,
            notation=packet.notation,
            sender=admitted.issuer.code,
            sender_connection=admitted.sender_connection,
            subject=packet.subject,
            priority=packet.priority,
            packet=admitted.inline,
            packet_sha256=admitted.sha256,
            packet_bytes=admitted.size,
            limits=limits_for(
                policy, packet.priority, packet.due, packet.promulgated, self._now_ms()
            ),
            business_type=packet.business_type,
            legal_value=admitted.legal_value,
            door=door,
            handed_over_at=self._now(),
        )

    def _add_copies(self, admitted: Admitted, dispatch_id: DispatchId) -> None:
        for recipient in admitted.sending.copies:
            of = delivery_id(dispatch_id, recipient)
            row = CopyRow(
                delivery_id=of,
                dispatch_id=dispatch_id,
                recipient=recipient,
                connection=admitted.connections.get(recipient, recipient),
            )
            self.database.put(self.tables.copies, of, row)

    @statement
    def copies(self, dispatch_id: UUID) -> list[Copy]:
        """Return the copies of a dispatch, and where each stands."""
        mine = [row for row in self.tables.copies.values() if row.dispatch_id == dispatch_id]
        return [self._copy(row) for row in sorted(mine, key=lambda row: row.recipient)]

    def _copy(self, row: CopyRow) -> Copy:
        _, delivery = self.tables.deliveries.get(row.delivery_id, (0, None))
        return Copy(
            delivery_id=row.delivery_id,
            dispatch_id=row.dispatch_id,
            recipient=row.recipient,
            outbox=self.tables.outbox[row.dispatch_id].state,
            state=state(delivery.facts) if delivery else None,
            resent=False,
            recall_id=self.tables.recalled.get(row.delivery_id),
        )

    @statement
    def ask_back(self, copies: Sequence[Copy], asking: Asking) -> list[Recalled]:
        """Ask copies back, each dispatch by a recall of its own; all in one transaction."""
        of_dispatch: dict[UUID, list[Copy]] = {}
        for copy in sorted(copies, key=lambda copy: copy.dispatch_id):
            of_dispatch.setdefault(copy.dispatch_id, []).append(copy)
        recalls = [self._ask(of, some, asking) for of, some in of_dispatch.items()]
        self.database.notify(OUTBOX_CHANNEL)
        return recalls

    def _ask(self, dispatch_id: UUID, copies: list[Copy], asking: Asking) -> Recalled:
        recalled = self.tables.recalled
        new = [copy for copy in copies if copy.delivery_id not in recalled]
        again = tuple(copy.recipient for copy in copies if copy.delivery_id in recalled)
        if not new:
            return Recalled(None, dispatch_id, (), again, unsent=False)
        recall_id = self._new_id()
        row = RecallRow(
            recall_id=recall_id,
            dispatch_id=dispatch_id,
            form=asking.form,
            reason=asking.reason,
            requested_by=asking.requested_by,
            requested_s=self.database.now_s(),
            requested_at=self._now(),
            packet=asking.packet,
        )
        self.database.put(self.tables.recalls, recall_id, row)
        for copy in new:
            self.database.put(recalled, copy.delivery_id, recall_id)
        asked = tuple(copy.recipient for copy in new)
        return Recalled(recall_id, dispatch_id, asked, again, self._cancel(dispatch_id))

    def _cancel(self, dispatch_id: UUID) -> bool:
        """Cancel a dispatch that nobody claimed, if every copy is asked back; tell whether."""
        row, tables = self.tables.outbox[dispatch_id], self.tables
        mine = [of for of, copy in tables.copies.items() if copy.dispatch_id == dispatch_id]
        if row.state != "unsent" or any(of not in tables.recalled for of in mine):
            return False
        cancelled = replace(row, state="cancelled")
        self.database.put(tables.outbox, dispatch_id, cancelled)
        for recall in [r for r in tables.recalls.values() if r.dispatch_id == dispatch_id]:
            if recall.state == "unsent":
                not_needed = replace(recall, state="not-needed")
                self.database.put(tables.recalls, recall.recall_id, not_needed)
        return True

    @statement
    def intake_positions(self, topics: Iterable[str]) -> dict[tuple[str, int], int]:
        """Return how far intake has taken these hand-over topics."""
        asked = set(topics)
        return {at: end for at, end in self.tables.intake.items() if at[0] in asked}

    @statement
    def move_intake(self, topic: str, partition: int, offset: int) -> bool:
        """Move intake past a record; False when it was taken before."""
        if self.tables.intake.get((topic, partition), 0) > offset:
            return False
        self.database.put(self.tables.intake, (topic, partition), offset + 1)
        return True

    @statement
    def speakers(self, pairs: Sequence[tuple[UUID, str]]) -> dict[tuple[UUID, str], Speaker]:
        """Return who may speak of those (dispatch, recipient) that were handed over."""
        found = {}
        for dispatch_id, recipient in pairs:
            row = self.tables.copies.get(delivery_id(DispatchId(dispatch_id), OrganCode(recipient)))
            if row is not None:
                sender = self.tables.handovers[dispatch_id].sender
                found[dispatch_id, recipient] = Speaker(row.connection, sender)
        return found


def _handed(admitted: Admitted, dispatch_id: UUID, *, new: bool) -> HandedOver:
    return HandedOver(
        dispatch_id=dispatch_id,
        new=new,
        packet=admitted.packet,
        recipients=tuple(admitted.sending.copies),
        findings=admitted.findings,
        legal_value=admitted.legal_value,
    )
