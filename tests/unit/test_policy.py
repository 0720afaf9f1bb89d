"""How long a delivery may take, as data."""

from datetime import date, datetime
from importlib.resources import files

import pytest

from hoatoc.domain.event import Limits
from hoatoc.domain.page import VIETNAM
from hoatoc.domain.policy import URGENCIES, PolicyInvalid, limits_for, parse_policy
from hoatoc.domain.working_due import NEXT_WORKING_DAY, RECEIPT_DAY

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
    for stage in ("publish_ms", "arrive_ms", "accept_ms", "handle_ms", "recall_ms"):
        times = [getattr(limits_for(policy, p), stage) for p in range(len(URGENCIES))]
        if not times[0]:  # the normal one goes by a legal clock
            times = times[1:]
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


def test_the_shipped_policy_gives_a_normal_document_the_clocks_of_the_law() -> None:
    limits = limits_for(parse_policy(SHIPPED), 0, reply_by=date(2021, 2, 20))
    assert (RECEIPT_DAY, 0) == (limits.accept_clock, limits.accept_ms)
    assert (NEXT_WORKING_DAY, 0) == (limits.handle_clock, limits.handle_ms)
    assert "2021-02-20" == limits.reply_by
    assert "" == limits_for(parse_policy(SHIPPED), 0).reply_by


def test_an_urgent_document_runs_around_the_clock() -> None:
    for priority in range(1, len(URGENCIES)):
        limits = limits_for(parse_policy(SHIPPED), priority)
        assert ("", "") == (limits.accept_clock, limits.handle_clock)
        assert 0 < limits.accept_ms < 24 * 3_600_000


def test_in_a_demonstration_calendar_time_begins_on_the_day_of_the_document() -> None:
    shown = "[demonstration]\nfactor = 3600\nbegins = 09:00:00\n"
    limits = limits_for(parse_policy(TEXT + shown), 0, None, date(2021, 2, 1), 5_000)
    begins = datetime(2021, 2, 1, 9, tzinfo=VIETNAM).timestamp() * 1000
    assert (3600, 5_000, begins) == (
        limits.factor,
        limits.factor_log_ms,
        limits.factor_calendar_ms,
    )
    assert 1 == limits_for(parse_policy(TEXT), 0, None, date(2021, 2, 1), 5_000).factor


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("accept_s = 3.5", "", "accept_s is None"),
        ("accept_s = 3.5", 'accept = "someday"', "accept is 'someday'"),
        ("accept_s = 3.5", 'accept = "receipt-day"\naccept_s = 1', "give one of them"),
        ("grace_s = 10", "grace_s = 10\n[demonstration]\nfactor = 0", "factor is 0"),
        ("grace_s = 10", "grace_s = 10\n[demonstration]\nbegins = 9", "begins is 9"),
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
