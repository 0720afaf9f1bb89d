"""What a packet asks for: copies to send, earlier copies to ask back."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoatoc.domain.identity import OrganCode
from hoatoc.domain.packet import (
    RECALL,
    REPLACEMENT,
    UPDATE,
    Packet,
    Party,
    ReceiverChange,
    Replacement,
)
from hoatoc.domain.sending import AskedBack, Form, Sending, sending_of
from hoatoc.testing.letter import LETTER

EARLIER = "H33,2021/01/02,7/UBND-VP"


def canonical(code: str) -> OrganCode:
    """Return the registered code: of two ways to write it the longer one is an alias."""
    return OrganCode(code.removeprefix("000.00.00."))


def packet(kind: int, *recipients: str, **more: object) -> Packet:
    """Return a letter of a business type to these organs."""
    to = tuple(Party(code=code) for code in recipients)
    return replace(LETTER, business_type=kind, recipients=to, **more)  # type: ignore[arg-type]


def test_a_new_document_goes_to_each_recipient_once() -> None:
    asked = sending_of(packet(0, "H20", "H16", "000.00.00.H16"), canonical)
    assert asked == Sending(copies=(OrganCode("H16"), OrganCode("H20")))


@pytest.mark.parametrize("named", ["", LETTER.document_id])
def test_a_recall_sends_nothing_and_asks_back_from_its_recipients(named: str) -> None:
    asked = sending_of(packet(RECALL, "000.00.00.H16", business_document_id=named), canonical)
    back = AskedBack(form=Form.REVOCATION, document_id="", organs=(OrganCode("H16"),))
    assert asked == Sending(copies=(), asked_back=(back,))


def test_a_recall_may_name_another_document_than_itself() -> None:
    (back,) = sending_of(packet(RECALL, "H16", business_document_id=EARLIER), canonical).asked_back
    assert back.document_id == EARLIER


ADDED, REMOVED = (
    ReceiverChange(code="000.00.00.H20", added=True),
    ReceiverChange(code="000.00.00.H16", added=False),
)


def update(*, changed: bool, changes: tuple[ReceiverChange, ...] = (ADDED, REMOVED)) -> Sending:
    """Return what an update of the recipients H16 and H17 asks for."""
    about = {"business_document_id": EARLIER, "receiver_changes": changes}
    return sending_of(packet(UPDATE, "H16", "H17", document_changed=changed, **about), canonical)


def test_an_update_of_the_receivers_alone_goes_to_the_new_ones_only() -> None:
    assert update(changed=False).copies == ("H20",)


def test_an_update_of_the_document_goes_to_all_but_the_removed() -> None:
    assert update(changed=True).copies == ("H17", "H20")


def test_an_update_asks_back_from_those_removed() -> None:
    back = AskedBack(form=Form.REMOVED, document_id=EARLIER, organs=(OrganCode("H16"),))
    assert update(changed=False).asked_back == (back,)
    assert update(changed=True, changes=(ADDED,)).asked_back == ()


def test_a_replacement_goes_to_all_and_asks_back_what_it_replaces() -> None:
    replaced = (
        Replacement(document_id="D1", organs=("000.00.00.H16", "H16")),
        Replacement(document_id="D2", organs=("H17", "H16")),
    )
    asked = sending_of(packet(REPLACEMENT, "H16", "H17", replacements=replaced), canonical)
    assert asked.copies == ("H16", "H17")
    assert [(back.form, back.document_id, back.organs) for back in asked.asked_back] == [
        (Form.REPLACED, "D1", ("H16",)),
        (Form.REPLACED, "D2", ("H16", "H17")),
    ]


codes = st.sampled_from(["H16", "000.00.00.H16", "H17", "H20"])
changes = st.lists(st.builds(ReceiverChange, code=codes, added=st.booleans()))


@given(st.lists(codes), changes, st.booleans())
def test_nobody_is_sent_an_update_from_whom_it_is_asked_back(
    recipients: list[str], changed: list[ReceiverChange], document: bool
) -> None:
    about = {"receiver_changes": tuple(changed), "document_changed": document}
    asked = sending_of(packet(UPDATE, *recipients, **about), canonical)
    back = {organ for each in asked.asked_back for organ in each.organs}
    assert back.isdisjoint(asked.copies)
    assert list(asked.copies) == sorted(set(asked.copies))
