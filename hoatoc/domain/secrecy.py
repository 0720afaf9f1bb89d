"""The rules of secrecy: which marks make a document a suspected state secret, as data.

They are read from a versioned file, `hoatoc/data/secrecy.toml`, which names the source of each.
"""

import re
import tomllib
from dataclasses import dataclass
from typing import Any

from hoatoc.domain.error import OurFault


class SecrecyInvalid(OurFault):
    """The file of secrecy rules lacks something, or holds what cannot be a rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """A stamp as it is printed, in capitals, and how legacy fonts of Vietnamese leave it."""

    mark: str
    legacy: tuple[str, ...]
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SecrecyRules:
    """What marks a secret.

    `before` and `after` are the words that make of MẬT another word; `labels` the names of fields
    that say a degree; `notations` match the end of a number; `flags` are elements by which a
    system declares secrecy, in lower case, and `no` the values that deny it.
    """

    version: str
    stamps: tuple[Stamp, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]
    labels: tuple[str, ...]
    notations: tuple[re.Pattern[str], ...]
    flags: frozenset[str]
    no: frozenset[str]


def parse_secrecy(text: str) -> SecrecyRules:
    """Read the rules from TOML; raise SecrecyInvalid with the key and what was expected."""
    try:
        data = tomllib.loads(text)
        return _rules(data)
    except tomllib.TOMLDecodeError as error:
        raise SecrecyInvalid(f"the secrecy rules are not TOML: {error}") from error
    except KeyError as error:
        raise SecrecyInvalid(f"secrecy rules: the key {error} is missing; add it") from error
    except re.error as error:
        raise SecrecyInvalid(
            f"secrecy rules: notation.pattern is {error.pattern!r}; expected a regular "
            f"expression: {error}"
        ) from error


def _rules(data: dict[str, Any]) -> SecrecyRules:
    compound, flag = data["compound"], data["flag"]
    return SecrecyRules(
        version=str(data["version"]),
        stamps=_stamps(data["stamp"]),
        before=_texts(compound, "before", "compound"),
        after=_texts(compound, "after", "compound"),
        labels=_texts(data["label"], "names", "label"),
        notations=tuple(re.compile(each["pattern"]) for each in data["notation"]),
        flags=frozenset(map(str.lower, _texts(flag, "elements", "flag"))),
        no=frozenset(_texts(flag, "no", "flag")),
    )


def _stamps(tables: list[dict[str, Any]]) -> tuple[Stamp, ...]:
    if not tables:
        raise SecrecyInvalid("secrecy rules: stamp is empty; expected one stamp at least")
    return tuple(map(_stamp, tables))


def _stamp(table: dict[str, Any]) -> Stamp:
    mark = str(table["mark"])
    if not re.fullmatch(r"\w+( \w+)*", mark) or mark != mark.upper():
        raise SecrecyInvalid(f"secrecy rules: stamp.mark is {mark!r}; expected words in capitals")
    return Stamp(mark=mark, legacy=_texts(table, "legacy", "stamp"), source=str(table["source"]))


def _texts(table: dict[str, Any], key: str, above: str) -> tuple[str, ...]:
    value = table[key]
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise SecrecyInvalid(f"secrecy rules: {above}.{key} is {value!r}; expected a list of texts")
    return tuple(value)
