"""Facts about unpacking attachments."""

import warnings
from io import BytesIO
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoatoc.domain.edxml import unpack
from hoatoc.domain.edxml.archive import MAX_ENTRIES, MAX_UNPACKED_BYTES
from hoatoc.domain.packet import ArchiveReason, ArchiveRefused, Attachment, File

PDF = b"%PDF-1.7 807/VPCP-KSTT"


def packed(*members: tuple[str, bytes], method: int = ZIP_DEFLATED) -> bytes:
    """Pack members, repeated names too."""
    buffer = BytesIO()
    with warnings.catch_warnings(), ZipFile(buffer, "w", method) as archive:
        warnings.simplefilter("ignore", UserWarning)
        for name, content in members:
            archive.writestr(ZipInfo(name), content, method)
    return buffer.getvalue()


def attached(content: bytes, content_type: str = "application/zip") -> Attachment:
    return Attachment(name="807.zip", content_type=content_type, content=content)


def refusal_of(content: bytes) -> ArchiveRefused:
    with pytest.raises(ArchiveRefused) as caught:
        unpack(attached(content))
    return caught.value


def test_a_file_attached_as_it_is_stays_as_it_is() -> None:
    assert unpack(attached(PDF, "application/pdf")) == (File(name="807.zip", content=PDF),)


def test_a_file_that_only_claims_to_be_packed_stays_as_it_is() -> None:
    assert unpack(attached(PDF)) == (File(name="807.zip", content=PDF),)


@pytest.mark.parametrize("content_type", ["application/zip", "application/pdf", ""])
def test_the_one_file_of_a_pack_is_found_whatever_the_type_claimed(content_type: str) -> None:
    found = unpack(attached(packed(("807.pdf", PDF)), content_type))
    assert found == (File(name="807.pdf", content=PDF),)


names = st.from_regex(r"[a-zA-Zđẻ0-9 _-]{1,12}", fullmatch=True)


@given(st.dictionaries(names, st.binary(max_size=200).filter(lambda b: b[:2] != b"PK"), min_size=1))
def test_every_member_packed_is_unpacked_under_its_name(members: dict[str, bytes]) -> None:
    found = unpack(attached(packed(*members.items())))
    assert {file.name: file.content for file in found} == members


def test_a_name_in_utf_8_that_does_not_say_so_is_read() -> None:
    content = packed(("Phu luc1.txt", b"1")).replace(b"Phu luc1.txt", "Phụ lụ.t".encode())
    assert [file.name for file in unpack(attached(content))] == ["Phụ lụ.t"]


def test_folders_are_no_files() -> None:
    found = unpack(attached(packed(("phu-luc/", b""), ("phu-luc/1.txt", b"1"))))
    assert found == (File(name="phu-luc/1.txt", content=b"1"),)


def test_an_archive_inside_an_archive_is_unpacked_under_both_names() -> None:
    inner = packed(("1.txt", b"1"))
    found = unpack(attached(packed(("inner.zip", inner), ("2.txt", b"2"))))
    assert [file.name for file in found] == ["inner.zip/1.txt", "2.txt"]


@pytest.mark.parametrize("member", ["[Content_Types].xml", "mimetype"])
def test_an_office_document_is_left_whole(member: str) -> None:
    document = packed((member, b"x"), ("word/document.xml", b"<w/>"))
    assert unpack(attached(document)) == (File(name="807.zip", content=document),)
    assert unpack(attached(packed(("a.docx", document)))) == (
        File(name="a.docx", content=document),
    )


def nested(depth: int) -> bytes:
    content = PDF
    for level in range(depth):
        content = packed((f"{level}.zip", content))
    return content


def large() -> bytes:
    """Pack, at a ratio that text may have, more than an attachment may unpack to."""
    piece = b"".join(b"%08d" % (number * 7919 % 10**8) for number in range(1024 * 1024))
    count = MAX_UNPACKED_BYTES // len(piece) + 1
    return packed(*((f"{number}", piece) for number in range(count)))


def encrypted() -> bytes:
    content = bytearray(packed(("a.txt", PDF)))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (packed(("a.txt", PDF))[:-10], ArchiveReason.DAMAGED),
        (packed(("a.txt", PDF), method=ZIP_STORED).replace(b"VPCP", b"VPCQ"), "damaged"),
        (b"PK\x03\x04", ArchiveReason.DAMAGED),
        (encrypted(), ArchiveReason.ENCRYPTED),
        (packed(("a.txt", PDF), method=ZIP_BZIP2), ArchiveReason.METHOD_UNKNOWN),
        (packed(("a", b"1"), ("a", b"2")), ArchiveReason.NAME_REPEATED),
        (packed(*((f"{n}", b"") for n in range(MAX_ENTRIES + 1))), "too-many-entries"),
        (packed(*((f"{n}", b"") for n in range(20 * MAX_ENTRIES))), "too-many-entries"),
        (packed(("a", bytes(2 * 1024 * 1024))), ArchiveReason.RATIO_TOO_HIGH),
        (large(), ArchiveReason.TOO_LARGE),
        (nested(3), ArchiveReason.NESTED_TOO_DEEP),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_archive_that_could_do_harm_is_refused_by_name(
    content: bytes, reason: ArchiveReason
) -> None:
    assert refusal_of(content).reason == reason


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "../a", "a/../../b", "a/./b", "C:/a", "a\\..\\b", "~/a", "a\nb", "x" * 256],
)
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    assert refusal_of(packed((name, b"1"))).reason == ArchiveReason.NAME_UNSAFE


def test_nested_archives_share_one_budget() -> None:
    inner = packed(*((f"{n}", b"") for n in range(MAX_ENTRIES // 2)))
    content = packed(("a.zip", inner), ("b.zip", inner))
    assert refusal_of(content).reason == ArchiveReason.TOO_MANY_ENTRIES


def test_a_refusal_names_the_file_the_reason_and_the_remedy_in_both_languages() -> None:
    assert str(refusal_of(encrypted())) == (
        "Không giải nén được tệp đính kèm «807.zip» (encrypted): có mật khẩu / a password, cần "
        "không / none. Đính kèm trực tiếp tệp văn bản, hoặc nén lại dạng ZIP thông thường rồi gửi "
        "lại. / The attachment “807.zip” cannot be unpacked (encrypted): found mật khẩu / a "
        "password, expected không / none. Attach the document's file as it is, or pack it again "
        "as an ordinary ZIP, and send again."
    )
