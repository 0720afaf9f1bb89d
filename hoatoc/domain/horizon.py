"""The horizon of a feed: the instant up to which everything appended is known to be done.

A fetch at time t shows where the log ended then. Once everything before that end is done, nothing
that was appended before t is waiting. All times are the reader's own clock, so no other clock can
make a feed look late or in time.
"""

from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class Horizon:
    """How far one feed is done; times in milliseconds of the reader's clock."""

    done_offset: int = 0
    instant_ms: int | None = None
    _seen: deque[tuple[int, int]] = field(default_factory=deque)

    def observe(self, fetched_ms: int, end_offset: int) -> None:
        """Take note that a fetch at this time found the log to end there."""
        if not self._seen or self._seen[-1][0] != fetched_ms:
            self._seen.append((fetched_ms, end_offset))
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
