"""The tracker's view of one partition: every open deadline, in memory.

It reads the same log with the same rules as the ledger, from a snapshot of the books onwards, and
says once for each deadline that it has passed. It decides nothing, and may be wrong or dead
without harm; being right and early is its quality.

Only a tick can show that a deadline has passed. What comes between two ticks is therefore noted,
and each delivery that it touches is settled once, when the next tick is read.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple
from uuid import UUID

from hoatoc.domain.book import Account, running, settle
from hoatoc.domain.deadline import Deadline, Kind
from hoatoc.domain.delivery import Fact, Facts
from hoatoc.domain.event import Tick
from hoatoc.domain.lifecycle import SETTLED, Recall, axes, state_of
from hoatoc.domain.walk import Entry, PartitionBook, Walk, walk
from hoatoc.domain.wheel import Wheel
from hoatoc.domain.working_due import Calendars

STRETCH = 2_000


class Passed(NamedTuple):
    """A deadline that the tracker holds for passed."""

    delivery_id: UUID
    kind: Kind
    due_ms: int


@dataclass(slots=True)
class Watch:
    """The open deliveries of one partition and their next deadlines, at the last tick read.

    `proposed_ms` is the service time of the tick at which a delivery last had something proposed;
    `noted` is what came since, `stretch` records at most.
    """

    calendars: Calendars
    book: PartitionBook = field(default_factory=PartitionBook)
    accounts: dict[UUID, Account] = field(default_factory=dict)
    wheel: Wheel = field(default_factory=Wheel)
    proposed_ms: dict[UUID, int] = field(default_factory=dict)
    by_recipient: Counter[str] = field(default_factory=Counter)
    heard_ms: dict[str, int] = field(default_factory=dict)
    noted: list[Entry] = field(default_factory=list)
    stretch: int = STRETCH

    @property
    def next_offset(self) -> int:
        """Return the offset of the record to be read next."""
        return self.book.next_offset + len(self.noted)

    def begin(self, book: PartitionBook, accounts: Iterable[Account]) -> None:
        """Begin from a snapshot of the books, the oldest delivery first."""
        self.book = book
        for account in sorted(accounts, key=_since_ms):
            self._keep(account)

    def observe(self, entry: Entry) -> list[Passed]:
        """Take in the next record and return the deadlines that it shows to have passed.

        Records before the snapshot are in it already and are passed over.
        """
        if entry.offset < self.next_offset:
            return []
        is_tick = isinstance(entry.event, Tick)
        is_behind_a_gap = entry.offset > self.next_offset
        if is_tick or is_behind_a_gap or len(self.noted) >= self.stretch:
            self._settle_noted()
        if is_behind_a_gap:
            self.book = replace(self.book, next_offset=entry.offset)
        if not is_tick:
            self.noted.append(entry)
            return []
        walked = walk(self.book, [entry])
        self.book = walked.after
        return list(self._tick(walked))

    def _settle_noted(self) -> None:
        """Settle what was noted; it holds no tick."""
        walked = walk(self.book, self.noted)
        self.book, self.noted = walked.after, []
        for touched in walked.touched.values():
            if touched.answer is not None:
                heard_ms = self.heard_ms.get(touched.recipient, 0)
                self.heard_ms[touched.recipient] = max(heard_ms, touched.answered_ms)
        for of in {**walked.touched, **walked.proposals}:
            self._settle(of, walked)

    def _settle(self, of: UUID, walked: Walk) -> None:
        account = settle(self.accounts.get(of), of, walked, self.calendars)
        if account and account.delivery.limits is not None:
            self._keep(account)

    def _tick(self, walked: Walk) -> Iterator[Passed]:
        """Yield what has passed; a due by a working calendar may have moved instead."""
        service_ms = walked.after.clock.service_ms
        passed = self.wheel.pop_passed(service_ms)
        if walked.new_version:
            for of in [of for of, account in self.accounts.items() if account.working]:
                self._settle(of, walked)
        for of in passed:
            if of in self.accounts and self.accounts[of].working:
                self._settle(of, walked)
            if of in self.accounts:  # else it was settled and let go at this tick
                yield from self._passed(of, service_ms)

    def _passed(self, of: UUID, service_ms: int) -> Iterator[Passed]:
        """Yield the deadlines of a delivery that have passed, once each."""
        runs, since_ms = running(self.accounts[of]), self.proposed_ms.get(of, 0)
        for deadline in runs:
            if since_ms <= deadline.due_ms < service_ms:
                yield Passed(of, deadline.kind, deadline.due_ms)
        self.proposed_ms[of] = service_ms
        self._alarm(of, runs)

    def _alarm(self, of: UUID, runs: Sequence[Deadline]) -> None:
        """Set the alarm of a delivery to the next of the deadlines that run.

        What was due before the tick that proposed last is proposed: no due moves to before it.
        """
        since_ms = self.proposed_ms.get(of, 0)
        dues_ms = [deadline.due_ms for deadline in runs if deadline.due_ms >= since_ms]
        if dues_ms:
            self.wheel.put(of, min(dues_ms))
        else:
            self.wheel.drop(of)

    def _keep(self, account: Account) -> None:
        """Keep an account until it is decided and nothing runs any more, and set its alarm."""
        of, recipient = account.delivery.delivery_id, account.delivery.recipient
        runs = running(account)
        self._alarm(of, runs)
        if not runs and _is_over(account.delivery.facts):
            self.proposed_ms.pop(of, None)
            if self.accounts.pop(of, None):
                self.by_recipient[recipient] -= 1
            return
        if of not in self.accounts:
            self.by_recipient[recipient] += 1
        self.accounts[of] = account

    def oldest_ms(self) -> int | None:
        """Return when the oldest open delivery was registered (log time, ms of 1970 UTC)."""
        for account in self.accounts.values():
            return _since_ms(account)
        return None


def _is_over(facts: Facts) -> bool:
    """Tell whether nothing more is waited for, a recall's way to the recipient included.

    Of a delivery that had been let go when it was asked back, only the recall is known.
    """
    stands = axes(facts)
    if stands.recall in (Recall.REQUESTED, Recall.UNSENT):
        return False
    return state_of(stands) in SETTLED or (
        Fact.REGISTERED not in facts and stands.recall is Recall.DECLINED
    )


def _since_ms(account: Account) -> int:
    return min(p[0].append_ms for p in account.delivery.facts.values())
