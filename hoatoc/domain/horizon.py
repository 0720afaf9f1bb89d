"""The horizon of a feed: the instant up to which everything appended is known to be done.

A fetch shows where the log ended then. Once everything before that end is done, nothing that was
appended before the fetch is waiting. All times are the reader's own, by a clock that never steps:
by one that was set back, a feed that stands still would look current for as long as it was ahead.
Which fetch was the last is told from outside by a stamp, of which only changes count; so a fetch is
taken to be as old as the look before it was seen.
"""

from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class Horizon:
    """How far one feed is done; times in milliseconds of a clock that never steps."""

    done_offset: int = 0
    instant_ms: int | None = None
    _seen: deque[tuple[int, int]] = field(default_factory=deque)
    _fetch: int | None = None
    _looked_ms: int | None = None

    def look(self, now_ms: int, fetch: int, end_offset: int) -> None:
        """Take note that the last fetch, which bears this stamp, found the log to end there."""
        if self._looked_ms is not None and fetch != self._fetch:
            self._seen.append((self._looked_ms, end_offset))
        self._fetch, self._looked_ms = fetch, now_ms
        self._advance()

    def done(self, next_offset: int) -> None:
        """Take note that everything before this offset is done."""
        self.done_offset = max(self.done_offset, next_offset)
        self._advance()

    def _advance(self) -> None:
        while self._seen and self._seen[0][1] <= self.done_offset:
            self.instant_ms = self._seen.popleft()[0]

    def within(self, now_ms: int, gap_ms: int) -> bool:
        """Tell whether everything older than the gap is done."""
        return self.instant_ms is not None and now_ms - self.instant_ms <= gap_ms
