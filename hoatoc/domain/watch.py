"""The tracker's view of one partition: every open deadline, in memory.

It reads the same log with the same rules as the ledger, from a snapshot of the books onwards, and
says once for each deadline that it has passed. It decides nothing, and may be wrong or dead
without harm; being right and early is its quality.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from hoatoc.domain.book import Account, Entry, PartitionBook, next_due, settle, walk
from hoatoc.domain.deadline import Kind
from hoatoc.domain.delivery import State, state
from hoatoc.domain.wheel import Wheel

_SETTLED = (State.ACCEPTED, State.REFUSED)


class Passed(NamedTuple):
    """A deadline that the tracker holds for passed."""

    delivery_id: UUID
    kind: Kind
    due_ms: int


@dataclass(slots=True)
class Watch:
    """The open deliveries of one partition and their next deadlines."""

    book: PartitionBook = field(default_factory=PartitionBook)
    accounts: dict[UUID, Account] = field(default_factory=dict)
    wheel: Wheel = field(default_factory=Wheel)
    by_recipient: Counter[str] = field(default_factory=Counter)
    heard_ms: dict[str, int] = field(default_factory=dict)

    def begin(self, book: PartitionBook, accounts: Iterable[Account]) -> None:
        """Begin from a snapshot of the books, the oldest delivery first."""
        self.book = book
        for account in sorted(accounts, key=_since_ms):
            self._keep(account)

    def observe(self, entry: Entry) -> list[Passed]:
        """Take in the next record and return the deadlines that it shows to have passed.

        Records before the snapshot are in it already and are passed over.
        """
        if entry.offset < self.book.next_offset:
            return []
        book = PartitionBook(entry.offset, self.book.clock, self.book.ticks)
        walked = walk(book, [entry])
        self.book = walked.after
        for touched in walked.touched.values():
            if touched.answer is not None:
                self.heard_ms[touched.recipient] = entry.append_ms
        for of in (*walked.touched, *walked.proposals):  # a proposal leads on to the next deadline
            account = settle(self.accounts.get(of), of, walked)
            if account and account.delivery.limits is not None:
                self._keep(account)
        return list(self._passed()) if walked.ticks else []

    def _keep(self, account: Account) -> None:
        """Keep an account until it is decided and nothing runs any more, and set its alarm."""
        of, recipient = account.delivery.delivery_id, account.delivery.recipient
        due = next_due(account)
        if due is None and state(account.delivery.facts) in _SETTLED:
            if self.accounts.pop(of, None):
                self.by_recipient[recipient] -= 1
            self.wheel.drop(of)
            return
        if of not in self.accounts:
            self.by_recipient[recipient] += 1
        self.accounts[of] = account
        if due is None:
            self.wheel.drop(of)
        else:
            self.wheel.put(of, due.due_ms)

    def _passed(self) -> Iterator[Passed]:
        for of in self.wheel.pop_passed(self.book.clock.service_ms):
            due = next_due(self.accounts[of])
            if due is not None:
                yield Passed(of, due.kind, due.due_ms)

    def oldest_ms(self) -> int | None:
        """Return when the oldest open delivery was registered (log time, ms of 1970 UTC)."""
        for account in self.accounts.values():
            return _since_ms(account)
        return None


def _since_ms(account: Account) -> int:
    return min(p[0].append_ms for p in account.delivery.facts.values())
