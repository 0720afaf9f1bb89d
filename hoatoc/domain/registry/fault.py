"""What is wrong with a registry: every fault at once, each with its line, field and remedy.

A registry is sound when no two organs share a code, every organ that another names is there, no
chain of parents, hubs or successors comes back to its beginning, and no organ outlives its hub.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from hoatoc.domain.error import PeerFault
from hoatoc.domain.registry.organ import Organ

_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault: of a line of a file (0: of none), an organ (may be unknown), a field."""

    line: int = 0
    organ: str = ""
    field: str
    found: str
    remedy_vi: str
    remedy_en: str

    def __str__(self) -> str:
        where_vi = f"dòng {self.line}" if self.line else f"cơ quan {self.organ or '?'}"
        where_en = f"line {self.line}" if self.line else f"organ {self.organ or '?'}"
        return (
            f"Danh mục cơ quan, {where_vi}, cột {self.field}: «{self.found}» không hợp lệ;"
            f" {self.remedy_vi}. / Registry of organs, {where_en}, column {self.field}:"
            f" “{self.found}” is not valid; {self.remedy_en}."
        )


class RegistryInvalid(PeerFault):
    """A registry cannot be taken; `faults` holds all that is wrong, in order of line."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(faults, key=lambda fault: fault.line))
        lines = [str(fault) for fault in self.faults[:_SHOWN]]
        if len(self.faults) > _SHOWN:
            more = len(self.faults) - _SHOWN
            lines.append(f"… và {more} lỗi nữa / and {more} more")
        super().__init__("\n".join(lines))


_ByCode = Mapping[str, Organ]


def find_faults(organs: Sequence[Organ], lines: Sequence[int] = ()) -> list[Fault]:
    """Return what is wrong among these organs; `lines` tells where each stands in a file."""
    by_code: dict[str, Organ] = {organ.code: organ for organ in organs}
    faults = [
        *_shared(organs, lines),
        *(
            f
            for organ in _suspects(organs, by_code)
            for rule in _RULES
            for f in rule(organ, by_code)
        ),
    ]
    if not faults:
        faults = [fault for field in _CHAINS for fault in _cycles(by_code, field)]
    if not lines or not faults:
        return faults
    places: dict[str, int] = {organ.code: line for organ, line in zip(organs, lines, strict=True)}
    return [each if each.line else replace(each, line=places[each.organ]) for each in faults]


def _suspects(organs: Sequence[Organ], by_code: _ByCode) -> list[Organ]:
    """Return the organs that may break a rule: those that name others which simply stand do not."""
    standing = {"", *(code for code, organ in by_code.items() if organ.valid_to is None)}
    known = {"", *by_code}
    return [
        organ
        for organ in organs
        if organ.valid_to
        or organ.successor
        or organ.hub not in standing
        or organ.parent not in known
    ]


def _shared(organs: Sequence[Organ], lines: Sequence[int]) -> Iterator[Fault]:
    owners: dict[str, int] = {}
    for index, organ in enumerate(organs):
        for code in organ.codes():
            first = owners.get(code)
            if first is None:
                owners[code] = index
                continue
            place = lines[index] if lines else 0
            yield _taken(organ, code, place, organs[first], lines[first] if lines else 0)


def _taken(organ: Organ, code: str, line: int, other: Organ, other_line: int) -> Fault:
    field = {organ.code: "code", organ.code102: "code102"}.get(code, "aliases")
    vi, en = (f" (dòng {other_line})", f" (line {other_line})") if other_line else ("", "")
    whose = f"{other.code} {other.name}"
    return Fault(
        line=line,
        organ=organ.code,
        field=field,
        found=code,
        remedy_vi=f"mã đã có: {whose}{vi}; hãy bỏ ở một nơi",
        remedy_en=f"the code is taken: {whose}{en}; remove it in one of the two places",
    )


def _unknown(organ: Organ, by_code: _ByCode) -> Iterator[Fault]:
    for field, code in (
        ("hub", organ.hub),
        ("parent", organ.parent),
        ("successor", organ.successor),
    ):
        if code and code not in by_code:
            yield Fault(
                organ=organ.code,
                field=field,
                found=code,
                remedy_vi="ghi mã chính (cột code) của một cơ quan có trong danh mục",
                remedy_en="write the code (column code) of an organ of the registry",
            )


def _backwards(organ: Organ, _: _ByCode) -> Iterator[Fault]:
    if organ.valid_from and organ.valid_to and organ.valid_to < organ.valid_from:
        yield Fault(
            organ=organ.code,
            field="valid_to",
            found=organ.valid_to.isoformat(),
            remedy_vi=f"ngày cuối phải từ ngày đầu ({organ.valid_from:%d/%m/%Y}) trở đi",
            remedy_en=f"the last day is not before the first ({organ.valid_from.isoformat()})",
        )


def _succeeded_alive(organ: Organ, _: _ByCode) -> Iterator[Fault]:
    if organ.successor and organ.valid_to is None:
        yield Fault(
            organ=organ.code,
            field="successor",
            found=organ.successor,
            remedy_vi="ghi thêm ngày cuối (valid_to) của cơ quan, hoặc bỏ cơ quan kế thừa",
            remedy_en="write the organ's last day (valid_to) as well, or no successor",
        )


def _outlives_hub(organ: Organ, by_code: _ByCode) -> Iterator[Fault]:
    hub = by_code.get(organ.hub)
    if hub and hub.valid_to and (organ.valid_to is None or organ.valid_to > hub.valid_to):
        yield Fault(
            organ=organ.code,
            field="hub",
            found=organ.hub,
            remedy_vi=f"đầu mối này chỉ có đến {hub.valid_to:%d/%m/%Y}; ghi đầu mối khác",
            remedy_en=f"this hub ends on {hub.valid_to.isoformat()}; write another hub",
        )


_RULES: tuple[Callable[[Organ, _ByCode], Iterator[Fault]], ...] = (
    _unknown,
    _backwards,
    _succeeded_alive,
    _outlives_hub,
)
_CHAINS = ("hub", "parent", "successor")


def _cycles(by_code: _ByCode, field: str) -> Iterator[Fault]:
    """Yield one fault a cycle, at its least code."""
    after: dict[str, str] = {o.code: code for o in by_code.values() if (code := getattr(o, field))}
    after = {code: other for code, other in after.items() if other in after}  # ends are no cycle
    ended: set[str] = set()
    for start in after:
        chain: dict[str, None] = {}
        code = start
        while code in after and code not in ended and code not in chain:
            chain[code] = None
            code = after[code]
        if code in chain:
            names = list(chain)
            yield _cycle(field, names[names.index(code) :])
        ended.update(chain)


def _cycle(field: str, codes: list[str]) -> Fault:
    least = codes.index(min(codes))
    turned = [*codes[least:], *codes[: least + 1]]
    return Fault(
        organ=turned[0],
        field=field,
        found=turned[1],
        remedy_vi=f"vòng lặp {' → '.join(turned)}; sửa một trong các mã này",
        remedy_en=f"a cycle {' → '.join(turned)}; correct one of these codes",
    )
