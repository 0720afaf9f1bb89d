"""A minute wheel: what is due when, by the minute of service time.

One entry a delivery. Moving or dropping an entry only forgets its due; the bucket that names it is
cleaned when its minute comes, so each change costs the same however many entries there are.
"""

import heapq
from collections.abc import Iterator
from uuid import UUID

_MINUTE_MS = 60_000


class Wheel:
    """Entries by due (ms of service time)."""

    def __init__(self) -> None:
        self._due: dict[UUID, int] = {}
        self._buckets: dict[int, set[UUID]] = {}
        self._minutes: list[int] = []

    def __len__(self) -> int:
        return len(self._due)

    def put(self, entry: UUID, due_ms: int) -> None:
        """Put an entry at its due, or move it there."""
        if self._due.get(entry) == due_ms:
            return
        self._due[entry] = due_ms
        minute = due_ms // _MINUTE_MS
        if minute not in self._buckets:
            self._buckets[minute] = set()
            heapq.heappush(self._minutes, minute)
        self._buckets[minute].add(entry)

    def drop(self, entry: UUID) -> None:
        """Forget an entry, if it is there."""
        self._due.pop(entry, None)

    def pop_passed(self, service_ms: int) -> Iterator[UUID]:
        """Take out every entry whose due lies before this instant."""
        while self._minutes and self._minutes[0] * _MINUTE_MS < service_ms:
            minute = self._minutes[0]
            waiting: set[UUID] = set()
            for entry in self._buckets[minute]:
                due = self._due.get(entry)
                if due is None or due // _MINUTE_MS != minute:
                    continue
                if due < service_ms:
                    del self._due[entry]
                    yield entry
                else:
                    waiting.add(entry)
            if waiting:
                self._buckets[minute] = waiting
                return
            del self._buckets[minute]
            heapq.heappop(self._minutes)

    def within(self, service_ms: int, minutes: int) -> int:
        """Count the entries due in the next minutes, to the minute."""
        begin = service_ms // _MINUTE_MS
        return sum(len(self._buckets.get(m, ())) for m in range(begin, begin + minutes))
