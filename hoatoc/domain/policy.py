"""Policy: how long a delivery may take, by urgency, as data.

Legal clocks and working calendars will enter behind `limits_for` and `deadline.due_of`.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hoatoc.domain.error import OurFault
from hoatoc.domain.event import Limits

URGENCIES = ("normal", "urgent", "very_urgent", "express", "timed_express")
STAGES = ("publish_s", "arrive_s", "accept_s")
_CENTURY_S = 100 * 366 * 24 * 3600


class PolicyInvalid(OurFault):
    """The policy file names something unknown, or a limit that cannot be one."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Limits by priority (0 to 4); all in milliseconds."""

    name: str
    max_gap_ms: int
    grace_ms: int
    stages_ms: tuple[tuple[int, int, int], ...]


def parse_policy(text: str) -> Policy:
    """Read a policy from TOML.

    Raises PolicyInvalid with the key, what was found and what was expected.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyInvalid(f"the policy is not TOML: {error}") from error
    _only(data, {"name", "max_gap_s", "grace_s", "limits"}, "")
    limits = data.get("limits", {})
    _only(limits, set(URGENCIES), "limits.")
    for urgency in URGENCIES:
        _only(limits.get(urgency, {}), set(STAGES), f"limits.{urgency}.")
    return Policy(
        str(data.get("name", "unnamed")),
        _ms(data, "max_gap_s", ""),
        _ms(data, "grace_s", ""),
        tuple(
            (
                _ms(limits.get(u, {}), "publish_s", f"limits.{u}."),
                _ms(limits.get(u, {}), "arrive_s", f"limits.{u}."),
                _ms(limits.get(u, {}), "accept_s", f"limits.{u}."),
            )
            for u in URGENCIES
        ),
    )


def _only(table: Any, known: set[str], prefix: str) -> None:
    if not isinstance(table, dict):
        raise PolicyInvalid(f"policy: {prefix[:-1]} is {table!r}; expected a table")
    if unknown := sorted(table.keys() - known):
        raise PolicyInvalid(f"policy: {prefix}{unknown[0]} is not known; known: {sorted(known)}")


def _ms(table: Mapping[str, object], key: str, prefix: str) -> int:
    value = table.get(key)
    if (
        not isinstance(value, int | float)
        or isinstance(value, bool)
        or not 0.001 <= value < _CENTURY_S
    ):
        raise PolicyInvalid(
            f"policy: {prefix}{key} is {value!r}; expected seconds, a thousandth at least"
        )
    return round(value * 1000)


def limits_for(policy: Policy, priority: int) -> Limits:
    """Return the limits of a dispatch of this priority (0 to 4)."""
    publish, arrive, accept = policy.stages_ms[priority]
    return Limits(
        policy=policy.name,
        publish_ms=publish,
        arrive_ms=arrive,
        accept_ms=accept,
        allowance_ms=policy.max_gap_ms,
        grace_ms=policy.grace_ms,
    )
