"""Facts about how findings are shown: what a clerk reads, what a machine reads."""

import json
from dataclasses import replace

import pytest

from hoatoc.cli.check_view import Checked, show
from hoatoc.domain.identity import document_key
from hoatoc.domain.packet import NotXml, Packet
from hoatoc.domain.signature import LegalValue
from hoatoc.testing.letter import LETTER, findings, to

SEEN = Checked(name="807.edxml", sha256="ab" * 32, size=9634)


def checked(packet: Packet) -> Checked:
    return replace(
        SEEN,
        packet=packet,
        key=document_key(packet),
        legal_value=LegalValue.REFERENCE_ONLY,
        findings=findings(packet),
    )


def shown(capsys: pytest.CaptureFixture[str], of: Checked) -> str:
    """Return what a clerk sees, as one line without its frames."""
    show([of], machine=False)
    return " ".join(capsys.readouterr().out.translate(dict.fromkeys(map(ord, "│┃"), " ")).split())


def test_a_letter_without_fault_has_passed(capsys: pytest.CaptureFixture[str]) -> None:
    seen = shown(capsys, checked(LETTER))
    assert "807.edxml: đạt · passed" in seen
    assert "định danh · identity: G22 · 2021 · 807 · VPCP-KSTT" in seen
    assert "để biết, tham khảo · for reference only" in seen
    assert "không thấy dấu hiệu · no sign found" in seen


def test_what_refuses_is_told_before_what_warns(capsys: pytest.CaptureFixture[str]) -> None:
    of = checked(replace(to("H77"), place=""))
    seen = shown(capsys, of)
    assert [each.code for each in of.found] == ["recipient-unknown", "place-missing"]
    assert "807.edxml: từ chối · refused" in seen
    assert seen.index("recipient-unknown") < seen.index("place-missing")
    assert "MessageHeader/To[1]/OrganId" in seen
    assert "QĐ 28/2018/QĐ-TTg, Điều 8.2" in seen


def test_a_packet_that_cannot_be_read_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    of = replace(SEEN, fault=NotXml("/", "line 1 / column 0"))
    assert of.is_refused
    seen = shown(capsys, of)
    assert "không phải XML đúng cú pháp: line 1 / column 0" in seen
    assert "not well-formed XML: line 1 / column 0" in seen


def test_a_warning_alone_does_not_refuse(capsys: pytest.CaptureFixture[str]) -> None:
    of = checked(replace(LETTER, place=""))
    assert not of.is_refused
    assert "đạt · passed" in shown(capsys, of)


def test_text_of_a_packet_is_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    assert "[red]H77[/red]" in shown(capsys, checked(to("[red]H77[/red]")))


def test_a_machine_gets_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    show([checked(to("H77")), replace(SEEN, fault=NotXml("/", "x"))], machine=True)
    first, second = json.loads(capsys.readouterr().out)
    assert first["refused"] is True
    assert first["document"]["number"] == "807"
    assert first["legal_value"] == "reference-only"
    assert [sorted(each) for each in first["findings"]] == [
        [
            "article",
            "code",
            "path",
            "remedy_en",
            "remedy_vi",
            "severity",
            "text_en",
            "text_vi",
        ]
    ]
    assert (second["fault"]["code"], second["document"]) == ("NotXml", None)
