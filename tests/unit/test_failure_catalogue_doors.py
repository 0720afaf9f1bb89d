"""Failures met in real integrations that the doors and the outbox prevent; F: the number there.

That the stores do the same is shown in tests/integration/test_handover.py, test_recall.py,
test_resend.py, test_relay.py and test_intake.py.
"""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid5

import pytest
from aiokafka.structs import ConsumerRecord
from hypothesis import given
from hypothesis import strategies as st

from consumers.telling import tell_sender
from hoatoc import codec
from hoatoc.config import options
from hoatoc.domain.book import Account
from hoatoc.domain.delivery import Delivery, Fact, Facts, Position, facts_of
from hoatoc.domain.edxml import read_packet
from hoatoc.domain.error import PeerFault
from hoatoc.domain.event import (
    DeliveriesUpdated,
    Limits,
    RecallIssued,
    StatusReported,
    TransportAcknowledged,
)
from hoatoc.domain.identity import OrganCode
from hoatoc.domain.lifecycle import Axes, Carriage, Handling, Recall, axes, state
from hoatoc.domain.packet import UPDATE, ReceiverChange
from hoatoc.domain.sending import Form, sending_of
from hoatoc.domain.walk import Entry, PartitionBook, is_known, walk
from hoatoc.ports import Claimed, ClaimedRecall
from hoatoc.testing.letter import to
from producers.publisher import copy, registration
from producers.recall import issued, requested
from producers.report import Report, read_report

DISPATCH = UUID("01890000-0000-7000-8000-000000000000")
_OF = uuid5(DISPATCH, "H16")
LIMITS = Limits(policy="p", publish_ms=1, arrive_ms=1, accept_ms=1, allowance_ms=1, grace_ms=1)
NOW = datetime(2021, 2, 1, 3, tzinfo=UTC)
ABOUT = {
    "dispatch_id": DISPATCH,
    "sender": "G22",
    "document_id": "G22,2021/02/01,807/VPCP-KSTT",
    "issuer": "G22",
    "year": 2021,
    "number": "807",
    "notation": "VPCP-KSTT",
    "subject": "Tăng cường gửi, nhận văn bản điện tử",
    "priority": 0,
    "limits": LIMITS,
    "recipients": ("H16", "H33"),
    "connections": ("H16", "H33"),
}


def claimed() -> Claimed:
    """Return a row as a relay claims it."""
    row = ABOUT | {"packet": b"<edXML/>", "packet_sha256": b"s", "packet_bytes": 8}
    return Claimed(**row, handed_over_at=NOW)  # type: ignore[arg-type]


def claimed_recall(form: Form, reason: str) -> ClaimedRecall:
    """Return a recall as a relay claims it."""
    return ClaimedRecall(
        **ABOUT,  # type: ignore[arg-type]
        recall_id=uuid5(DISPATCH, "recall"),
        form=form,
        reason=reason,
        requested_by="G22",
        requested_at=NOW,
        packet=None,
        packet_sha256=None,
        packet_bytes=None,
    )


def record(value: bytes | None) -> ConsumerRecord:
    """Return a record of H16's report topic."""
    return ConsumerRecord(
        topic="reports.H16",
        partition=0,
        offset=0,
        timestamp=0,
        timestamp_type=0,
        key=str(DISPATCH).encode(),
        value=value,
        checksum=None,
        serialized_key_size=0,
        serialized_value_size=0,
        headers=(),
    )


def facts(*kinds: Fact) -> Facts:
    return {kind: (Position(at, at, at),) for at, kind in enumerate(kinds)}


def status(code: str) -> StatusReported:
    return StatusReported(event_id=DISPATCH, dispatch_id=DISPATCH, recipient="H16", code=code)


UNREADABLE = [None, b"", b"\xc3\x01", b"<html>502 Bad Gateway</html>", b"[]", b"{}"]


@pytest.mark.parametrize("value", UNREADABLE, ids=repr)
def test_f1_what_cannot_be_read_is_a_fault_and_never_an_empty_success(
    value: bytes | None,
) -> None:
    report = read_report(record(value))
    assert isinstance(report.fault, codec.Undecodable)
    assert report == Report(record(value), "H16", None, report.fault)
    with pytest.raises(PeerFault):
        read_packet(value or b"")


def test_f2_a_copy_of_which_nothing_is_known_is_unknown_and_still_open() -> None:
    assert Axes(Carriage.UNKNOWN, Handling.NONE, Recall.NOT_ASKED) == axes({})
    assert "registered" == state({})


@pytest.mark.parametrize("outcome", ["", "null", "timeout", "DONE ", "ok"])
def test_f2_an_outcome_that_no_table_knows_is_kept_and_closes_nothing(outcome: str) -> None:
    answer = TransportAcknowledged(
        event_id=DISPATCH, dispatch_id=DISPATCH, recipient="H16", outcome=outcome
    )
    assert () == tuple(facts_of(answer))
    assert not is_known(answer)


def test_f4_what_the_exchange_has_taken_has_not_arrived() -> None:
    found = axes(facts(Fact.REGISTERED, Fact.PUBLISHED))
    assert (Carriage.PUBLISHED, Handling.NONE) == (found.carriage, found.handling)


def test_f4_a_failure_to_send_is_no_status_of_the_recipient() -> None:
    found = axes(facts(Fact.REGISTERED, Fact.SEND_REFUSED))
    assert (Carriage.PARKED, Handling.NONE) == (found.carriage, found.handling)
    assert () == tuple(facts_of(status("999")))
    assert not is_known(status("999"))


@given(st.sets(st.sampled_from(["H16", "H33"])), st.sets(st.sampled_from(["G09", "G19"])))
def test_f6_an_update_of_the_receivers_goes_to_those_it_adds_and_to_no_other(
    removed: set[str], added: set[str]
) -> None:
    changes = [ReceiverChange(code=code, added=True) for code in added]
    changes += [ReceiverChange(code=code, added=False) for code in removed]
    letter = replace(to("H16", "H33"), business_type=UPDATE, receiver_changes=tuple(changes))
    found = sending_of(letter, OrganCode)
    assert tuple(sorted(added)) == found.copies
    assert [tuple(sorted(removed))] * bool(removed) == [back.organs for back in found.asked_back]


def test_f11_what_became_of_a_document_is_told_with_the_batch_that_books_it() -> None:
    at = Position(0, 0, 0)
    account = Account(Delivery(_OF, DISPATCH, "H16", LIMITS, {Fact.REFUSED: (at,)}))
    answer = replace(status("02"), description="Gửi sai nơi nhận")
    walked = walk(PartitionBook(), [Entry(0, 0, answer)])
    record_, _, _ = tell_sender(DISPATCH, "G22", walked, [account])
    told = codec.decode(record_.value)
    assert "statuses.G22" == record_.topic
    assert isinstance(told, DeliveriesUpdated)
    assert [("H16", "refused", "02", "Gửi sai nơi nhận")] == [
        (each.recipient, each.state, each.code, each.description) for each in told.updates
    ]


def test_f15_every_try_to_publish_is_the_same_to_the_byte() -> None:
    one, other = claimed(), claimed()
    assert codec.encode(registration(one)) == codec.encode(registration(other))
    for recipient in one.recipients:
        assert codec.encode(copy(one, recipient)) == codec.encode(copy(other, recipient))


def test_f15_a_copy_and_its_recall_are_known_apart_for_each_recipient() -> None:
    row, recall = claimed(), claimed_recall(Form.STATUS_13, "Gửi nhầm")
    ids = [
        registration(row).event_id,
        requested(recall).event_id,
        *(copy(row, recipient).event_id for recipient in row.recipients),
        *(issued(recall, recipient).event_id for recipient in row.recipients),
    ]
    assert len(ids) == len(set(ids))


REASONS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=200)


@given(st.sampled_from(Form), REASONS)
def test_f19_the_reason_of_a_recall_reaches_each_one_it_asks(form: Form, reason: str) -> None:
    recall = claimed_recall(form, reason)
    told = [codec.decode(codec.encode(issued(recall, one))) for one in recall.recipients]
    assert [reason, reason] == [each.reason for each in told if isinstance(each, RecallIssued)]
    assert reason == requested(recall).reason


def test_f20_how_long_and_how_often_something_is_tried_is_a_documented_option() -> None:
    documented = {name: (text, default) for name, text, default in options()}
    for name in ("HOATOC_RELAY_LEASE_S", "HOATOC_RELAY_UNSENT_AFTER_S", "HOATOC_PAGER_TIMEOUT_S"):
        text, default = documented[name]
        assert text
        assert isinstance(default, int | float)
        assert default > 0
