"""Facts about the checks before a document goes out: what is told, and what an agency may set."""

from dataclasses import fields, replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoatoc.domain.check import (
    RULES,
    SHIPPED_POLICY,
    CheckFailed,
    CheckPolicyInvalid,
    Finding,
    Severity,
    check,
    parse_check_policy,
    require,
)
from hoatoc.domain.packet import Attachment, Packet, Party, Signer
from hoatoc.testing.letter import LETTER, REGISTRY, TODAY, codes, findings, to

TEXT = st.text(max_size=40)
MARKED = st.sampled_from(
    ["807", "05", "28/2018", "VPCP-KSTT", "QĐ-BNV", "807/VPCP-KSTT", "{0}", ""]
)


def any_packets() -> st.SearchStrategy[Packet]:
    """Return packets with any text in every field that a rule looks at."""
    signers = st.builds(Signer, competence=TEXT, position=TEXT, full_name=TEXT)
    parties = st.builds(Party, code=st.sampled_from(["G22", "H16", "H65", "H77"]) | TEXT, name=TEXT)
    files = st.builds(
        Attachment,
        name=TEXT,
        content_type=TEXT,
        content=st.binary(max_size=20) | st.just(b"%PDF-1.7"),
    )
    return st.builds(
        replace,
        st.just(LETTER),
        sender=parties,
        recipients=st.lists(parties, max_size=3).map(tuple),
        document_id=TEXT,
        number=MARKED | TEXT,
        notation=MARKED | TEXT,
        promulgated=st.dates(),
        due=st.none() | st.dates(),
        type_code=TEXT,
        type_name=st.sampled_from(["Công văn", "Quyết định", "Thông tư", ""]) | TEXT,
        subject=TEXT,
        signer=signers,
        business_type=st.integers(0, 3),
        attachments=st.lists(files, max_size=3).map(tuple),
    )


@given(any_packets())
def test_whatever_a_packet_says_each_finding_is_told_in_full(packet: Packet) -> None:
    for finding in findings(packet):
        told = {field.name: getattr(finding, field.name) for field in fields(Finding)}
        assert [] == [name for name, text in told.items() if not text]


@given(any_packets())
def test_the_same_packet_gives_the_same_findings(packet: Packet) -> None:
    assert findings(packet) == findings(packet)


@given(any_packets(), st.sampled_from(sorted(RULES)))
def test_what_is_off_changes_nothing_of_the_rest(packet: Packet, code: str) -> None:
    every = check(packet, REGISTRY, TODAY)
    if RULES[code].fixed:
        return
    rest = check(packet, REGISTRY, TODAY, policy=parse_check_policy({code: "off"}))
    assert rest == tuple(each for each in every if each.code != code)


@given(st.dates(date(2019, 1, 1), date(2023, 1, 1)))
def test_a_date_has_one_fault_at_most(day: date) -> None:
    found = set(codes(replace(LETTER, promulgated=day))) - {"mark-year-differs"}
    late = day < TODAY - timedelta(days=366)
    expected = (
        {"promulgated-in-future"} if day > TODAY else {"promulgated-long-ago"} if late else set()
    )
    assert found - {"document-id-differs"} == expected


def test_every_fault_is_found_at_once() -> None:
    packet = replace(to("H77", "G22"), business_type=3, promulgated=date(2022, 1, 1))
    assert {each.code for each in findings(packet) if each.severity is Severity.REFUSE} == {
        "recipient-unknown",
        "sender-among-recipients",
        "replacement-empty",
        "promulgated-in-future",
    }


def test_an_unknown_recipient_is_named_with_the_remedy() -> None:
    (finding,) = findings(to("H77"))
    assert finding == Finding(
        severity=Severity.REFUSE,
        code="recipient-unknown",
        path="MessageHeader/To[1]/OrganId",
        text_vi="Mã nơi nhận H77 không có trong danh mục.",
        text_en="The recipient's code H77 is not in the registry.",
        remedy_vi="Kiểm tra mã, hoặc đề nghị đơn vị vận hành thêm cơ quan (`hoatoc registry add`).",
        remedy_en="Check it, or ask the operators to add the organ (`hoatoc registry add`).",
        article="QĐ 28/2018/QĐ-TTg, Điều 8.2, 10.2.a",
    )


def test_what_was_found_is_shown_up_to_a_length() -> None:
    (finding,) = (each for each in findings(to("H" * 200)) if each.code == "recipient-unknown")
    assert finding.text_vi == f"Mã nơi nhận {'H' * 119}… không có trong danh mục."


def test_braces_in_a_packet_are_only_text() -> None:
    (finding,) = findings(to("{found}"))
    assert finding.text_en == "The recipient's code {found} is not in the registry."


def test_a_warning_does_not_stop_a_document() -> None:
    found = findings(replace(LETTER, place=""))
    require(found)
    assert [each.severity for each in found] == [Severity.WARN]


def test_a_refusal_stops_a_document_and_tells_why() -> None:
    found = findings(replace(to("H77"), place=""))
    with pytest.raises(CheckFailed) as caught:
        require(found)
    assert caught.value.findings == found
    assert str(caught.value) == (
        "MessageHeader/To[1]/OrganId: Mã nơi nhận H77 không có trong danh mục. Kiểm tra mã, hoặc "
        "đề nghị đơn vị vận hành thêm cơ quan (`hoatoc registry add`). / The recipient's code H77 "
        "is not in the registry. Check it, or ask the operators to add the organ (`hoatoc registry "
        "add`)."
    )


def test_a_policy_raises_or_lowers_a_check() -> None:
    packet = replace(to("H66"), place="")
    policy = parse_check_policy({"place-missing": "refuse", "recipient-locked": "warn"})
    found = check(packet, REGISTRY, TODAY, policy=policy)
    assert {each.code: each.severity for each in found} == {
        "place-missing": Severity.REFUSE,
        "recipient-locked": Severity.WARN,
    }


def test_a_check_can_be_switched_off() -> None:
    policy = parse_check_policy({"place-missing": "off"})
    assert check(replace(LETTER, place=""), REGISTRY, TODAY, policy=policy) == ()


def test_no_table_leaves_every_check_as_it_is() -> None:
    assert parse_check_policy({}) == SHIPPED_POLICY


def test_an_unknown_check_is_refused_with_the_known_ones() -> None:
    with pytest.raises(CheckPolicyInvalid) as caught:
        parse_check_policy({"subject-mising": "off"})
    assert "subject-mising" in str(caught.value)
    assert [] == [code for code in RULES if code not in str(caught.value)]


@pytest.mark.parametrize("table", [1, "off", ["place-missing"]])
def test_what_is_no_table_is_refused(table: object) -> None:
    with pytest.raises(CheckPolicyInvalid, match=r"\[checks\]"):
        parse_check_policy(table)


@pytest.mark.parametrize("word", ["refused", "", 1, True, ["warn"], None])
def test_a_check_is_set_to_one_of_three_words(word: object) -> None:
    with pytest.raises(CheckPolicyInvalid, match="refuse, warn, off"):
        parse_check_policy({"place-missing": word})


@pytest.mark.parametrize("code", [code for code, rule in RULES.items() if rule.fixed])
@pytest.mark.parametrize("word", ["warn", "off"])
def test_what_the_hand_over_relies_on_cannot_be_softened(code: str, word: str) -> None:
    with pytest.raises(CheckPolicyInvalid, match=f"{code}.*«{word}».*refuse"):
        parse_check_policy({code: word})
    assert parse_check_policy({code: "refuse"}).severities == {code: Severity.REFUSE}
