"""The registry: which organs there are, on which day, under which codes.

A code is looked up as it is written, without blanks around it, and in upper case if that finds
nothing; nothing else is done to it, and no code is computed from another. An organ that has ended
gives way to its successor, and that one to its own, until one stands on the day asked for. What a
person should know of it comes along as a notice.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from enum import StrEnum
from typing import Final, NamedTuple

from hoatoc.domain.error import PeerFault
from hoatoc.domain.identity import OrganCode
from hoatoc.domain.registry.fault import RegistryInvalid, find_faults
from hoatoc.domain.registry.group import MARK, Group, find_group_faults
from hoatoc.domain.registry.organ import Organ


class Reason(StrEnum):
    """Why a notice is given; of several the gravest, which stands first here."""

    ENDED = "ended"
    NOT_YET_VALID = "not-yet-valid"
    LOCKED = "locked"
    TEST = "test"
    SUCCEEDED = "succeeded"
    ALIAS = "alias"


_TEXTS: Final = {
    Reason.ENDED: (
        "Mã {n.written} ({n.organ.name}) đã hết hiệu lực sau ngày {n.day:%d/%m/%Y} và danh mục "
        "không ghi cơ quan kế thừa. Hỏi cơ quan quản lý danh mục mã hiện hành",
        "The code {n.written} ({n.organ.name}) ended after {n.day:%d/%m/%Y}, and the registry "
        "names no successor. Ask the keeper of the registry for the code in force",
    ),
    Reason.NOT_YET_VALID: (
        "Mã {n.written} ({n.organ.name}) chỉ có hiệu lực từ ngày {n.day:%d/%m/%Y}. Dùng mã hiện "
        "hành, hoặc gửi từ ngày đó",
        "The code {n.written} ({n.organ.name}) is in force from {n.day:%d/%m/%Y} only. Use the "
        "code in force, or send from that day on",
    ),
    Reason.LOCKED: (
        "Cơ quan {n.organ.code} ({n.organ.name}) đang bị khóa, không nhận được văn bản. Liên hệ "
        "cơ quan này trước khi gửi",
        "The organ {n.organ.code} ({n.organ.name}) is locked and takes no documents. Contact it "
        "before you send",
    ),
    Reason.TEST: (
        "Mã {n.written} ({n.organ.name}) là mã thử nghiệm, không phải cơ quan thật. Thay bằng mã "
        "của cơ quan thật",
        "The code {n.written} ({n.organ.name}) is for tests and no real organ. Use the code of "
        "a real organ",
    ),
    Reason.SUCCEEDED: (
        "Mã {n.written} đã hết hiệu lực sau ngày {n.day:%d/%m/%Y}; cơ quan kế thừa là "
        "{n.organ.code} ({n.organ.name}). Từ nay dùng mã mới",
        "The code {n.written} ended after {n.day:%d/%m/%Y}; its successor is {n.organ.code} "
        "({n.organ.name}). Use the new code from now on",
    ),
    Reason.ALIAS: (
        "Mã {n.written} là mã khác, thường là mã cũ, của {n.organ.code} ({n.organ.name}). Từ nay "
        "dùng mã {n.organ.code}",
        "The code {n.written} is another code, most often an old one, of {n.organ.code} "
        "({n.organ.name}). Use {n.organ.code} from now on",
    ),
}


class Notice(NamedTuple):  # made at every look-up of an old code, at half a dataclass's cost
    """What a person should know of a code as written; `day` is the last or the first one."""

    reason: Reason
    written: str
    organ: Organ
    day: date | None = None

    @property
    def text_vi(self) -> str:
        """Return the text for staff, with its remedy, in Vietnamese."""
        return _TEXTS[self.reason][0].format(n=self) + "."

    @property
    def text_en(self) -> str:
        """Return the same in English."""
        return _TEXTS[self.reason][1].format(n=self) + "."


class Resolved(NamedTuple):
    """The organ that a code means on a day, the code as written, what should be known of it."""

    organ: Organ
    written: str
    notice: Notice | None


class OrganUnknown(PeerFault):
    """No organ has this code."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(
            f"Mã cơ quan «{code}» không có trong danh mục; xem `hoatoc registry list`, hoặc thêm "
            f"bằng `hoatoc registry add`. / No organ has the code “{code}”: see `hoatoc registry "
            "list`, or add it by `hoatoc registry add`."
        )


class GroupUnknown(PeerFault):
    """No group has this name."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        self.name, self.known = name, tuple(sorted(known))
        names = ", ".join(MARK + each for each in self.known) or "-"
        super().__init__(
            f"Không có nhóm «{MARK}{name}»; các nhóm: {names}. / There is no group “{MARK}{name}”; "
            f"the groups: {names}."
        )


class Registry:
    """The organs and groups, known to be sound; raises `RegistryInvalid` with all its faults."""

    def __init__(self, organs: Iterable[Organ], groups: Mapping[str, Group] | None = None) -> None:
        self.organs: Final = tuple(organs)
        self.groups: Final[Mapping[str, Group]] = dict(groups or {})
        self._index = {code: organ for organ in self.organs for code in organ.codes()}
        self._by_code: dict[str, Organ] = {organ.code: organ for organ in self.organs}
        faults = find_faults(self.organs) + find_group_faults(self.groups, self._by_code)
        if faults:
            raise RegistryInvalid(faults)

    def __len__(self) -> int:
        return len(self.organs)

    def __contains__(self, code: object) -> bool:
        return isinstance(code, str) and self.get(code) is not None

    def get(self, code: str) -> Organ | None:
        """Return the organ that has a code, whatever the day."""
        stripped = code.strip()
        return self._index.get(stripped) or self._index.get(stripped.upper())

    def __getitem__(self, code: str) -> Organ:
        """Return the organ that has a code, whatever the day; raise `OrganUnknown`."""
        organ = self.get(code)
        if organ is None:
            raise OrganUnknown(code)
        return organ

    def resolve(self, code: str, on: date) -> Resolved | None:
        """Return the organ that a code means on a day in Vietnam; none if no organ has it.

        An organ that cannot be used on that day is returned with the notice that says so.
        """
        named = self._index.get(code) or self.get(code)
        if named is None:
            return None
        if named.is_ordinary() and code in (named.code, named.code102):
            return Resolved(named, code, None)  # nearly always: half the time of what follows
        organ = named
        while organ.successor and organ.has_ended(on):
            organ = self._by_code[organ.successor]
        return Resolved(organ, code, _notice(named, organ, code, on))

    def connection(self, organ: Organ) -> OrganCode:
        """Return the code of the organ whose connection an organ uses: its hub's, or its own."""
        while organ.hub:
            organ = self._by_code[organ.hub]
        return organ.code

    def group(self, name: str, on: date) -> tuple[Organ, ...]:
        """Return the organs of a group that stand on a day in Vietnam, without those for tests.

        A listed organ that has ended gives way to its successor; a locked one stays, so that the
        sender learns of it. Raises `GroupUnknown`.
        """
        group = self._group(name)
        if group.codes:
            meant = (self.resolve(code, on) for code in group.codes)
            found: Iterable[Organ] = {
                each.organ.code: each.organ for each in meant if each
            }.values()
        else:
            found = filter(group.holds, self.organs)
        return tuple(
            organ
            for organ in found
            if organ.has_begun(on) and not organ.has_ended(on) and not organ.test
        )

    def _group(self, name: str) -> Group:
        wanted = name.strip().removeprefix(MARK).lower()
        for known, group in self.groups.items():
            if wanted in (known, *group.aliases):
                return group
        raise GroupUnknown(wanted, self.groups)

    def recipients(self, names: Iterable[str], on: date) -> tuple[Resolved, ...]:
        """Return whom a list of codes and `@groups` means on a day, each organ once, in order.

        Raises `OrganUnknown` or `GroupUnknown`.
        """
        found: dict[str, Resolved] = {}
        for name in names:
            for code in self._members(name, on):
                resolved = self.resolve(code, on)
                if resolved is None:
                    raise OrganUnknown(name)
                found.setdefault(resolved.organ.code, resolved)
        return tuple(found.values())

    def _members(self, name: str, on: date) -> Iterable[str]:
        if name.strip().startswith(MARK):
            return [organ.code for organ in self.group(name, on)]
        return (name,)


def _notice(named: Organ, organ: Organ, written: str, on: date) -> Notice | None:
    if organ.has_ended(on):
        return Notice(Reason.ENDED, written, organ, organ.valid_to)
    if not organ.has_begun(on):
        return Notice(Reason.NOT_YET_VALID, written, organ, organ.valid_from)
    if organ.locked or organ.test:
        return Notice(Reason.LOCKED if organ.locked else Reason.TEST, written, organ)
    if organ is not named:
        return Notice(Reason.SUCCEEDED, written, organ, named.valid_to)
    if organ.aliases and written.strip().upper() not in (organ.code, organ.code102):
        return Notice(Reason.ALIAS, written, organ)
    return None
