"""Facts about the example letters."""

from datetime import date
from importlib.resources import files
from pathlib import Path

import pytest

from hoatoc.domain.check import Severity, check
from hoatoc.domain.edxml import read_packet
from hoatoc.domain.registry import Registry, parse_organs
from hoatoc.example import LETTERS, Letter, load_letters, main

PACKETS = LETTERS.parent / "packets"
ORGANS = parse_organs((files("hoatoc") / "data" / "organs.csv").read_text(encoding="utf-8"))
EXAMPLES = {letter.name: letter for letter in load_letters(LETTERS, ORGANS)}


def test_there_are_the_four_letters_and_the_article() -> None:
    names = [
        "807-vpcp-kstt",
        "dak-nong",
        "kien-giang-142",
        "news-807",
        "quang-tri-1473",
    ]
    assert list(EXAMPLES) == names


def test_the_stored_packets_are_the_generated_ones(tmp_path: Path) -> None:
    main(tmp_path)
    generated = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert generated == {path.name: path.read_bytes() for path in PACKETS.iterdir()}


@pytest.mark.parametrize("letter", EXAMPLES.values(), ids=EXAMPLES)
def test_a_stored_packet_reads_as_its_letter(letter: Letter) -> None:
    assert read_packet((PACKETS / f"{letter.name}.edxml").read_bytes()) == letter.packet


@pytest.mark.parametrize("letter", EXAMPLES.values(), ids=EXAMPLES)
def test_a_letter_passes_every_check(letter: Letter) -> None:
    findings = check(letter.packet, Registry(ORGANS), date(2021, 3, 1))
    assert [] == [each.code for each in findings if each.severity is Severity.REFUSE]


@pytest.mark.parametrize("letter", EXAMPLES.values(), ids=EXAMPLES)
def test_the_text_of_a_letter_is_its_attachment(letter: Letter) -> None:
    text = (LETTERS / letter.name / "text.txt").read_bytes()
    assert [each.content for each in letter.packet.attachments] == [text]


def test_807_goes_to_every_organ_but_its_sender() -> None:
    packet = EXAMPLES["807-vpcp-kstt"].packet
    codes = {party.code for party in packet.recipients}
    assert codes == {organ.code for organ in ORGANS} - {"G22"}


def test_one_letter_is_express_and_one_urgent() -> None:
    priorities = sorted(letter.packet.priority for letter in EXAMPLES.values())
    assert priorities == [0, 0, 0, 1, 3]


@pytest.mark.parametrize("letter", EXAMPLES.values(), ids=EXAMPLES)
def test_every_letter_says_that_its_urgency_is_illustrative(letter: Letter) -> None:
    assert "priority" in letter.illustrative
