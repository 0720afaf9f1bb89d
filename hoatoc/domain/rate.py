"""Rate: how often each of many may ask, evenly in the long run and in bursts for a while.

The generic cell rate algorithm (ITU-T I.371): of each asker one instant is kept, at which all that
it has asked so far would be even. A question moves it by one interval; one that would move it
farther ahead than a burst is refused, and told when it would not be.
"""

from math import ceil
from typing import Final

from hoatoc.domain.access import TooManyRequests

_MANY: Final = 4096
"""askers kept before those are let go who have been still for long enough"""


class Limiter:
    """Lets each asker ask `rate_per_s` times a second, and `burst` times at once after a rest.

    A rate of 0 limits nothing.
    """

    def __init__(self, rate_per_s: float, burst: int) -> None:
        self._interval_s = 1 / rate_per_s if rate_per_s else 0.0
        self._ahead_s = self._interval_s * (max(burst, 1) - 1)
        self._even_at: dict[str, float] = {}
        self._sweep_at = _MANY

    def admit(self, asker: str, now_s: float) -> None:
        """Count one question at an instant of a monotonic clock, or raise TooManyRequests.

        A question that is refused is not counted.
        """
        even_at = max(self._even_at.get(asker, now_s), now_s)
        wait_s = even_at - now_s - self._ahead_s
        if wait_s > 1e-9:  # less is what fractions of seconds cost
            raise TooManyRequests(ceil(wait_s))
        self._even_at[asker] = even_at + self._interval_s
        if len(self._even_at) > self._sweep_at:
            self._sweep(now_s)

    def __len__(self) -> int:
        """Return how many askers are kept."""
        return len(self._even_at)

    def _sweep(self, now_s: float) -> None:
        self._even_at = {asker: at for asker, at in self._even_at.items() if at > now_s}
        self._sweep_at = max(_MANY, 2 * len(self._even_at))
