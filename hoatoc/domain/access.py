"""Access: who speaks, for whom, and what they may do.

A caller is a credential of one organ, with roles and a scope: the organs that it may act for. The
table below says of every role and every action how far the role reaches: to nothing, to the scope,
or to what all organs share. A caller may do what one of its roles may do.

Two questions come up at a door, and both are answered before anything is looked at or changed:

1. May the caller do this for that organ? `permit`: the role first, then the scope, then whether
   the organ may begin anything (one that is locked or not in force finishes what it has and sends
   nothing new).
2. Is this thing one of the caller's? `find`: the role first, so that its answer says nothing of the
   thing; then what belongs to other organs and what does not exist are the same `NotFound`, so that
   nobody learns which ids exist.

No role reaches into another organ's documents, that of an administrator neither. Roles keep duties
apart: who watches does not send, who audits changes nothing, who gives out credentials reads no
document. Whoever needs two duties has two roles.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

from hoatoc.domain.error import PeerFault
from hoatoc.domain.identity import OrganCode

SHOWN_WIDTH = 80
"""characters of what a peer wrote that an error repeats, at most"""


class Role(StrEnum):
    """What a credential is for."""

    SENDER = "sender"
    RECIPIENT = "recipient"
    OPERATOR = "operator"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


class Action(StrEnum):
    """What can be done at a door; its value is what the audit writes.

    A status 13 is a `RECALL`, the other statuses and transport acknowledgements are an `ANSWER`. A
    dispatch is read with its timeline; a copy (`READ_DELIVERY`) without its content.
    """

    HAND_OVER = "hand-over"
    RECALL = "recall"
    RESEND = "resend"
    READ_DISPATCH = "read-dispatch"
    SEARCH = "search"
    RECEIPT = "receipt"
    READ_STATUSES = "read-statuses"
    READ_INBOX = "read-inbox"
    READ_DELIVERY = "read-delivery"
    TAKE_CONTENT = "take-content"
    ANSWER = "answer"
    BACKLOG = "backlog"
    COUNTS = "counts"
    REGISTRY_READ = "registry-read"
    REGISTRY_WRITE = "registry-write"
    AUDIT_READ = "audit-read"
    KEY_ISSUE = "key-issue"
    KEY_ROTATE = "key-rotate"
    KEY_REVOKE = "key-revoke"


class Reach(StrEnum):
    """How far a role reaches with an action."""

    NOTHING = "nothing"
    SCOPE = "scope"
    SHARED = "shared"


_N, _O, _S = Reach.NOTHING, Reach.SCOPE, Reach.SHARED
_COLUMNS: Final = (Role.SENDER, Role.RECIPIENT, Role.OPERATOR, Role.AUDITOR, Role.ADMINISTRATOR)
_ROWS: Final[dict[Action, tuple[Reach, Reach, Reach, Reach, Reach]]] = {
    #                      sender, recipient, operator, auditor, administrator
    Action.HAND_OVER: (_O, _N, _N, _N, _N),
    Action.RECALL: (_O, _N, _N, _N, _N),
    Action.RESEND: (_O, _N, _N, _N, _N),
    Action.READ_DISPATCH: (_O, _N, _O, _O, _N),
    Action.SEARCH: (_O, _N, _O, _O, _N),
    Action.RECEIPT: (_O, _N, _O, _O, _N),
    Action.READ_STATUSES: (_O, _N, _O, _O, _N),
    Action.READ_INBOX: (_N, _O, _N, _N, _N),
    Action.READ_DELIVERY: (_O, _O, _O, _O, _N),
    Action.TAKE_CONTENT: (_O, _O, _N, _N, _N),
    Action.ANSWER: (_N, _O, _N, _N, _N),
    Action.BACKLOG: (_O, _O, _O, _O, _N),
    Action.COUNTS: (_O, _O, _O, _O, _N),
    Action.REGISTRY_READ: (_S, _S, _S, _S, _S),
    Action.REGISTRY_WRITE: (_N, _N, _N, _N, _O),
    Action.AUDIT_READ: (_N, _N, _N, _O, _O),
    Action.KEY_ISSUE: (_N, _N, _N, _N, _O),
    Action.KEY_ROTATE: (_N, _N, _N, _N, _O),
    Action.KEY_REVOKE: (_N, _N, _N, _N, _O),
}
TABLE: Final[dict[tuple[Role, Action], Reach]] = {
    (role, action): reach
    for action, row in _ROWS.items()
    for role, reach in zip(_COLUMNS, row, strict=True)
}
"""How far every role reaches with every action."""

BEGINNING: Final = frozenset({Action.HAND_OVER, Action.RESEND})
"""What a locked organ, or one that is not in force, may not do: it begins nothing new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who speaks at a door: a credential of an organ, what it is for, whom it may act for.

    `scope` holds the organ itself too; `halted` those of the scope that may begin nothing today.
    """

    credential: str
    organ: OrganCode
    roles: frozenset[Role]
    scope: frozenset[OrganCode]
    halted: frozenset[OrganCode] = frozenset()


class Thing(StrEnum):
    """What can be asked for by its id."""

    DISPATCH = "dispatch"
    DELIVERY = "delivery"
    DOCUMENT = "document"
    EVENT = "event"
    RECALL = "recall"
    CREDENTIAL = "credential"


_THINGS_VI: Final = {
    Thing.DISPATCH: "lần gửi",
    Thing.DELIVERY: "bản gửi nhận",
    Thing.DOCUMENT: "văn bản",
    Thing.EVENT: "sự kiện",
    Thing.RECALL: "lần thu hồi",
    Thing.CREDENTIAL: "khóa truy cập",
}
ROLES_VI: Final = {
    Role.SENDER: "gửi văn bản",
    Role.RECIPIENT: "nhận văn bản",
    Role.OPERATOR: "vận hành",
    Role.AUDITOR: "kiểm tra",
    Role.ADMINISTRATOR: "quản trị",
}


class Doubt(StrEnum):
    """Why it is not known who speaks."""

    MISSING = "missing"
    MALFORMED = "malformed"
    WRONG = "wrong"
    EXPIRED = "expired"
    REVOKED = "revoked"


class Denial(StrEnum):
    """Why something may not be done."""

    ROLE = "role"
    SCOPE = "scope"
    HALTED = "halted"


_DOUBTS: Final = {
    Doubt.MISSING: (
        "Yêu cầu không mang thông tin xác thực. Gửi tiêu đề «Authorization: Bearer hoatoc_…» với "
        "khóa do đơn vị quản trị cấp",
        "The request carries no credential. Send the header “Authorization: Bearer hoatoc_…” with "
        "the key that your administrator issued",
    ),
    Doubt.MALFORMED: (
        "Thông tin xác thực không đúng dạng. Chép lại nguyên văn khóa đã được cấp",
        "The credential is not of a form that is issued here. Copy the key again exactly as it "
        "was issued",
    ),
    Doubt.WRONG: (
        "Thông tin xác thực không đúng. Kiểm tra lại, hoặc đề nghị đơn vị quản trị cấp khóa mới",
        "The credential is not a valid one. Check it, or ask your administrator for a new one",
    ),
    Doubt.EXPIRED: (
        "Khóa này đã hết hạn. Dùng khóa mới đã được cấp, hoặc đề nghị đơn vị quản trị cấp lại",
        "This credential has expired. Use the new one that was issued, or ask your administrator "
        "for one",
    ),
    Doubt.REVOKED: (
        "Khóa này đã bị thu hồi. Đề nghị đơn vị quản trị cấp khóa mới",
        "This credential was revoked. Ask your administrator for a new one",
    ),
}


class Unauthenticated(PeerFault):
    """It is not known who speaks (HTTP 401).

    An unknown credential and a wrong secret are one `doubt`, so that nobody learns which
    credentials exist; that one is revoked or expired is said to who knows its secret only.
    """

    def __init__(self, doubt: Doubt) -> None:
        self.doubt = doubt
        vi, en = _DOUBTS[doubt]
        super().__init__(f"{vi}. / {en}.")


class AccessDenied(PeerFault):
    """The caller is known and may not do this (HTTP 403)."""

    def __init__(self, denial: Denial, action: Action, organ: str) -> None:
        self.denial, self.action, self.organ = denial, action, organ
        vi, en = _denied(denial, action, shown(organ))
        super().__init__(f"{vi}. / {en}.")


class NotFound(PeerFault):
    """There is no such thing for this caller: not at all, or not among its own (HTTP 404)."""

    def __init__(self, thing: Thing, wanted: str) -> None:
        self.thing, self.wanted = thing, wanted
        vi, name = _THINGS_VI[thing], shown(wanted)
        super().__init__(
            f"Không có {vi} «{name}» trong phạm vi của khóa này. Kiểm tra lại mã, và cơ quan ghi "
            f"trong tham số organ. / This credential sees no {thing} “{name}”. Check the id, and "
            "the organ that you act for."
        )


class TooManyRequests(PeerFault):
    """An organ asks more often than it may (HTTP 429); `retry_after_s` is in whole seconds."""

    retriable: ClassVar[bool] = True

    def __init__(self, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(
            f"Quá nhiều yêu cầu trong một lúc. Thử lại sau {retry_after_s} giây; không có gì bị "
            f"mất. / Too many requests at a time. Try again in {retry_after_s} s; nothing is lost."
        )


def reach_of(roles: Iterable[Role], action: Action) -> Reach:
    """Return how far roles reach together: as far as the one that reaches farthest."""
    reaches = {TABLE[role, action] for role in roles}
    for reach in (Reach.SHARED, Reach.SCOPE):
        if reach in reaches:
            return reach
    return Reach.NOTHING


def permit(caller: Caller, action: Action, organ: OrganCode) -> None:
    """Let a caller do something for an organ (its code as registered), or raise AccessDenied."""
    reach = reach_of(caller.roles, action)
    if reach is Reach.NOTHING:
        raise AccessDenied(Denial.ROLE, action, organ)
    if reach is Reach.SCOPE and organ not in caller.scope:
        raise AccessDenied(Denial.SCOPE, action, organ)
    if action in BEGINNING and organ in caller.halted:
        raise AccessDenied(Denial.HALTED, action, organ)


def find(
    caller: Caller, action: Action, thing: Thing, wanted: str, parties: Iterable[OrganCode]
) -> frozenset[OrganCode]:
    """Return for which of a thing's parties the caller may do something with it.

    `parties` are the organs whose thing it is with regard to the action (the sender, the
    recipient, or both); none if there is no such thing. Raises AccessDenied when no role permits
    the action, whatever the thing, and NotFound when none of the parties is in the scope.
    """
    if reach_of(caller.roles, action) is Reach.NOTHING:
        raise AccessDenied(Denial.ROLE, action, caller.organ)
    own = caller.scope.intersection(parties)
    if not own:
        raise NotFound(thing, wanted)
    if action in BEGINNING and own <= caller.halted:
        raise AccessDenied(Denial.HALTED, action, min(own))
    return own


def shown(text: str, width: int = SHOWN_WIDTH) -> str:
    """Return what a peer wrote so that it can be shown and stored: printable, not too long."""
    cut = text[:width] + ("…" if len(text) > width else "")
    return "".join(letter if letter.isprintable() else "�" for letter in cut)


def _denied(denial: Denial, action: Action, organ: str) -> tuple[str, str]:
    if denial is Denial.SCOPE:
        return (
            f"Khóa này không được thay mặt cơ quan «{organ}». Dùng khóa của chính cơ quan đó, hoặc "
            "của cơ quan cấp trên hay đầu mối kết nối ghi trong danh mục",
            f"This credential may not act for the organ “{organ}”. Use one of that organ, of the "
            "organ above it, or of the connection that the registry names for it",
        )
    if denial is Denial.HALTED:
        return (
            f"Cơ quan {organ} đang bị khóa hoặc không còn hiệu lực trong danh mục nên không gửi "
            "mới được. Liên hệ đơn vị quản lý danh mục; văn bản đã nhận vẫn xử lý được",
            f"The organ {organ} is locked or not in force in the registry, so nothing new can be "
            "sent for it. Ask the keeper of the registry; what was received can still be handled",
        )
    roles = [role for role in Role if TABLE[role, action] is not Reach.NOTHING]
    names = ", ".join(f"{ROLES_VI[role]} ({role})" for role in roles)
    return (
        f"Khóa này không có quyền «{action}»; quyền ấy thuộc vai trò: {names}. Đề nghị đơn vị quản "
        "trị cấp khóa có vai trò phù hợp",
        f"This credential may not “{action}”; that takes a role of: {', '.join(roles)}. Ask your "
        "administrator for a credential with that role",
    )
