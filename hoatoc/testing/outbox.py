"""The outbox in memory: fakes of the ports `Outbox` and `Recalls`."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from hoatoc.domain.content import claim_of
from hoatoc.ports import Aged, Claimed, ClaimedRecall
from hoatoc.testing.database import Handover, OutboxRow, RecallRow, Rows, statement

_WAITING = ("unsent", "claimed")


def _free(row: OutboxRow | RecallRow, relay: str, lease_s: float, now_s: float) -> bool:
    """Tell whether a relay may claim a row: nobody's, its own, or one whose lease has run out."""
    if row.state == "claimed":
        return row.claimed_by == relay or row.claimed_s < now_s - lease_s
    return row.state == "unsent"


def _marks(handover: Handover) -> dict[str, Any]:
    """Return what a claimed dispatch and a claimed recall say alike of the document."""
    return {
        "sender": handover.sender,
        "document_id": handover.document_id,
        "issuer": handover.identity[0],
        "year": handover.identity[1],
        "number": handover.number,
        "notation": handover.notation,
        "subject": handover.subject,
        "priority": handover.priority,
        "limits": handover.limits,
    }


def _sides(copies: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Return the recipients, and whose topics their copies go to."""
    return {
        "recipients": tuple(recipient for recipient, _ in copies),
        "connections": tuple(connection for _, connection in copies),
    }


class MemoryOutbox(Rows):
    """Dispatches on their way out, as `OutboxTables` has them."""

    @statement
    def claim(
        self, relay: str, lease_s: float, in_flight: Iterable[UUID], limit: int
    ) -> list[Claimed]:
        """Claim up to `limit` rows, urgent first."""
        now_s, flying = self.database.now_s(), set(in_flight)
        free = [
            row
            for row in self.tables.outbox.values()
            if _free(row, relay, lease_s, now_s) and row.dispatch_id not in flying
        ]
        free.sort(key=lambda row: (-row.priority, row.created_s))
        for row in free[:limit]:
            taken = replace(row, state="claimed", claimed_by=relay, claimed_s=now_s)
            self.database.put(self.tables.outbox, row.dispatch_id, taken)
        return [self._claimed(row.dispatch_id) for row in free[:limit]]

    def _claimed(self, dispatch_id: UUID) -> Claimed:
        handover = self.tables.handovers[dispatch_id]
        copies = sorted(
            (c.recipient, c.connection)
            for c in self.tables.copies.values()
            if c.dispatch_id == dispatch_id
        )
        return Claimed(
            dispatch_id=dispatch_id,
            **_marks(handover),
            packet=handover.packet,
            packet_sha256=handover.packet_sha256,
            packet_bytes=handover.packet_bytes,
            handed_over_at=handover.handed_over_at,
            **_sides(copies),
            business_type=handover.business_type,
            legal_value=handover.legal_value,
            sender_connection=handover.sender_connection,
        )

    @statement
    def mark_sent(self, sent: Sequence[tuple[UUID, int, int]]) -> None:
        """Mark (dispatch, partition, offset of its DispatchPublished) as sent."""
        for dispatch_id, partition, offset in sent:
            row = self.tables.outbox[dispatch_id]
            if row.state == "claimed":
                now_s, place = self.database.now_s(), (partition, offset)
                done = replace(row, state="sent", sent_s=now_s, place=place)
                self.database.put(self.tables.outbox, dispatch_id, done)

    @statement
    def waiting(self) -> tuple[int, float]:
        """Return how many rows wait, and the age of the oldest in seconds."""
        since = [row.created_s for row in self.tables.outbox.values() if row.state in _WAITING]
        return len(since), self.database.now_s() - min(since) if since else 0.0

    @statement
    def aged(self, after_s: float) -> list[Aged]:
        """Mark and return the rows that have waited longer than this."""
        before_s = self.database.now_s() - after_s
        old = [
            row
            for row in self.tables.outbox.values()
            if row.state in _WAITING and not row.aged and row.created_s < before_s
        ]
        return [self._mark(row, 1) for row in old]

    @statement
    def aged_over(self) -> list[Aged]:
        """Mark and return the rows that waited too long and have been sent since."""
        over = [
            row
            for row in self.tables.outbox.values()
            if row.state not in _WAITING and row.aged == 1
        ]
        return [self._mark(row, 2) for row in over]

    def _mark(self, row: OutboxRow, aged: int) -> Aged:
        self.database.put(self.tables.outbox, row.dispatch_id, replace(row, aged=aged))
        return _about(self, row.dispatch_id, row.dispatch_id)


def _about(rows: Rows, subject_id: UUID, dispatch_id: UUID) -> Aged:
    handover = rows.tables.handovers[dispatch_id]
    return Aged(
        subject_id,
        dispatch_id,
        handover.sender,
        handover.number,
        handover.notation,
        handover.subject,
        handover.priority,
        handover.handed_over_at,
    )


class MemoryRecalls(Rows):
    """Recalls on their way out, as `RecallTables` has them."""

    @statement
    def claim(
        self, relay: str, lease_s: float, in_flight: Iterable[UUID], limit: int
    ) -> list[ClaimedRecall]:
        """Claim recalls whose dispatch was sent."""
        now_s, flying = self.database.now_s(), set(in_flight)
        free = [
            row
            for row in self.tables.recalls.values()
            if _free(row, relay, lease_s, now_s)
            and row.recall_id not in flying
            and self.tables.outbox[row.dispatch_id].state == "sent"
        ]
        free.sort(key=lambda row: row.requested_s)
        for row in free[:limit]:
            taken = replace(row, state="claimed", claimed_by=relay, claimed_s=now_s)
            self.database.put(self.tables.recalls, row.recall_id, taken)
        return [self._claimed(row) for row in free[:limit]]

    def _claimed(self, row: RecallRow) -> ClaimedRecall:
        handover = self.tables.handovers[row.dispatch_id]
        copies = sorted(
            (copy.recipient, copy.connection)
            for of, recall_id in self.tables.recalled.items()
            if recall_id == row.recall_id
            for copy in [self.tables.copies[of]]
        )
        claim = claim_of(row.packet) if isinstance(row.packet, bytes) else row.packet
        return ClaimedRecall(
            recall_id=row.recall_id,
            dispatch_id=row.dispatch_id,
            form=row.form,
            reason=row.reason,
            requested_by=row.requested_by,
            requested_at=row.requested_at,
            packet=row.packet if isinstance(row.packet, bytes) else None,
            packet_sha256=claim.sha256 if claim else None,
            packet_bytes=claim.size if claim else None,
            **_marks(handover),
            **_sides(copies),
        )

    @statement
    def mark_sent(self, recalls: Iterable[UUID]) -> None:
        """Mark recalls that every recipient was offered."""
        for recall_id in recalls:
            row = self.tables.recalls[recall_id]
            if row.state == "claimed":
                self.database.put(self.tables.recalls, recall_id, replace(row, state="sent"))

    @statement
    def aged(self, after_s: float) -> list[Aged]:
        """Mark and return the recalls that have waited longer than this."""
        before_s = self.database.now_s() - after_s
        old = [
            row
            for row in self.tables.recalls.values()
            if row.state in _WAITING and not row.aged and self._since_s(row) < before_s
        ]
        return [self._mark(row, 1) for row in old]

    def _since_s(self, row: RecallRow) -> float:
        """Return since when a recall can leave; it cannot before its dispatch has left."""
        dispatch = self.tables.outbox[row.dispatch_id]
        sent_s = dispatch.sent_s if dispatch.state == "sent" else float("inf")
        return max(row.requested_s, sent_s)

    @statement
    def aged_over(self) -> list[Aged]:
        """Mark and return the recalls that waited too long and have been sent since."""
        recalls = self.tables.recalls.values()
        over = [row for row in recalls if row.state == "sent" and row.aged == 1]
        return [self._mark(row, 2) for row in over]

    def _mark(self, row: RecallRow, aged: int) -> Aged:
        self.database.put(self.tables.recalls, row.recall_id, replace(row, aged=aged))
        return _about(self, row.recall_id, row.dispatch_id)
