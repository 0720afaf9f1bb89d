"""Announcements, pages and calendars in memory: fakes of their ports."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from uuid import UUID

from hoatoc.ports import PageDue, Queued
from hoatoc.testing.database import PageRow, Rows, statement


class MemoryAnnouncements(Rows):
    """What the books have to tell, as `AnnouncementTables` has it."""

    @statement
    def lead(self) -> bool:
        """Become the one that announces; False while another is."""
        if self.database.leader is None:
            self.database.leader = self.connection
        return self.database.leader is self.connection

    @statement
    def next(self, limit: int) -> list[Queued]:
        """Return the next announcements, in order."""
        return [self._queued(number) for number in islice(self.tables.announcements, limit)]

    def _queued(self, number: int) -> Queued:
        record, event_id, name = self.tables.announcements[number]
        trace = dict(record.headers)["traceparent"].decode()
        return Queued(number, record.topic, record.key, event_id, name, trace, record.value)

    @statement
    def told(self, ids: Sequence[int]) -> None:
        """Forget what the broker has confirmed."""
        self.database.drop(self.tables.announcements, ids)


class MemoryPages(Rows):
    """Pages, as `PageTables` has them."""

    @statement
    def take(self, subject_id: UUID, kind: str, version: int, alert: bytes) -> None:
        """Take an alert in; a repeat changes nothing."""
        mine = self._of(subject_id, kind)
        if version not in mine:
            state = "superseded" if any(other > version for other in mine) else "pending"
            due = PageDue(subject_id, kind, version, alert, 0)
            page = PageRow(due, state, self.database.now_s())
            self.database.put(self.tables.pages, (subject_id, kind, version), page)
        if version % 2 == 0:
            self._supersede(subject_id, kind, version)

    def _of(self, subject_id: UUID, kind: str) -> dict[int, PageRow]:
        pages = self.tables.pages
        return {at[2]: page for at, page in pages.items() if at[:2] == (subject_id, kind)}

    def _supersede(self, subject_id: UUID, kind: str, version: int) -> None:
        """Page nobody of an alert that was over before its page was ever tried."""
        mine = self._of(subject_id, kind)
        raised = [mine[v] for v in sorted(mine) if v < version and v % 2][-1:]
        if any(page.due.attempts or page.state == "delivered" for page in raised):
            return
        for page in (mine[version], *raised):
            if page.state == "pending":
                self._put(replace(page, state="superseded"))

    def _put(self, page: PageRow) -> None:
        self.database.put(self.tables.pages, tuple(page.due[:3]), page)

    @statement
    def claim(self, limit: int, lease_s: float) -> list[PageDue]:
        """Claim pages that are due, the versions of an alert in their order."""
        now_s = self.database.now_s()
        claimed: list[PageDue] = []
        pending = [page for page in self.tables.pages.values() if page.state == "pending"]
        ripe = sorted((p for p in pending if p.next_s <= now_s), key=lambda page: page.next_s)
        for page in ripe:
            due, first = page.due, min(p.due.version for p in pending if _same(p, page))
            if due.version == first and len(claimed) < limit:
                tried = due._replace(attempts=due.attempts + 1)
                self._put(replace(page, due=tried, next_s=now_s + lease_s))
                claimed.append(tried)
        return claimed

    @statement
    def delivered(self, page: PageDue) -> None:
        """Note that the receiver has taken a page."""
        row = self.tables.pages[page[:3]]
        self._put(replace(row, state="delivered", last_error=None))

    @statement
    def failed(self, page: PageDue, fault: str, pause_s: float) -> None:
        """Note that the receiver has not taken a page: it is tried again after a pause."""
        row = self.tables.pages[page[:3]]
        self._put(replace(row, last_error=fault, next_s=self.database.now_s() + pause_s))

    @statement
    def pending(self) -> int:
        """Return how many pages wait."""
        return sum(page.state == "pending" for page in self.tables.pages.values())


def _same(one: PageRow, other: PageRow) -> bool:
    return one.due[:2] == other.due[:2]


class MemoryCalendar(Rows):
    """The versions of the working calendars, as `CalendarTables` has them."""

    @statement
    def current(self) -> int:
        """Return the current version."""
        return max(self.tables.calendars)
