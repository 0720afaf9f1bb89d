"""Stamps of secrecy in a text: telling the stamp MẬT from the prose that speaks of secrets.

A stamp stands alone: a line, a cell or a block in capitals, whatever the spacing, the composition
or the alphabet that its letters were borrowed from. Prose says "bảo mật", "mật độ", or quotes a
stamp. What stands alone in capitals is a stamp; what might be one is possible, and a person may
clear it; the rest is a mention. Only the mark itself is returned, never the text around it. Every
rule looks at a bounded stretch of text, so that no text can make the search slow.
"""

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import cache
from typing import NamedTuple
from unicodedata import combining, normalize

from hoatoc.domain.secrecy import SecrecyRules, Stamp

# Letters of other alphabets that print like those of a stamp; and characters that print nothing.
_LOOK_ALIKES = dict(
    zip(
        map(ord, "АВЕСНІКМОРТУХΑΒΕΗΙΚΜΝΟΡΤΥΧаеоруіхсοαıᴀᴍᴛÐƉ"),
        "ABECHIKMOPTYXABEHIKMNOPTYXaeopyixcoaiAMTĐĐ",
        strict=True,
    )
)
_INVISIBLE = "\u00ad\u034f\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u2060\u2061\u2062\u2063\ufeff"
_FOLDING: dict[int, str | None] = {**_LOOK_ALIKES, **dict.fromkeys(map(ord, _INVISIBLE))}
_TONES = frozenset("\u0300\u0301\u0303\u0309\u0323")
_BREAK = re.compile(r"[\r\n\t\v\f|\u0085\u2028\u2029]|[^\S\n]{2,}")
_NOT_A_LETTER = re.compile(r"[\W_]")
_LISTED = re.compile(r"(?:[-–+•*]|\(?\w{1,2}[.)])\s")
_QUOTES = "\"'“”„‘’«»`"
_WINDOW = 40


class Certainty(StrEnum):
    """How sure it is that a mark is a stamp; the surest first."""

    STAMP = "stamp"
    POSSIBLE = "possible"
    MENTION = "mention"


class Sighting(NamedTuple):
    """A mark that was found, as the rules print it, and how sure it is that it is a stamp."""

    mark: str
    certainty: Certainty


class _Line(NamedTuple):
    """A line, cell or column of a text, and its letters and digits alone."""

    text: str
    compact: str


class _Shape(NamedTuple):
    """How one mark may stand in a folded text: its letters alone, spoilt, or between words."""

    mark: str
    letters: str
    spoilt: frozenset[str]
    legacy: frozenset[str]
    inside: re.Pattern[str]


class _Grammar(NamedTuple):
    """The rules, ready to be applied to a folded text."""

    shapes: tuple[_Shape, ...]
    before: re.Pattern[str]
    after: re.Pattern[str]
    label: re.Pattern[str]
    number: re.Pattern[str]
    notations: tuple[re.Pattern[str], ...]


def find_stamps(text: str, rules: SecrecyRules) -> tuple[Sighting, ...]:
    """Return every mark of secrecy in a text, each once, by its surest sighting."""
    found: dict[str, Certainty] = {}
    for mark, certainty in _sightings(text, _grammar(rules)):
        known = found.get(mark, Certainty.MENTION)
        found[mark] = min(known, certainty, key=list(Certainty).index)
    return tuple(Sighting(mark, certainty) for mark, certainty in found.items())


def find_notation(text: str, rules: SecrecyRules) -> str:
    """Return what in a number or notation is used for secret documents, or ""."""
    plain = fold(text).strip()
    found = (pattern.search(plain) for pattern in rules.notations)
    return next((match.group() for match in found if match), "")


def fold(text: str) -> str:
    """Bring letters of any width, composition or alphabet to the plain ones that they look like."""
    return normalize("NFC", normalize("NFKD", text).translate(_FOLDING))


def _sightings(text: str, grammar: _Grammar) -> Iterator[Sighting]:
    lines = _lines(fold(text))
    plain = "\n".join(line.text for line in lines)
    for shape in grammar.shapes:
        yield from _alone(shape, lines, grammar)
        yield from _inside(shape, plain, grammar)
    yield from _labelled(plain, grammar)
    yield from _numbered(plain, grammar)
    # Not of the folded text: legacy letters are Latin ones that mean others.
    yield from _legacy(text, grammar)


def _lines(text: str) -> list[_Line]:
    pieces = map(str.strip, _BREAK.split(text))
    lines = (_Line(piece, _NOT_A_LETTER.sub("", piece)) for piece in pieces if piece)
    return [line for line in lines if line.compact]


def _alone(shape: _Shape, lines: Sequence[_Line], grammar: _Grammar) -> Iterator[Sighting]:
    for index, line in enumerate(lines):
        if len(line.compact) > len(shape.letters):
            continue
        if line.compact in shape.spoilt:
            yield Sighting(shape.mark, Certainty.POSSIBLE)
        elif line.compact.upper() == shape.letters:
            previous = lines[index - 1].text if index else ""
            if certainty := _of_line(shape, line, previous, grammar):
                yield Sighting(shape.mark, certainty)
        elif shape.letters.startswith(line.compact) and _spells(shape, lines, index):
            yield Sighting(shape.mark, Certainty.STAMP)


def _of_line(shape: _Shape, line: _Line, previous: str, grammar: _Grammar) -> Certainty | None:
    if line.compact == shape.letters:
        # A heading that was wrapped: QUY CHẾ BẢO / MẬT.
        wrapped = grammar.before.search(previous.upper()[-_WINDOW:])
        listed = _LISTED.match(line.text)
        return Certainty.POSSIBLE if wrapped or listed else Certainty.STAMP
    ends_sentence = line.text.endswith((".", ";", ","))
    if line.compact[0].isupper() and not _LISTED.match(line.text) and not ends_sentence:
        return Certainty.POSSIBLE
    return _mention(shape)


def _spells(shape: _Shape, lines: Sequence[_Line], index: int) -> bool:
    """Tell whether a block of lines, such as a stamp that stands upright, spells the mark."""
    spelt = ""
    for line in lines[index : index + len(shape.letters)]:
        spelt += line.compact
        if not shape.letters.startswith(spelt):
            return False
        if spelt == shape.letters:
            return True
    return False


def _mention(shape: _Shape) -> Certainty | None:
    """Return that a stamp was spoken of; of one word, it is a word like any other."""
    return Certainty.MENTION if " " in shape.mark else None


def _inside(shape: _Shape, plain: str, grammar: _Grammar) -> Iterator[Sighting]:
    for match in shape.inside.finditer(plain):
        start, end = match.span()
        before = plain[max(start - _WINDOW, 0) : start].rpartition("\n")[2]
        after = plain[end : end + _WINDOW].partition("\n")[0]
        if certainty := _between(shape, before, match.group(), after, grammar):
            yield Sighting(shape.mark, certainty)


def _between(
    shape: _Shape, before: str, found: str, after: str, grammar: _Grammar
) -> Certainty | None:
    opens, closes = _NOT_A_LETTER.sub("", before) == "", _NOT_A_LETTER.sub("", after) == ""
    if opens and closes:
        return None
    quoted = before[-1:] in _QUOTES and before != "" and after[:1] in _QUOTES and after != ""
    compound = grammar.before.search(before.upper()) or grammar.after.match(after.upper())
    if found != found.upper() or quoted or compound:
        return _mention(shape)
    bracketed = before.endswith(("(", "[")) and after.startswith((")", "]"))
    return Certainty.POSSIBLE if opens or closes or bracketed else _mention(shape)


def _labelled(plain: str, grammar: _Grammar) -> Iterator[Sighting]:
    for match in grammar.label.finditer(plain):
        value = _NOT_A_LETTER.sub("", match[1]).upper()
        for shape in grammar.shapes:
            if value == shape.letters or value in shape.spoilt:
                yield Sighting(shape.mark, Certainty.STAMP)


def _numbered(plain: str, grammar: _Grammar) -> Iterator[Sighting]:
    for number in grammar.number.finditer(plain):
        for pattern in grammar.notations:
            if match := pattern.search(number[1]):
                yield Sighting(match.group(), Certainty.POSSIBLE)


def _legacy(text: str, grammar: _Grammar) -> Iterator[Sighting]:
    lines = {line.compact.lower() for line in _lines(normalize("NFC", text))}
    for shape in grammar.shapes:
        if shape.legacy & lines:
            yield Sighting(shape.mark, Certainty.POSSIBLE)


@cache
def _grammar(rules: SecrecyRules) -> _Grammar:
    labels = "|".join(map(re.escape, map(fold, rules.labels)))
    return _Grammar(
        shapes=tuple(map(_shape, rules.stamps)),
        before=re.compile(rf"(?<!\w)(?:{_any_of(rules.before)})\W*$"),
        after=re.compile(rf"\W*(?:{_any_of(rules.after)})(?!\w)"),
        label=re.compile(
            rf"^[^\w\n]{{0,9}}(?:{labels}) ?[:=–-] ?([^\n]{{1,{_WINDOW}}})$",
            re.MULTILINE | re.IGNORECASE,
        ),
        number=re.compile(r"^[^\w\n]{0,9}Số ?[:.]? ?(\S{1,60})$", re.MULTILINE | re.IGNORECASE),
        notations=rules.notations,
    )


def _any_of(words: Sequence[str]) -> str:
    return "|".join(map(re.escape, words))


def _shape(stamp: Stamp) -> _Shape:
    letters = stamp.mark.replace(" ", "")
    words = " ".join(" ?".join(word) for word in stamp.mark.split())
    return _Shape(
        mark=stamp.mark,
        letters=letters,
        spoilt=frozenset({_bare(letters, _TONES), _bare(letters)} - {letters}),
        legacy=frozenset(_NOT_A_LETTER.sub("", each).lower() for each in stamp.legacy),
        inside=re.compile(rf"(?<!\w){words}(?!\w)", re.IGNORECASE),
    )


def _bare(letters: str, marks: frozenset[str] | None = None) -> str:
    """Return letters without these marks; without any, if none are named."""
    kept = (
        each
        for each in normalize("NFD", letters)
        if not (each in marks if marks else combining(each))
    )
    bare = normalize("NFC", "".join(kept))
    return bare if marks else bare.replace("Đ", "D")
