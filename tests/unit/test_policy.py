"""How long a delivery may take, as data."""

from importlib.resources import files

import pytest

from hoatoc.domain.event import Limits
from hoatoc.domain.policy import URGENCIES, PolicyInvalid, limits_for, parse_policy

SHIPPED = (files("hoatoc.data") / "policy.toml").read_text("utf-8")
STAGES = "publish_s = 1\narrive_s = 2\naccept_s = 3.5\n"
TEXT = 'name = "t"\nmax_gap_s = 5\ngrace_s = 10\n' + "".join(
    f"[limits.{urgency}]\n{STAGES}" for urgency in URGENCIES
)


def test_the_shipped_policy_gives_limits_for_every_priority() -> None:
    policy = parse_policy(SHIPPED)
    limits = [limits_for(policy, priority) for priority in range(len(URGENCIES))]
    assert [300_000, 120_000, 60_000, 30_000, 30_000] == [one.publish_ms for one in limits]


def test_a_more_urgent_document_is_never_given_more_time() -> None:
    policy = parse_policy(SHIPPED)
    for stage in ("publish_ms", "arrive_ms", "accept_ms"):
        times = [getattr(limits_for(policy, p), stage) for p in range(len(URGENCIES))]
        assert sorted(times, reverse=True) == times


def test_seconds_become_milliseconds_and_the_gap_is_the_allowance() -> None:
    expected = Limits(
        policy="t",
        publish_ms=1_000,
        arrive_ms=2_000,
        accept_ms=3_500,
        allowance_ms=5_000,
        grace_ms=10_000,
    )
    assert expected == limits_for(parse_policy(TEXT), 0)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("grace_s = 10", "", "grace_s is None"),
        ("grace_s = 10", "grace_s = 0", "grace_s is 0"),
        ("grace_s = 10", "grace_s = -1", "grace_s is -1"),
        ("grace_s = 10", "grace_s = nan", "grace_s is nan"),
        ("grace_s = 10", "grace_s = inf", "grace_s is inf"),
        ("grace_s = 10", "grace_s = 0.0004", "grace_s is 0.0004"),
        ("grace_s = 10", "grace_s = true", "grace_s is True"),
        ("grace_s = 10", 'grace_s = "10"', "grace_s is '10'"),
        ("grace_s = 10", "grace_s = 10\nlimit = 1", "limit is not known"),
        ("[limits.express]", "[limits.fast]", "limits.fast is not known"),
        ("publish_s = 1", "publish = 1", "limits.normal.publish is not known"),
        ("publish_s = 1", "publish_s = 0", "limits.normal.publish_s is 0"),
        ("name", "=", "not TOML"),
    ],
)
def test_what_cannot_be_a_policy_is_refused_by_name(old: str, new: str, named: str) -> None:
    with pytest.raises(PolicyInvalid, match=named):
        parse_policy(TEXT.replace(old, new, 1))


@pytest.mark.parametrize("text", ["limits = 3", "[limits]\nnormal = 3"])
def test_limits_that_are_no_table_are_refused(text: str) -> None:
    with pytest.raises(PolicyInvalid, match="expected a table"):
        parse_policy(f"max_gap_s = 5\ngrace_s = 10\n{text}\n")
