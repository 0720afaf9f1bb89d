"""The gate against state secrets: what is a stamp, what prose, and who may answer for what."""

from dataclasses import replace
from datetime import date
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoatoc.domain.check import Severity
from hoatoc.domain.content import whole
from hoatoc.domain.edxml import read_packet
from hoatoc.domain.error import PeerFault
from hoatoc.domain.examination import Examination, FileExamined
from hoatoc.domain.packet import Attachment, OtherInfo, Packet, Party, Signer
from hoatoc.domain.secrecy import SecrecyInvalid, parse_secrecy
from hoatoc.domain.secret import (
    Declaration,
    SecretSuspected,
    Suspicion,
    declared_by,
    require_open,
    suspect,
)
from hoatoc.domain.secret_flag import declared_in
from hoatoc.domain.stamp import Certainty, Sighting, find_stamps
from hoatoc.example import LETTERS
from hoatoc.secrecy_file import load_secrecy

RULES = load_secrecy()
MARKS = [stamp.mark for stamp in RULES.stamps]
SUBJECT = "Kế hoạch tác chiến khu vực biên giới"
PACKET = Packet(
    sender=Party(code="G22"),
    recipients=(Party(code="H50"),),
    document_id="G22,2026,12",
    number="12",
    notation="VPCP-KSTT",
    promulgated=date(2026, 3, 2),
    subject=SUBJECT,
    signer=Signer(),
    attachments=(Attachment(name="12-VPCP.pdf", content_type="application/pdf", content=b"x"),),
)
EMBLEM = "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"


def sightings(text: str) -> set[tuple[str, Certainty]]:
    return set(find_stamps(text, RULES))


def examined(text: str = "", unreadable: str = "") -> Examination:
    file = FileExamined(
        name="12-VPCP.pdf", media_type="application/pdf", text=text, unreadable=unreadable
    )
    return Examination(files=(file,))


def suspected(
    packet: Packet = PACKET,
    examination: Examination | None = None,
    declaration: Declaration | None = None,
) -> tuple[Suspicion, ...]:
    return suspect(packet, examination or examined(), declaration or Declaration(), rules=RULES)


def refusing(suspicions: tuple[Suspicion, ...]) -> list[tuple[str, str, str]]:
    return [(s.code, s.where, s.mark) for s in suspicions if s.severity is Severity.REFUSE]


# What is a stamp.


@pytest.mark.parametrize("mark", MARKS)
def test_a_mark_on_a_line_of_its_own_is_a_stamp(mark: str) -> None:
    text = f"BỘ CÔNG AN\n{mark}\n{EMBLEM}\nKính gửi: các bộ, ngành."
    assert Sighting(mark, Certainty.STAMP) in sightings(text)


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
def test_a_stamp_is_found_however_its_letters_are_composed(mark: str, form: str) -> None:
    assert Sighting(mark, Certainty.STAMP) in sightings(normalize(form, mark))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "M Ậ T",
        "M  Ậ  T",
        "M.Ậ.T",
        "M\nẬ\nT",
        "[ MẬT ]",
        "**MẬT**",
        "| MẬT |",
        "«MẬT»",
        "--- MẬT ---",
        "ＭẬＴ",
        "М\u1eac\u0422",  # Cyrillic first and last letter
        "\u039cẬ\u03a4",  # Greek
        "M\u200bẬ\u00adT",
        "M\u0410\u0302\u0323T",  # Cyrillic A with its diacritics apart
        "Tên\tMẬT\tGhi chú",
        f"MẬT     {EMBLEM}",
        "MẬT\u00a0",
        "MẬT\r\nSố: 12",
        "Độ mật: MẬT",
        "Mức độ mật: Mật",
        "DoMat=mat",
    ],
)
def test_a_stamp_is_found_in_disguise(text: str) -> None:
    assert Sighting("MẬT", Certainty.STAMP) in sightings(text)


@pytest.mark.parametrize("text", ["TUYỆT\nMẬT", "T U Y Ệ T  M Ậ T", "TUYỆTMẬT", "“TUYỆT MẬT”"])
def test_a_stamp_of_two_words_is_found_over_two_lines(text: str) -> None:
    assert Sighting("TUYỆT MẬT", Certainty.STAMP) in sightings(text)


def test_a_stamp_for_return_is_found_over_two_lines() -> None:
    assert {("TÀI LIỆU THU HỒI", Certainty.STAMP)} == sightings("TÀI LIỆU\nTHU HỒI")


# What may be one.


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        (f"MẬT {EMBLEM}", "MẬT"),
        ("BỘ CÔNG AN MẬT", "MẬT"),
        ("BÁO CÁO (TỐI MẬT) VỀ TÌNH HÌNH", "TỐI MẬT"),
        ("Mật", "MẬT"),
        ("Tối mật", "TỐI MẬT"),
        ("MAT", "MẬT"),
        ("TUYET MAT", "TUYỆT MẬT"),
        ("TUYÊT MÂT", "TUYỆT MẬT"),
        ("mËt", "MẬT"),  # TCVN 5712, in a font of capitals
        ("tèi mËt", "TỐI MẬT"),
        ("TUYEÄT MAÄT", "TUYỆT MẬT"),  # VNI
        ("QUY CHẾ BẢO\nMẬT", "MẬT"),
        ("- MẬT", "MẬT"),
        ("Số: 12/BC-UBND-M", "-M"),
        ("Số: 12/QĐ-BCA(A)-m", "-m"),
    ],
)
def test_what_only_looks_like_a_stamp_is_possible(text: str, mark: str) -> None:
    assert {Sighting(mark, Certainty.POSSIBLE)} == sightings(text)


# What is prose.


@pytest.mark.parametrize(
    "text",
    [
        "Thường xuyên giám sát thiết bị, máy chủ bảo mật của hệ thống",
        "hệ thống quản lý văn bản và điều hành (trừ văn bản mật)",
        "Luật Bảo vệ bí mật nhà nước",
        "LUẬT BẢO VỆ BÍ MẬT NHÀ NƯỚC",
        "MẬT ĐỘ DÂN SỐ",
        "MẬT KHẨU",
        "QUY CHẾ BẢO MẬT",
        "DANH MỤC TÀI LIỆU MẬT",
        "GIẢI MẬT",
        "mật khẩu, mật độ, mật ong, mật mã",
        "bảo\nmật",
        "các đơn vị giữ bí\nmật.",
        "MẤT",
        "MẶT",
        "MẮT",
        "MÁT",
        "BỀ MẶT",
        "LƯU HÀNH NỘI BỘ",
        "XEM XONG TRẢ LẠI",
        "Số: 807/VPCP-KSTT",
        "Số: 28/2018/QĐ-TTg",
        "HOẢ TỐC",
        "Độ mật: Thường",
        "Độ mật: ................",
        "",
    ],
)
def test_prose_is_no_stamp(text: str) -> None:
    assert set() == sightings(text)


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("đóng dấu “TUYỆT MẬT” vào góc trái", "TUYỆT MẬT"),
        ("a) Tuyệt mật;", "TUYỆT MẬT"),
        ("tài liệu tối mật của địch", "TỐI MẬT"),
        ("DANH MỤC BÍ MẬT NHÀ NƯỚC ĐỘ TỐI MẬT", "TỐI MẬT"),
    ],
)
def test_a_stamp_that_is_spoken_of_is_a_mention(text: str, mark: str) -> None:
    assert {Sighting(mark, Certainty.MENTION)} == sightings(text)


@given(
    st.lists(st.sampled_from(["bảo mật", "mật độ", "trừ văn bản mật", "bí mật nhà nước"])),
    st.sampled_from(MARKS),
    st.lists(st.sampled_from(["các cơ quan", "Kính gửi", "điện tử"])),
)
def test_a_stamp_is_found_among_any_prose(before: list[str], mark: str, after: list[str]) -> None:
    text = "\n".join([*(f"Về {each} của tỉnh" for each in before), mark, *after])
    assert Sighting(mark, Certainty.STAMP) in sightings(text)


@given(st.text())
def test_any_text_can_be_searched_and_gives_only_marks(text: str) -> None:
    for mark, _ in sightings(text):
        assert mark in MARKS or mark in text


@pytest.mark.parametrize("letter", sorted(LETTERS.glob("*/text.txt")), ids=lambda p: p.parent.name)
def test_the_real_letters_hold_no_mark(letter: object) -> None:
    assert set() == sightings(letter.read_text("utf-8"))  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "file", sorted(LETTERS.parent.glob("packets/*.edxml")), ids=lambda p: p.stem
)
def test_the_packets_of_the_real_letters_are_open(file: object) -> None:
    packet = read_packet(file.read_bytes())  # type: ignore[attr-defined]
    examination = Examination(
        files=tuple(
            FileExamined(name=a.name, media_type="text/plain", text=whole(a.content).decode())
            for a in packet.attachments
        )
    )
    assert () == suspected(packet, examination)


# The whole document.


def test_a_document_without_marks_is_open() -> None:
    require_open(suspected(examination=examined("Kính gửi: các bộ")), "0" * 64, 1)


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"subject": "MẬT"}, "MessageHeader/Subject"),
        ({"subject": "Báo cáo (MẬT) quý I"}, "MessageHeader/Subject"),
        ({"content": "TỐI MẬT"}, "MessageHeader/Content"),
        ({"type_name": "Mật"}, "MessageHeader/DocumentType/TypeName"),
        ({"other": OtherInfo(sphere="Mật")}, "MessageHeader/OtherInfo/SphereOfPromulgation"),
        (
            {"other": OtherInfo(appendixes=("I", "MẬT"))},
            "MessageHeader/OtherInfo/Appendixes/Appendix[2]",
        ),
        ({"business_reason": "TÀI LIỆU THU HỒI"}, "TraceHeaderList/Bussiness/BussinessDocReason"),
        ({"notation": "BCA-M"}, "MessageHeader/Code/CodeNotation"),
        ({"number": "05-MẬT"}, "MessageHeader/Code/CodeNumber"),
    ],
)
def test_a_mark_in_the_header_holds_the_document(changes: dict[str, object], where: str) -> None:
    held = refusing(suspected(replace(PACKET, **changes)))  # type: ignore[arg-type]
    assert {where} == {place for _, place, _ in held}


@pytest.mark.parametrize("name", ["TUYET-MAT.pdf", "Tối mật.docx", "MẬT_12.pdf", "12.MẬT.pdf"])
def test_a_mark_in_the_name_of_a_file_holds_the_document(name: str) -> None:
    attachment = replace(PACKET.attachments[0], name=name)
    held = refusing(suspected(replace(PACKET, attachments=(attachment,))))
    assert {"AttachmentEncoded/Attachment[1]/AttachmentName"} == {place for _, place, _ in held}


@pytest.mark.parametrize("name", ["quy-che-bao-mat.pdf", "QUY CHẾ BẢO MẬT.pdf", "mat-do.xlsx"])
def test_a_name_that_speaks_of_secrecy_is_open(name: str) -> None:
    attachment = replace(PACKET.attachments[0], name=name)
    assert [] == refusing(suspected(replace(PACKET, attachments=(attachment,))))


@pytest.mark.parametrize("priority", range(5))
def test_secrecy_is_never_derived_from_priority(priority: int) -> None:
    assert () == suspected(replace(PACKET, priority=priority))


def test_a_stamp_in_a_file_holds_the_document() -> None:
    assert [("stamp", "AttachmentEncoded/Attachment[1]", "TỐI MẬT")] == refusing(
        suspected(examination=examined("TỐI MẬT"))
    )


def test_an_unreadable_file_is_not_clean() -> None:
    held = suspected(examination=examined("Kính gửi", unreadable="no-text-on-page 2"))
    assert [("unreadable", "AttachmentEncoded/Attachment[1]", "")] == refusing(held)
    assert "no-text-on-page 2" in held[0].text_en


def test_a_file_that_nobody_examined_is_not_clean() -> None:
    nobody = Declaration(cleared_by="Nguyễn Văn A")
    held = refusing(suspected(examination=Examination(), declaration=nobody))
    assert [("not-examined", "AttachmentEncoded/Attachment[1]", "")] == held


def test_a_declared_secret_is_held_whoever_clears_it() -> None:
    declaration = Declaration(secret=True, cleared_by="Nguyễn Văn A")
    assert [("declared-secret", "/", "")] == refusing(suspected(declaration=declaration))


@pytest.mark.parametrize("secret", [None, False])
def test_who_declares_nothing_or_no_secret_is_not_held(secret: bool | None) -> None:
    assert () == suspected(declaration=Declaration(secret=secret))


def test_a_declaration_of_no_secret_does_not_outweigh_a_stamp() -> None:
    declaration = Declaration(secret=False, cleared_by="Nguyễn Văn A")
    held = refusing(suspected(examination=examined("MẬT"), declaration=declaration))
    assert [("stamp", "AttachmentEncoded/Attachment[1]", "MẬT")] == held


@pytest.mark.parametrize("examination", [examined(unreadable="encrypted"), examined("Mật")])
def test_a_named_person_may_answer_for_what_is_uncertain(examination: Examination) -> None:
    cleared = suspected(examination=examination, declaration=Declaration(cleared_by="Nguyễn Văn A"))
    require_open(cleared, "0" * 64, 1)
    assert [
        "Nguyễn Văn A" in each.text_vi and "Nguyễn Văn A" in each.text_en for each in cleared
    ] == [True]


def test_a_blank_name_answers_for_nothing() -> None:
    declaration = Declaration(cleared_by="  ")
    assert refusing(suspected(examination=examined("Mật"), declaration=declaration))


def test_a_mention_warns_and_holds_nothing() -> None:
    warned = suspected(examination=examined("đóng dấu “TUYỆT MẬT” vào góc"))
    assert [(Severity.WARN, "mention")] == [(each.severity, each.code) for each in warned]
    require_open(warned, "0" * 64, 1)


def test_the_refusal_holds_nothing_of_the_document() -> None:
    secret = "Phương án bố trí lực lượng"
    packet = replace(
        PACKET,
        attachments=(replace(PACKET.attachments[0], name=f"MẬT {secret}.pdf"),),
    )
    examination = Examination(
        files=(
            FileExamined(
                name=secret, media_type="x", text=f"TỐI MẬT\n{secret}", unreadable=f"{secret}"
            ),
        )
    )
    with pytest.raises(SecretSuspected) as caught:
        require_open(suspected(packet, examination), "ab" * 32, 321)
    said = f"{caught.value} {caught.value!r} {caught.value.args} {vars(caught.value)}"
    assert isinstance(caught.value, PeerFault)
    assert "ab" * 32 in said
    assert "321" in said
    assert {"stamp", "possible-stamp", "unreadable"} == set(caught.value.codes)
    for word in (SUBJECT, secret, "lực lượng", "Phng", "VPCP"):
        assert word not in said


@pytest.mark.parametrize("suspicion", suspected(examination=examined("MẬT\nTối mật", "encrypted")))
def test_every_suspicion_says_what_to_do_in_both_languages(suspicion: Suspicion) -> None:
    assert suspicion.text_vi.endswith(".")
    assert suspicion.text_en.endswith(".")
    assert "Điều" in suspicion.article


# What the source system declares in elements of its own.


@pytest.mark.parametrize(
    ("elements", "secret"),
    [
        ([], None),
        ([("MessageHeader/OtherInfo/Priority", "3")], None),
        ([("MessageHeader/OtherInfo/DoMat", "0")], False),
        ([("MessageHeader/OtherInfo/DoMat", "Thường")], False),
        ([("MessageHeader/OtherInfo/DoMat", "Mật")], True),
        ([("{urn:x}SecrecyLevel", "2")], True),
        ([("x:IsSecret", "true")], True),
        ([("Secrecy", "?")], True),
        ([("Secrecy", "0"), ("Confidentiality", "1")], True),
    ],
)
def test_a_flag_that_is_not_understood_declares_a_secret(
    elements: list[tuple[str, str]], secret: bool | None
) -> None:
    assert secret is declared_by(elements, RULES).secret


@pytest.mark.parametrize(
    ("inside", "secret"),
    [
        ("<Priority>4</Priority>", None),
        ("<DoMat>0</DoMat>", False),
        ("<DoMat>Tối mật</DoMat>", True),
        ("<x:doMat xmlns:x='urn:x'>1</x:doMat>", True),
        ("<Extra><Secrecy>2</Secrecy></Extra>", True),
        ("<Priority SecurityLevel='3'>0</Priority>", True),
        ("<DoMat/>", False),
    ],
)
def test_a_flag_is_found_anywhere_in_a_packet(inside: str, secret: bool | None) -> None:
    packet = next(LETTERS.parent.glob("packets/*.edxml")).read_text("utf-8")
    flagged = packet.replace("</edXML:OtherInfo>", f"{inside}</edXML:OtherInfo>")
    assert flagged != packet
    assert secret is declared_in(flagged.encode(), RULES).secret


# The rules themselves.


def test_rules_that_lack_a_part_are_refused() -> None:
    with pytest.raises(SecrecyInvalid, match="compound"):
        parse_secrecy('version = "1"\n[[stamp]]\nmark = "MẬT"\nlegacy = []\nsource = "x"')


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("=", "not TOML"),
        ('version = "1"\nstamp = []\n[compound]\n[flag]', "one stamp at least"),
        (
            'version="1"\n[compound]\n[flag]\n[[stamp]]\nmark="mật"\nlegacy=[]\nsource=""',
            "capitals",
        ),
    ],
)
def test_rules_that_cannot_be_used_say_why(text: str, said: str) -> None:
    with pytest.raises(SecrecyInvalid, match=said):
        parse_secrecy(text)
