"""Scope: for which organs an organ may act, by the registry, on a day.

1. For itself.
2. For the organs below it: those whose `parent` it is, and theirs.
3. For those that it succeeds: an organ that has ended leaves what it was sent to its successor.
4. For the organs whose connection one of these is: their documents lie in its topic.

The first three are followed together until nothing is added; the fourth is not followed further: a
connection carries an organ's documents and is not above the organs below that one.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from typing import Final

from hoatoc.domain.identity import OrganCode
from hoatoc.domain.registry import Organ, Reason, Registry

_HALTS: Final = frozenset({Reason.ENDED, Reason.NOT_YET_VALID, Reason.LOCKED})


@dataclass(frozen=True, slots=True)
class Scope:
    """The organs that one may act for, and those of them that may begin nothing new."""

    organs: frozenset[OrganCode]
    halted: frozenset[OrganCode]


class Scopes:
    """The scope of every organ of a registry on a day in Vietnam.

    Building one reads every organ once; asking for a scope costs as much as it holds.
    """

    def __init__(self, registry: Registry, on: date) -> None:
        self._registry, self._on = registry, on
        self._under: dict[str, list[OrganCode]] = defaultdict(list)
        self._connected: dict[str, list[OrganCode]] = defaultdict(list)
        for organ in registry.organs:
            for above in _above(organ, on):
                self._under[above].append(organ.code)
            if organ.hub:
                self._connected[registry.connection(organ)].append(organ.code)

    def of(self, organ: OrganCode) -> Scope:
        """Return the scope of an organ; empty if the registry has none of this code."""
        known = self._registry.get(organ)
        if known is None or known.code != organ:
            return Scope(frozenset(), frozenset())
        below = self._below(organ)
        connected = {code for each in below for code in self._connected.get(each, ())}
        organs = frozenset(below | connected)
        return Scope(organs, frozenset(filter(self._is_halted, organs)))

    def _below(self, organ: OrganCode) -> set[OrganCode]:
        found, waiting = {organ}, [organ]
        while waiting:
            new = set(self._under.get(waiting.pop(), ())) - found
            found |= new
            waiting += new
        return found

    def _is_halted(self, code: OrganCode) -> bool:
        """Tell whether the checks of a packet would refuse it as a sender."""
        resolved = self._registry.resolve(code, self._on)
        notice = resolved.notice if resolved else None
        return notice is not None and notice.reason in _HALTS


def _above(organ: Organ, on: date) -> list[str]:
    """Return whose scopes an organ comes into: its parent's, and after its end its successor's."""
    succeeded = organ.successor if organ.has_ended(on) else ""
    return [code for code in (organ.parent, succeeded) if code]
