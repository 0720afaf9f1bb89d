"""A log of one partition, written record by record, as the programs would append it.

Times are seconds from the start; only `tick` and `wait` let them pass.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid5

from hoatoc.domain.event import (
    AnswerPutBack,
    AnswerUnreadable,
    DeadlinePassed,
    DispatchPublished,
    DispatchRegistered,
    DispatchResent,
    Event,
    Limits,
    RecallPublished,
    RecallRequested,
    Refusal,
    StatusReported,
    Tick,
    TransportAcknowledged,
)
from hoatoc.domain.walk import Entry

BEGIN_MS = 1_760_000_000_000
OUTCOMES = ("done", "fail", "processing")
LIMITS = Limits(
    policy="test",
    publish_ms=10_000,
    arrive_ms=20_000,
    accept_ms=30_000,
    allowance_ms=5_000,
    grace_ms=10_000,
)


def dispatch(number: int) -> UUID:
    """Return the id of the dispatch of this number."""
    return UUID(int=number)


def delivery(number: int, recipient: str) -> UUID:
    """Return the id of the copy of this dispatch for this recipient."""
    return uuid5(dispatch(number), recipient)


@dataclass(slots=True)
class Log:
    """A log that grows; every method that appends returns the offset.

    `version` is the calendar version that the next ticks name.
    """

    limits: Limits = LIMITS
    max_gap_ms: int = 5_000
    entries: list[Entry] = field(default_factory=list)
    append_ms: int = BEGIN_MS
    clocks_ms: dict[str, int] = field(default_factory=dict)
    version: int = 0

    def append(self, event: Event | None) -> int:
        """Append a record at the present append time."""
        self.entries.append(Entry(len(self.entries), self.append_ms, event))
        return len(self.entries) - 1

    def _id(self) -> UUID:
        return UUID(int=1 << 100 | len(self.entries))

    def wait(self, seconds: float) -> None:
        """Let the broker's clock go on without a record; it may step back."""
        self.append_ms += round(seconds * 1000)

    def tick(
        self,
        seconds: float = 1,
        clock: float | None = None,
        *,
        path: str = "intake",
        paths: Sequence[str] = ("intake",),
        shard: int = 0,
        shards: int = 1,
    ) -> int:
        """Append a tick after seconds of append time and of its writer's clock (None: the same)."""
        self.wait(seconds)
        writer = f"{path}/{shard}"
        passed_ms = round((seconds if clock is None else clock) * 1000)
        self.clocks_ms[writer] = self.clocks_ms.get(writer, BEGIN_MS) + passed_ms
        return self.append(
            Tick(
                event_id=self._id(),
                path=path,
                shard=shard,
                shards=shards,
                paths=list(paths),
                writer=writer,
                clock_ms=self.clocks_ms[writer],
                max_gap_ms=self.max_gap_ms,
                calendar_version=self.version,
            )
        )

    def ticks(self, count: int) -> None:
        """Append as many ticks, a second apart."""
        for _ in range(count):
            self.tick()

    def registered(
        self,
        number: int = 1,
        recipients: Sequence[str] = ("R1",),
        limits: Limits | None = None,
    ) -> int:
        """Append the registration of a dispatch."""
        return self.append(
            DispatchRegistered(
                event_id=uuid5(dispatch(number), "registered"),
                dispatch_id=dispatch(number),
                sender="S1",
                document_id=f"D{number}",
                issuer="S1",
                year=2026,
                number=str(number),
                notation="CV",
                subject="Về việc thử",
                priority=3,
                recipients=list(recipients),
                content_sha256=bytes(32),
                limits=limits or self.limits,
                handed_over_ms=BEGIN_MS,
            )
        )

    def resent(self, number: int = 1, recipients: Sequence[str] = ("R1",), again: int = 99) -> int:
        """Append that copies of a dispatch were sent again, as another dispatch."""
        return self.append(
            DispatchResent(
                event_id=uuid5(dispatch(number), f"resent/{again}"),
                dispatch_id=dispatch(number),
                recipients=list(recipients),
                resent_as=dispatch(again),
            )
        )

    def recall_requested(
        self,
        number: int = 1,
        recipients: Sequence[str] = ("R1",),
        *,
        reason: str = "gửi nhầm",
        limits: Limits | None = None,
    ) -> int:
        """Append that copies of a dispatch are asked back."""
        return self.append(
            RecallRequested(
                event_id=uuid5(dispatch(number), "recall"),
                dispatch_id=dispatch(number),
                recall_id=uuid5(dispatch(number), "recall"),
                recipients=list(recipients),
                form="status-13",
                reason=reason,
                requested_by="S1",
                limits=limits or self.limits,
                requested_ms=BEGIN_MS,
            )
        )

    def recall_published(
        self,
        number: int = 1,
        confirmed: Sequence[str] = ("R1",),
        refused: Mapping[str, str] | None = None,
    ) -> int:
        """Append that a recall was offered: to whom it was confirmed, to whom refused and why."""
        return self.append(
            RecallPublished(
                event_id=uuid5(dispatch(number), "recall-published"),
                dispatch_id=dispatch(number),
                recall_id=uuid5(dispatch(number), "recall"),
                confirmed=list(confirmed),
                refused=[Refusal(recipient=r, reason=w) for r, w in (refused or {}).items()],
            )
        )

    def published(
        self,
        number: int = 1,
        confirmed: Sequence[str] = ("R1",),
        refused: Mapping[str, str] | None = None,
    ) -> int:
        """Append the publication of a dispatch: whose copy was confirmed, whose refused and why."""
        return self.append(
            DispatchPublished(
                event_id=uuid5(dispatch(number), "published"),
                dispatch_id=dispatch(number),
                confirmed=list(confirmed),
                refused=[Refusal(recipient=r, reason=w) for r, w in (refused or {}).items()],
            )
        )

    def answered(
        self,
        word: str,
        number: int = 1,
        recipient: str = "R1",
        *,
        said: str | None = None,
        put_back_of: UUID | None = None,
    ) -> int:
        """Append an answer: an outcome (`done`, `fail`, `processing`) or a status code."""
        if word in OUTCOMES:
            return self.append(
                TransportAcknowledged(
                    event_id=self._id(),
                    dispatch_id=dispatch(number),
                    recipient=recipient,
                    outcome=word,
                    reason=said,
                    put_back_of=put_back_of,
                )
            )
        return self.append(
            StatusReported(
                event_id=self._id(),
                dispatch_id=dispatch(number),
                recipient=recipient,
                code=word,
                description=said,
                put_back_of=put_back_of,
            )
        )

    def unreadable(
        self, number: int | None = 1, recipient: str = "R1", *, parked: UUID | None = None
    ) -> int:
        """Append that an answer could not be read; without a number its key named no dispatch."""
        return self.append(
            AnswerUnreadable(
                event_id=parked or self._id(),
                organ=recipient,
                dispatch_id=None if number is None else dispatch(number),
                source_topic=f"reports.{recipient}",
                source_partition=0,
                source_offset=len(self.entries),
                reason="Undecodable",
            )
        )

    def put_back(self, parked: UUID, recipient: str = "R1") -> int:
        """Append, where the alerts of an organ stand, that its parked answer was put back."""
        event_id = uuid5(parked, "put back")
        return self.append(AnswerPutBack(event_id=event_id, organ=recipient, put_back_of=parked))

    def proposed(self, kind: str, number: int = 1, recipient: str = "R1", due_ms: int = 0) -> int:
        """Append a proposal, true or not, that a deadline has passed."""
        return self.append(
            DeadlinePassed(
                event_id=self._id(),
                delivery_id=delivery(number, recipient),
                kind=kind,
                due_ms=due_ms,
            )
        )
