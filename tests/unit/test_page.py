"""Facts about the text of pages."""

from dataclasses import astuple, replace
from datetime import UTC, datetime
from typing import get_args

import pytest

from hoatoc.domain.page import AlertKind, Copy, Page, raised, resolved

COPY = Copy(
    number="807",
    notation="VPCP-KSTT",
    subject="Tăng cường gửi, nhận văn bản điện tử",
    priority=3,
    sender="Văn phòng Chính phủ",
    recipient="UBND tỉnh Đắk Nông",
    email="vanthu@h16.example",
    telephone="000 000 0000",
    since=datetime(2021, 2, 1, 8, 0, tzinfo=UTC),
    due=datetime(2021, 2, 1, 18, 15, 30, tzinfo=UTC),
)


def test_a_page_tells_what_a_person_needs() -> None:
    assert raised("arrive", COPY) == Page(
        title_vi="[Hỏa tốc] Văn bản chưa đến nơi nhận: 807/VPCP-KSTT → UBND tỉnh Đắk Nông",
        title_en="[express] Document not arrived: 807/VPCP-KSTT → UBND tỉnh Đắk Nông",
        body_vi="Văn bản: 807/VPCP-KSTT\n"
        "Trích yếu: Tăng cường gửi, nhận văn bản điện tử\n"
        "Độ khẩn: Hỏa tốc\n"
        "Nơi gửi: Văn phòng Chính phủ\n"
        "Nơi nhận: UBND tỉnh Đắk Nông (liên hệ: 000 000 0000, vanthu@h16.example)\n"
        "Từ lúc: 01/02/2021 15:00:00\n"
        "Hạn đến nơi nhận: 02/02/2021 01:15:30",
        body_en="Document: 807/VPCP-KSTT\n"
        "Subject: Tăng cường gửi, nhận văn bản điện tử\n"
        "Priority: express\n"
        "Sender: Văn phòng Chính phủ\n"
        "Recipient: UBND tỉnh Đắk Nông (contact: 000 000 0000, vanthu@h16.example)\n"
        "Since: 01/02/2021 15:00:00\n"
        "To arrive by: 02/02/2021 01:15:30",
        next_step_vi="Gọi văn thư nơi nhận, đề nghị kiểm tra kết nối của hệ thống quản lý văn bản. "
        "Nếu khẩn, gửi bằng cách khác ngay và ghi lại.",
        next_step_en="Telephone the recipient's clerk and ask to check the connection of its "
        "document system. If urgent, send by other means at once and make a note of it.",
    )


def test_a_page_about_what_was_not_taken_names_the_sender_and_whom_to_call() -> None:
    refused = replace(COPY, number="", notation="", recipient="", due=None, reason="x")
    page = raised("secret-suspected", refused)
    assert page.title_vi == "Nghi có bí mật nhà nước, đã chặn: Văn phòng Chính phủ"
    assert page.body_en.splitlines() == [
        "Sender: Văn phòng Chính phủ (contact: 000 000 0000, vanthu@h16.example)",
        "Since: 01/02/2021 15:00:00",
        "Reason: x",
    ]


def test_a_page_that_is_taken_back_tells_when() -> None:
    page = resolved("arrive", COPY, datetime(2021, 2, 1, 19, 0, tzinfo=UTC))
    assert (page.title_vi, page.body_en.splitlines()[-1], page.next_step_vi) == (
        "[Đã khắc phục] Văn bản chưa đến nơi nhận: 807/VPCP-KSTT → UBND tỉnh Đắk Nông",
        "Recovered at: 02/02/2021 02:00:00",
        "Không cần làm gì thêm.",
    )


@pytest.mark.parametrize("kind", get_args(AlertKind))
def test_every_kind_of_alert_has_a_page(kind: AlertKind) -> None:
    assert [text for text in astuple(raised(kind, COPY)) if not text] == []


def test_no_two_kinds_share_a_title() -> None:
    kinds: tuple[AlertKind, ...] = get_args(AlertKind)
    assert len({raised(kind, COPY).title_vi for kind in kinds}) == len(kinds)


@pytest.mark.parametrize(
    ("priority", "word"),
    [
        (0, "Thường"),
        (1, "Khẩn"),
        (2, "Thượng khẩn"),
        (3, "Hỏa tốc"),
        (4, "Hỏa tốc hẹn giờ"),
    ],
)
def test_a_page_opens_with_the_priority(priority: int, word: str) -> None:
    page = raised("accept", replace(COPY, priority=priority))
    assert page.title_vi.partition("]")[0] == f"[{word}"


def test_a_page_without_a_deadline_names_none() -> None:
    page = raised("receive-failed", replace(COPY, due=None))
    assert page.body_vi.splitlines()[-1] == "Từ lúc: 01/02/2021 15:00:00"


def test_an_unknown_contact_is_shown_as_unknown() -> None:
    page = raised("accept", replace(COPY, email="", telephone=""))
    assert "Nơi nhận: UBND tỉnh Đắk Nông (liên hệ: —)" in page.body_vi
