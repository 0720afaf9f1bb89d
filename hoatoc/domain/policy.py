"""Policy: how long a delivery may take, by urgency, as data.

A limit is a span of seconds (`accept_s`), or the name of a legal clock by the recipient's working
calendar (`accept`); `working_due` says what the clocks mean. No law fixes minutes for an urgent
document: such limits are design parameters.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from typing import Any

from hoatoc.domain.check import SHIPPED_POLICY, CheckPolicy, parse_check_policy
from hoatoc.domain.error import OurFault
from hoatoc.domain.event import Limits
from hoatoc.domain.working_due import DUE_DATE, NEXT_WORKING_DAY, RECEIPT_DAY

URGENCIES = ("normal", "urgent", "very_urgent", "express", "timed_express")
SPANS = ("publish_s", "arrive_s", "accept_s", "handle_s", "recall_s")
_MANDATORY = ("publish_s", "arrive_s")
_CLOCKS = {
    "accept": (RECEIPT_DAY,),
    "handle": (RECEIPT_DAY, NEXT_WORKING_DAY),
    "reply": (DUE_DATE,),
}
_CENTURY_S = 100 * 366 * 24 * 3600
_VIETNAM = timezone(timedelta(hours=7))


class PolicyInvalid(OurFault):
    """The policy file names something unknown, or a limit that cannot be one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """Limits of one urgency: spans in milliseconds (0: none), clocks by name ("": none)."""

    publish_ms: int
    arrive_ms: int
    accept_ms: int = 0
    accept_clock: str = ""
    handle_ms: int = 0
    handle_clock: str = ""
    reply_clock: str = ""
    recall_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Demonstration:
    """Calendar time that runs `factor` times as fast, from an hour of the document's own day."""

    factor: int = 1
    begins: time = time(8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the operator decides: limits by priority (0 to 4), and what the checks refuse."""

    name: str
    max_gap_ms: int
    grace_ms: int
    stages: tuple[Stages, ...]
    demonstration: Demonstration = Demonstration()
    checks: CheckPolicy = SHIPPED_POLICY


def parse_policy(text: str) -> Policy:
    """Read a policy from TOML.

    Raises PolicyInvalid with the key, what was found and what was expected.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyInvalid(f"the policy is not TOML: {error}") from error
    _only(data, {"name", "max_gap_s", "grace_s", "limits", "demonstration", "checks"}, "")
    limits = data.get("limits", {})
    _only(limits, set(URGENCIES), "limits.")
    return Policy(
        name=str(data.get("name", "unnamed")),
        max_gap_ms=_ms(data, "max_gap_s", ""),
        grace_ms=_ms(data, "grace_s", ""),
        stages=tuple(_stages(limits.get(u, {}), f"limits.{u}.") for u in URGENCIES),
        demonstration=_demonstration(data.get("demonstration", {})),
        checks=parse_check_policy(data.get("checks", {})),
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


def _stages(table: Any, prefix: str) -> Stages:
    _only(table, {*SPANS, *_CLOCKS}, prefix)
    spans = {
        key.replace("_s", "_ms"): _ms(table, key, prefix)
        for key in SPANS
        if key in table or key in _MANDATORY
    }
    clocks = {f"{key}_clock": _clock(table, key, prefix) for key in _CLOCKS}
    for stage in ("accept", "handle"):
        if f"{stage}_s" in table and stage in table:
            raise PolicyInvalid(f"policy: {prefix}{stage} and {prefix}{stage}_s: give one of them")
    if not spans.get("accept_ms") and not clocks["accept_clock"]:
        raise PolicyInvalid(
            f"policy: {prefix}accept_s is None; expected seconds, or the clock accept = "
            f'"{RECEIPT_DAY}"'
        )
    return Stages(**spans, **clocks)  # type: ignore[arg-type]


def _clock(table: Mapping[str, object], key: str, prefix: str) -> str:
    value = table.get(key, "")
    if value == "" or value in _CLOCKS[key]:
        return str(value)
    raise PolicyInvalid(f"policy: {prefix}{key} is {value!r}; expected one of {_CLOCKS[key]}")


def _demonstration(table: Any) -> Demonstration:
    _only(table, {"factor", "begins"}, "demonstration.")
    factor, begins = table.get("factor", 1), table.get("begins", time(8))
    if not isinstance(factor, int) or isinstance(factor, bool) or not 1 <= factor <= 86_400:
        raise PolicyInvalid(f"policy: demonstration.factor is {factor!r}; expected 1 to 86400")
    if not isinstance(begins, time):
        raise PolicyInvalid(f"policy: demonstration.begins is {begins!r}; expected 08:00:00")
    return Demonstration(factor=factor, begins=begins)


def limits_for(
    policy: Policy,
    priority: int,
    reply_by: date | None = None,
    signed: date | None = None,
    handed_over_ms: int = 0,
) -> Limits:
    """Return the limits of a dispatch of this priority (0 to 4), handed over at this instant.

    `reply_by` is the date by which the sender asks for a reply; `signed` the day of the document,
    from which calendar time runs in a demonstration.
    """
    stages, shown = policy.stages[priority], policy.demonstration
    begins = datetime.combine(signed, shown.begins, _VIETNAM) if signed else None
    fast = shown.factor > 1 and begins is not None
    return Limits(
        policy=policy.name,
        publish_ms=stages.publish_ms,
        arrive_ms=stages.arrive_ms,
        accept_ms=stages.accept_ms,
        allowance_ms=policy.max_gap_ms,
        grace_ms=policy.grace_ms,
        accept_clock=stages.accept_clock,
        handle_ms=stages.handle_ms,
        handle_clock=stages.handle_clock,
        reply_by=reply_by.isoformat() if reply_by and stages.reply_clock else "",
        recall_ms=stages.recall_ms,
        factor=shown.factor if fast else 1,
        factor_log_ms=handed_over_ms if fast else 0,
        factor_calendar_ms=round(begins.timestamp() * 1000) if fast and begins else 0,
    )
