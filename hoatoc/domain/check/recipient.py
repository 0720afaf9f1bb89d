"""Sender and recipients: that each is an organ that stands, and the one that was meant.

The sender must see to it that a document reaches the right recipient (QĐ 28/2018, Điều 8.2), so a
code that leads nowhere, to a locked organ or to the same organ twice refuses.
"""

from collections.abc import Callable, Iterator

from hoatoc.domain.check.rule import CV_807, Case, Rule, Severity, Spot, Spots
from hoatoc.domain.organ_name import is_same
from hoatoc.domain.packet import Party
from hoatoc.domain.registry import Reason, Resolved

_FROM = "MessageHeader/From"
_DUTY = "QĐ 28/2018/QĐ-TTg, Điều 8.2, 10.2.a"


def _recipients(case: Case) -> Iterator[tuple[str, Party, Resolved | None]]:
    pairs = zip(case.packet.recipients, case.recipients, strict=True)
    for index, (party, resolved) in enumerate(pairs, start=1):
        yield f"MessageHeader/To[{index}]", party, resolved


def _noticed(case: Case) -> Iterator[tuple[str, Party, Resolved]]:
    for index in case.noticed:
        if resolved := case.recipients[index]:
            yield f"MessageHeader/To[{index + 1}]", case.packet.recipients[index], resolved


def _of_sender(broken: Callable[[Case, Resolved], object]) -> Callable[[Case], Spots]:
    def look(case: Case) -> Spots:
        if case.sender and broken(case, case.sender):
            yield _spot(_FROM, case.packet.sender, case.sender)

    return look


def _of_recipients(broken: Callable[[Case, Resolved], object]) -> Callable[[Case], Spots]:
    def look(case: Case) -> Spots:
        for path, party, resolved in _noticed(case):
            if broken(case, resolved):
                yield _spot(path, party, resolved)

    return look


def _spot(path: str, party: Party, resolved: Resolved) -> Spot:
    organ = resolved.organ
    return Spot(f"{path}/OrganId", party.code, f"{organ.code} {organ.name}")


def _is_locked(_: Case, resolved: Resolved) -> bool:
    return resolved.organ.locked


def _is_void(case: Case, resolved: Resolved) -> bool:
    organ = resolved.organ
    return not organ.has_begun(case.today) or organ.has_ended(case.today)


def _is_succeeded(_: Case, resolved: Resolved) -> bool:
    return bool(resolved.notice and resolved.notice.reason is Reason.SUCCEEDED)


def _old_codes(case: Case) -> Spots:
    senders = [(_FROM, case.packet.sender, case.sender)] if case.sender else []
    for path, party, resolved in (*senders, *_noticed(case)):
        if resolved.notice and resolved.notice.reason is Reason.ALIAS:
            yield _spot(path, party, resolved)


def _is_test_of_a_real_sender(case: Case, resolved: Resolved) -> bool:
    return resolved.organ.test and not (case.sender and case.sender.organ.test)


def _unknown_sender(case: Case) -> Spots:
    if not case.sender:
        yield Spot(f"{_FROM}/OrganId", case.packet.sender.code)


def _real_of_a_test_sender(case: Case) -> Spots:
    if case.sender and case.sender.organ.test:
        for path, party, resolved in _recipients(case):
            if resolved and not resolved.organ.test:
                yield _spot(path, party, resolved)


def _unknown_recipients(case: Case) -> Spots:
    if None in case.recipients:
        for path, party, resolved in _recipients(case):
            if not resolved:
                yield Spot(f"{path}/OrganId", party.code)


def _duplicates(case: Case) -> Spots:
    if len(set(case.codes)) == len(case.codes):
        return
    seen: set[str] = set()
    for index, code in enumerate(case.codes):
        if code in seen:
            written = case.packet.recipients[index].code
            yield Spot(f"MessageHeader/To[{index + 1}]/OrganId", written, code)
        seen.add(code)


def _sender_among(case: Case) -> Spots:
    sender = case.sender.organ.code if case.sender else case.packet.sender.code
    if sender in case.codes:
        index = case.codes.index(sender)
        yield Spot(f"MessageHeader/To[{index + 1}]/OrganId", case.packet.recipients[index].code)


def _names_differ(case: Case) -> Spots:
    parties = (case.packet.sender, *case.packet.recipients)
    organs = zip(parties, (case.sender, *case.recipients), strict=True)
    for index, (party, resolved) in enumerate(organs):
        name = resolved.organ.name if resolved else ""
        if name and party.name and party.name != name and not is_same(party.name, name):
            path = f"MessageHeader/To[{index}]" if index else _FROM
            yield Spot(f"{path}/OrganName", party.name, f"{party.code} {name}")


RULES = (
    Rule(
        "sender-unknown",
        Severity.REFUSE,
        _unknown_sender,
        (
            "Mã cơ quan gửi {found} không có trong danh mục.",
            "Kiểm tra mã, hoặc đề nghị đơn vị vận hành thêm cơ quan (`hoatoc registry add`).",
        ),
        (
            "The sender's code {found} is not in the registry.",
            "Check it, or ask the operators to add the organ (`hoatoc registry add`).",
        ),
        "QĐ 28/2018/QĐ-TTg, Điều 10.2.a",
        fixed=True,
    ),
    Rule(
        "sender-locked",
        Severity.REFUSE,
        _of_sender(_is_locked),
        (
            "Cơ quan gửi {found} ({expected}) đã bị khóa trong danh mục.",
            "Liên hệ đơn vị quản lý danh mục để mở khóa, hoặc gửi dưới mã còn hiệu lực.",
        ),
        (
            "The sender {found} ({expected}) is locked in the registry.",
            "Have it unlocked by those who keep the registry, or send under a code in force.",
        ),
        _DUTY,
    ),
    Rule(
        "sender-void",
        Severity.REFUSE,
        _of_sender(_is_void),
        (
            "Mã cơ quan gửi {found} ({expected}) không có hiệu lực vào ngày gửi.",
            "Gửi dưới mã của cơ quan kế thừa, hoặc sửa thời hạn trong danh mục.",
        ),
        (
            "The sender's code {found} ({expected}) is not in force on the day of sending.",
            "Send under the successor's code, or correct the registry.",
        ),
        _DUTY,
    ),
    Rule(
        "sender-succeeded",
        Severity.WARN,
        _of_sender(_is_succeeded),
        (
            "Mã cơ quan gửi {found} đã hết hiệu lực; cơ quan kế thừa là {expected}.",
            "Cập nhật mã cơ quan gửi trong phần mềm.",
        ),
        (
            "The sender's code {found} has ended; its successor is {expected}.",
            "Update the sender's code in the software.",
        ),
        _DUTY,
    ),
    Rule(
        "recipient-unknown",
        Severity.REFUSE,
        _unknown_recipients,
        (
            "Mã nơi nhận {found} không có trong danh mục.",
            "Kiểm tra mã, hoặc đề nghị đơn vị vận hành thêm cơ quan (`hoatoc registry add`).",
        ),
        (
            "The recipient's code {found} is not in the registry.",
            "Check it, or ask the operators to add the organ (`hoatoc registry add`).",
        ),
        _DUTY,
        fixed=True,
    ),
    Rule(
        "recipient-locked",
        Severity.REFUSE,
        _of_recipients(_is_locked),
        (
            "Nơi nhận {found} ({expected}) đã bị khóa: văn bản sẽ không đến được.",
            "Bỏ nơi nhận này, hoặc liên hệ đơn vị quản lý danh mục.",
        ),
        (
            "The recipient {found} ({expected}) is locked: the document would not arrive.",
            "Take it off the list, or ask those who keep the registry.",
        ),
        _DUTY,
    ),
    Rule(
        "recipient-void",
        Severity.REFUSE,
        _of_recipients(_is_void),
        (
            "Mã nơi nhận {found} ({expected}) không có hiệu lực vào ngày gửi.",
            "Gửi cho cơ quan kế thừa, hoặc sửa thời hạn trong danh mục.",
        ),
        (
            "The recipient's code {found} ({expected}) is not in force on the day of sending.",
            "Send to its successor, or correct the registry.",
        ),
        _DUTY,
    ),
    Rule(
        "recipient-succeeded",
        Severity.WARN,
        _of_recipients(_is_succeeded),
        (
            "Mã nơi nhận {found} đã hết hiệu lực; văn bản được gửi cho {expected}.",
            "Kiểm tra đây đúng là nơi cần nhận; cập nhật mã trong phần mềm.",
        ),
        (
            "The recipient's code {found} has ended; the document goes to {expected}.",
            "Check that this is who should get it; update the code in the software.",
        ),
        _DUTY,
    ),
    Rule(
        "organ-code-old",
        Severity.WARN,
        _old_codes,
        (
            "Mã {found} là mã cũ của {expected}.",
            "Dùng mã hiện hành; cập nhật mã trong phần mềm.",
        ),
        (
            "The code {found} is an old one of {expected}.",
            "Use the code in force; update it in the software.",
        ),
        _DUTY,
    ),
    Rule(
        "recipient-test",
        Severity.REFUSE,
        _of_recipients(_is_test_of_a_real_sender),
        (
            "Nơi nhận {found} ({expected}) là mã thử nghiệm, không phải cơ quan thật.",
            "Thay bằng mã của cơ quan thật.",
        ),
        (
            "The recipient {found} ({expected}) is a test code, no real organ.",
            "Enter the code of the real organ.",
        ),
        _DUTY,
    ),
    Rule(
        "sender-test",
        Severity.REFUSE,
        _real_of_a_test_sender,
        (
            "Cơ quan gửi là mã thử nghiệm, không được gửi cho cơ quan thật {found} ({expected}).",
            "Gửi cho mã thử nghiệm, hoặc dùng mã thật của cơ quan gửi.",
        ),
        (
            "The sender is a test code and may not send to the real organ {found} ({expected}).",
            "Send to test codes, or under the sender's real code.",
        ),
        _DUTY,
    ),
    Rule(
        "recipient-duplicate",
        Severity.REFUSE,
        _duplicates,
        (
            "Nơi nhận {found} bị lặp: cùng cơ quan với {expected} (có thể dưới mã khác).",
            "Giữ mỗi cơ quan một lần.",
        ),
        (
            "The recipient {found} is repeated: it is the organ {expected} (perhaps under another "
            "code).",
            "Name each organ once.",
        ),
        CV_807,
        fixed=True,
    ),
    Rule(
        "sender-among-recipients",
        Severity.REFUSE,
        _sender_among,
        (
            "Cơ quan gửi {found} cũng là nơi nhận.",
            "Bỏ cơ quan gửi khỏi danh sách nơi nhận.",
        ),
        (
            "The sender {found} is among the recipients.",
            "Take it off the list of recipients.",
        ),
        "NĐ 30/2020/NĐ-CP, Điều 21.2.b",
        fixed=True,
    ),
    Rule(
        "organ-name-differs",
        Severity.WARN,
        _names_differ,
        (
            "Tên «{found}» không khớp với mã {expected}.",
            "Kiểm tra mã và tên: gửi sai nơi nhận sẽ bị trả lại.",
        ),
        (
            "The name “{found}” is not that of the code {expected}.",
            "Check both: what goes to the wrong recipient is returned.",
        ),
        "NĐ 30/2020/NĐ-CP, Điều 21.2.b",
    ),
)
