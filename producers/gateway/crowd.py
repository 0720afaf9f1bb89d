"""The crowd: how many requests are at work at a time, in all and of one organ."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.types import Scope

from producers.gateway.refusal import ManyAtOnce

ORGANS = "hoatoc.organs"
"""where a request's scope holds the organs that it was counted for"""
_PART = 4


class Crowd:
    """So many requests at work; of one organ, which may wait in each of them, a quarter at most."""

    def __init__(self, most: int) -> None:
        self._most, self._share = most, max(1, most // _PART)
        self._inside, self._of = 0, Counter[str]()

    @property
    def is_full(self) -> bool:
        """Whether as many are at work as there may be."""
        return self._inside >= self._most

    @contextmanager
    def entered(self, scope: Scope) -> Iterator[None]:
        """Count a request while the block lasts."""
        organs: set[str] = set()
        scope[ORGANS] = organs
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1
            self._of -= Counter(organs)

    def admit(self, scope: Scope, organ: str) -> None:
        """Count a request as one of an organ, once; raises ManyAtOnce."""
        organs: set[str] = scope[ORGANS]
        if organ in organs:
            return
        if self._of[organ] >= self._share:
            raise ManyAtOnce(self._share)
        organs.add(organ)
        self._of[organ] += 1
