"""Facts about the checks before a document goes out."""

from dataclasses import replace
from datetime import date

import pytest

from hoatoc.domain.check import CheckFailed, Severity, check, require
from hoatoc.domain.identity import OrganCode
from hoatoc.domain.packet import Attachment, Packet, Party, Signer
from hoatoc.domain.registry import Certainty, Organ, by_code


def organ(code: str) -> Organ:
    return Organ(
        code=OrganCode(code),
        code102=f"000.00.00.{code}",
        name=code,
        email="",
        telephone="",
        certainty=Certainty.VERIFIED,
    )


TODAY = date(2021, 2, 1)
REGISTRY = by_code([organ("G22"), organ("H16"), organ("H33")])
GOOD = Packet(
    sender=Party(code="G22"),
    recipients=(Party(code="H16"), Party(code="H33")),
    document_id="G22,2021/02/01,807/VPCP-KSTT",
    number="807",
    notation="VPCP-KSTT",
    promulgated=TODAY,
    subject="Tăng cường gửi, nhận văn bản điện tử",
    signer=Signer(),
    attachments=(Attachment(name="807.txt", content_type="text/plain", content=b"807"),),
)


def to(*codes: str) -> Packet:
    return replace(GOOD, recipients=tuple(Party(code=code) for code in codes))


def test_a_good_document_has_no_findings() -> None:
    assert check(GOOD, REGISTRY, TODAY) == ()


@pytest.mark.parametrize(
    ("packet", "severity", "code", "path"),
    [
        (
            to("H16", "H99"),
            "refuse",
            "recipient-unknown",
            "MessageHeader/To[2]/OrganId",
        ),
        (
            to("H16", "H16"),
            "refuse",
            "recipient-duplicate",
            "MessageHeader/To[2]/OrganId",
        ),
        (
            to("H16", "000.00.00.H16"),
            "refuse",
            "recipient-duplicate",
            "MessageHeader/To[2]/OrganId",
        ),
        (
            to("G22", "H16"),
            "refuse",
            "sender-among-recipients",
            "MessageHeader/To[1]/OrganId",
        ),
        (
            to("000.00.00.G22"),
            "refuse",
            "sender-among-recipients",
            "MessageHeader/To[1]/OrganId",
        ),
        (
            replace(GOOD, sender=Party(code="G99")),
            "refuse",
            "sender-unknown",
            "MessageHeader/From/OrganId",
        ),
        (
            replace(GOOD, business_type=1),
            "refuse",
            "business-type-not-carried",
            "TraceHeaderList/Bussiness/BussinessDocType",
        ),
        (
            replace(GOOD, promulgated=date(2021, 2, 2)),
            "refuse",
            "promulgated-in-future",
            "MessageHeader/PromulgationInfo/PromulgationDate",
        ),
        (
            replace(GOOD, attachments=()),
            "warn",
            "attachment-missing",
            "AttachmentEncoded/Attachment",
        ),
    ],
)
def test_a_fault_of_a_document_is_found(
    packet: Packet, severity: str, code: str, path: str
) -> None:
    findings = check(packet, REGISTRY, TODAY)
    assert [(each.severity, each.code, each.path) for each in findings] == [(severity, code, path)]


def test_an_unknown_recipient_is_named_with_the_remedy() -> None:
    (finding,) = check(to("H99"), REGISTRY, TODAY)
    assert (finding.text_vi, finding.text_en) == (
        "Mã nơi nhận H99 không có trong danh mục. Kiểm tra mã, hoặc thêm cơ quan bằng lệnh "
        "`hoatoc organs add`.",
        "The recipient's code H99 is not in the registry. Check it, or add the organ with "
        "`hoatoc organs add`.",
    )


def test_every_fault_is_found_at_once() -> None:
    packet = replace(to("H99", "G22"), business_type=3, promulgated=date(2022, 1, 1))
    codes = {each.code for each in check(packet, REGISTRY, TODAY)}
    assert codes == {
        "recipient-unknown",
        "sender-among-recipients",
        "business-type-not-carried",
        "promulgated-in-future",
    }


def test_every_finding_names_the_rule_it_comes_from() -> None:
    packet = replace(to("H99", "H99"), attachments=(), sender=Party(code="G99"), business_type=2)
    assert [each.code for each in check(packet, REGISTRY, TODAY) if not each.article] == []


def test_a_warning_does_not_stop_a_document() -> None:
    findings = check(replace(GOOD, attachments=()), REGISTRY, TODAY)
    require(findings)
    assert [each.severity for each in findings] == [Severity.WARN]


def test_a_refusal_stops_a_document_and_tells_why() -> None:
    findings = check(replace(to("H99"), attachments=()), REGISTRY, TODAY)
    with pytest.raises(CheckFailed) as caught:
        require(findings)
    assert caught.value.findings == findings
    assert str(caught.value) == (
        "MessageHeader/To[1]/OrganId: Mã nơi nhận H99 không có trong danh mục. Kiểm tra mã, hoặc "
        "thêm cơ quan bằng lệnh `hoatoc organs add`. / The recipient's code H99 is not in the "
        "registry. Check it, or add the organ with `hoatoc organs add`."
    )
