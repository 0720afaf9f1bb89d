"""Trying again: when, how long, and what is known of something that was never answered."""

import random
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import httpx
from tenacity import RetryCallState, retry_if_exception, stop_before_delay
from tenacity.wait import wait_random_exponential

from hoatoc.client.call import Call, Reply, require_success
from hoatoc.client.error import GatewayAway, OutcomeUnknown, Problem, ReplyUnreadable, is_foreign
from hoatoc.domain.error import HoatocError

T = TypeVar("T")
_NOT_REACHED = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.LocalProtocolError,
    httpx.UnsupportedProtocol,
)
_SPREAD = 0.25
LONGEST_MS = 3600 * 1000
"""what is put off for longer than this was put off by a clock that has been set back"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a call is tried again: in all, and between two tries at most; seconds."""

    total_s: float = 60.0
    first_s: float = 0.25
    longest_s: float = 20.0

    def options(self) -> dict[str, Any]:
        """Return this for tenacity."""
        return {
            "retry": retry_if_exception(is_retriable),
            "wait": self.wait,
            "stop": stop_before_delay(self.total_s),
            "reraise": True,
        }

    def wait(self, state: RetryCallState) -> float:
        """Return how long to wait: what `Retry-After` bids, else longer each time; with jitter."""
        error = state.outcome.exception() if state.outcome else None
        asked_s = getattr(error, "retry_after_s", None)
        if asked_s is not None:
            return float(asked_s) * (1 + random.random() * _SPREAD)
        return float(wait_random_exponential(self.first_s, self.longest_s)(state))


@dataclass(slots=True)
class Backoff:
    """Longer and longer intervals between tries, each drawn anew; seconds."""

    first_s: float = 0.5
    longest_s: float = 30.0
    failures: int = 0

    def next_s(self, asked_s: float | None = None) -> float:
        """Return how long to wait after one more failure; not less than what was asked for."""
        self.failures += 1
        state = RetryCallState(None, None, (), {})  # type: ignore[arg-type]  # only counted
        state.attempt_number = self.failures
        return float(wait_random_exponential(self.first_s, self.longest_s)(state)) + (asked_s or 0)

    def after_s(self, error: BaseException) -> float:
        """Return the same after an error, which may say itself how long to wait."""
        return self.next_s(getattr(error, "retry_after_s", None))


def is_passing(error: BaseException) -> bool:
    """Tell whether waiting may mend it: retriable, or said by something on the way."""
    return is_retriable(error) or (isinstance(error, Problem) and not error.code)


def is_retriable(error: BaseException) -> bool:
    """Tell whether the same call may succeed later."""
    return isinstance(error, HoatocError) and error.retriable


class Trying(Generic[T]):
    """One call through its tries: whether any of them may have been heard."""

    def __init__(self, call: Call[T]) -> None:
        self._call, self._heard = call, False

    def lost(self, error: httpx.HTTPError) -> GatewayAway:
        """Return what a try without an answer is."""
        self._heard = self._heard or not isinstance(error, _NOT_REACHED)
        # What was wrong with our own request is not quoted: it may be the key.
        told = "" if isinstance(error, httpx.LocalProtocolError) else str(error)
        said = f"{type(error).__name__}: {told}".rstrip(": ")
        return GatewayAway(
            f"Cổng không trả lời ({said}): kiểm tra địa chỉ và đường truyền. / The gateway does "
            f"not answer ({said}): check its address and the line."
        )

    def read(self, reply: Reply) -> T:
        """Return what an answer means; raises the problem that it is, or ReplyUnreadable.

        What a proxy says of a fault, or a success that cannot be read, leaves open what was heard.
        """
        try:
            require_success(reply)
            return self._call.read(reply)
        except (Problem, ReplyUnreadable) as error:
            may_be_done = reply.is_success or reply.is_fault
            self._heard = self._heard or (may_be_done and is_foreign(error))
            raise

    def require_outcome(self, error: HoatocError) -> None:
        """Raise OutcomeUnknown where the last try failed and an earlier one may have been heard."""
        if self._heard and self._call.writes and (error.retriable or is_foreign(error)):
            what = f"{self._call.method} {self._call.path}"
            cause = type(error.__cause__ or error).__name__
            unknown = OutcomeUnknown(what, self._call.key, cause)
            unknown.retry_after_s = getattr(error, "retry_after_s", None)
            raise unknown from error
