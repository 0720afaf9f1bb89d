"""The checks at the door: what a clerk would look at before a document goes out (CV 807, mục 5).

A finding either refuses the hand-over or warns; it names the element, what is wrong, what to do
and the article it comes from. The rules are rows of the tables in the modules beside this one, one
module to a subject; `rule` says what a row holds. What decides between the two:

1. What gives a document no identity or a false one, or leads it nowhere, refuses: no recipient
   could take it. So does what every recipient would have to return.
2. What a signed document has printed on it cannot be changed by the clerk who sends it: it warns.
3. What rests on practice, or on a text that was not compared ([M], [D]), warns.

An agency sets the severity of any rule by its policy, but for those that the hand-over relies on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import chain

from hoatoc.domain.check import (
    authority,
    business,
    document_id,
    file,
    form,
    header,
    recipient,
    signature,
    time,
    urgency,
)
from hoatoc.domain.check import (
    type as type_,
)
from hoatoc.domain.check.rule import Rule, Severity, Spot, case_of
from hoatoc.domain.error import OurFault, PeerFault
from hoatoc.domain.examination import Examination
from hoatoc.domain.packet import Packet
from hoatoc.domain.registry import Registry

RULES: Mapping[str, Rule] = {
    rule.code: rule
    for rule in chain(
        header.RULES,
        form.RULES,
        document_id.RULES,
        time.RULES,
        authority.RULES,
        type_.RULES,
        urgency.RULES,
        recipient.RULES,
        business.RULES,
        file.RULES,
        signature.RULES,
    )
}
_ROWS = tuple(RULES.values())
_ROWS_OF_HEADER = tuple(rule for rule in _ROWS if rule not in signature.RULES)
_SHOWN = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check found at one element, what to do, and the rule it comes from."""

    severity: Severity
    code: str
    path: str
    text_vi: str
    text_en: str
    remedy_vi: str
    remedy_en: str
    article: str


class CheckFailed(PeerFault):
    """A document did not pass the checks; `findings` holds all of them, warnings included."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        self.findings = findings
        refusals = (each for each in findings if each.severity is Severity.REFUSE)
        super().__init__("\n".join(map(_line, refusals)))


def _line(finding: Finding) -> str:
    vietnamese = f"{finding.text_vi} {finding.remedy_vi}"
    return f"{finding.path}: {vietnamese} / {finding.text_en} {finding.remedy_en}"


class CheckPolicyInvalid(OurFault):
    """The table `[checks]` of the policy names an unknown check, or what cannot be made of one."""


@dataclass(frozen=True, slots=True)
class CheckPolicy:
    """What an agency makes of findings, by code: another severity, or none at all (off)."""

    severities: Mapping[str, Severity | None] = field(default_factory=dict)


SHIPPED_POLICY = CheckPolicy()
"""Every check as its rule has it."""


def parse_check_policy(table: object) -> CheckPolicy:
    """Read the TOML table `[checks]`: `code = "refuse" | "warn" | "off"`.

    Raises CheckPolicyInvalid for a code that is not known, another word, or a check that the
    hand-over relies on and that would no longer refuse.
    """
    if not isinstance(table, Mapping):
        raise _invalid("[checks]", table, f"{{code = {_EXPECTED}}}")
    return CheckPolicy({code: _set(code, word) for code, word in table.items()})


_WORDS: Mapping[object, Severity | None] = {**{each.value: each for each in Severity}, "off": None}
_EXPECTED = ", ".join(map(str, _WORDS))


def _set(code: str, word: object) -> Severity | None:
    where = f"[checks] {code}"
    if code not in RULES:
        raise _invalid("[checks]", code, ", ".join(sorted(RULES)))
    if not isinstance(word, str) or word not in _WORDS:
        raise _invalid(where, word, _EXPECTED)
    if RULES[code].fixed and word != Severity.REFUSE:
        raise _invalid(where, word, Severity.REFUSE)
    return _WORDS[word]


def _invalid(where: str, found: object, expected: str) -> CheckPolicyInvalid:
    return CheckPolicyInvalid(
        f"Chính sách, {where}: có «{found}», cần một trong: {expected}. Sửa rồi chạy lại. / The "
        f"policy, {where}: found “{found}”, expected one of: {expected}. Correct it and run again."
    )


def check(
    packet: Packet,
    registry: Registry,
    today: date,
    examination: Examination | None = None,
    policy: CheckPolicy = SHIPPED_POLICY,
) -> tuple[Finding, ...]:
    """Check a document to be sent on a day of Vietnam (UTC+07:00).

    Without an examination of its files only what the packet itself tells is checked.
    """
    case = case_of(packet, registry, today, examination)
    severities = policy.severities
    return tuple(
        _finding(rule, severity, spot)
        for rule in (_ROWS if examination else _ROWS_OF_HEADER)
        if (severity := severities.get(rule.code, rule.severity))
        for spot in rule.look(case)
    )


def _finding(rule: Rule, severity: Severity, spot: Spot) -> Finding:
    found, expected = _cut(spot.found), _cut(spot.expected)
    vietnamese = {"found": found, "expected": expected, "why": spot.why[0]}
    english = {"found": found, "expected": expected, "why": spot.why[1]}
    return Finding(
        severity=severity,
        code=rule.code,
        path=spot.path,
        text_vi=rule.vi[0].format_map(vietnamese).strip(),
        text_en=rule.en[0].format_map(english).strip(),
        remedy_vi=rule.vi[1].format_map(vietnamese),
        remedy_en=rule.en[1].format_map(english),
        article=rule.article,
    )


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def require(findings: tuple[Finding, ...]) -> None:
    """Raise `CheckFailed` if a finding refuses the hand-over."""
    if any(each.severity is Severity.REFUSE for each in findings):
        raise CheckFailed(findings)
