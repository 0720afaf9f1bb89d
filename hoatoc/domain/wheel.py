"""A minute wheel: what is due when, by the minute of service time.

One entry a delivery. Each change touches one bucket, so it costs the same however many entries
there are, and a bucket holds exactly what is due in its minute.
"""

import heapq
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
        self.drop(entry)
        self._due[entry] = due_ms
        minute = due_ms // _MINUTE_MS
        if minute not in self._buckets:
            self._buckets[minute] = set()
            heapq.heappush(self._minutes, minute)
        self._buckets[minute].add(entry)

    def drop(self, entry: UUID) -> None:
        """Forget an entry, if it is there."""
        due = self._due.pop(entry, None)
        if due is not None:
            self._buckets[due // _MINUTE_MS].discard(entry)

    def pop_passed(self, service_ms: int) -> list[UUID]:
        """Take out every entry whose due lies before this instant."""
        passed: list[UUID] = []
        while self._minutes and self._minutes[0] * _MINUTE_MS < service_ms:
            bucket = self._buckets[self._minutes[0]]
            over = [entry for entry in bucket if self._due[entry] < service_ms]
            passed += over
            for entry in over:
                del self._due[entry]
            bucket.difference_update(over)
            if bucket:
                break
            del self._buckets[heapq.heappop(self._minutes)]
        return passed

    def within(self, service_ms: int, minutes: int) -> int:
        """Count the entries due in the next minutes, to the minute."""
        begin = service_ms // _MINUTE_MS
        return sum(len(self._buckets.get(m, ())) for m in range(begin, begin + minutes))
