import json
from base64 import b64encode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoatoc.demo.evidence import Copy, Evidence
from hoatoc.demo.scenario import RAISED, RESOLVED, Account, expected
from hoatoc.demo.search import forms, in_folder

PROMPT = ["done", "01", "03", "05"]


def account(*answers: str, late: tuple[str, ...] = (), asked: bool = False) -> Account:
    given_late = [(what, True) for what in late]
    return Account([*((what, False) for what in answers), *given_late], asked_back=asked)


def pages(of: Account) -> set[tuple[str, str]]:
    return {(kind, change) for _, kind, change in expected("copy", of).pages}


@pytest.mark.parametrize(
    ("of", "state", "due"),
    [
        (account(*PROMPT), "accepted", set()),
        (account(), "published", {("arrive", RAISED)}),
        (account("done", "01"), "taken", {("accept", RAISED)}),
        (account("done", "01", "02"), "refused", set()),
        (
            account(late=("done", "01", "03")),
            "accepted",
            {("arrive", RAISED), ("arrive", RESOLVED)},
        ),
        (account("done", late=("03",)), "accepted", {("accept", RAISED), ("accept", RESOLVED)}),
        (account("fail"), "receive-failed", {("receive-failed", RAISED)}),
        (account("done", "01", "15", asked=True), "recalled", set()),
        (account(*PROMPT, "16", asked=True), "accepted", set()),
        (account(*PROMPT, asked=True), "accepted", {("recall", RAISED)}),
        (account("done", asked=True), "taken", {("accept", RAISED), ("recall", RAISED)}),
    ],
)
def test_state_and_pages_follow_from_what_a_recipient_recorded(
    of: Account, state: str, due: set[tuple[str, str]]
) -> None:
    assert (state, due) == (expected("copy", of).state, pages(of))


def test_a_failure_is_over_once_the_letter_was_sent_again() -> None:
    failed = account("fail")
    failed.sent_again = True
    assert {("receive-failed", RAISED), ("receive-failed", RESOLVED)} == pages(failed)


def records(folder: Path, *lines: dict[str, object]) -> Evidence:
    whole = [{"mark": "1/VPCP", "recipient": "H63", **line} for line in lines]
    text = "".join(json.dumps(line) + "\n" for line in whole)
    (folder / "recipients-0.jsonl").write_text(f'{text}{{"half', "utf-8")
    return Evidence.read(folder)


def test_a_second_delivery_of_a_letter_is_another_copy(tmp_path: Path) -> None:
    first = {"delivery": "a", "received": True, "whole": True}
    answered = {"delivery": "a", "answered": "fail", "late": False}
    found = records(tmp_path, first, answered, {**first, "delivery": "b"})
    assert [True, False] == [each.account.sent_again for each in found.received.values()]
    assert ["fail"] == found.received["a"].account.said


def test_a_copy_too_many_a_missing_one_and_an_altered_one_are_faults(tmp_path: Path) -> None:
    line = {"received": True, "whole": True}
    found = records(tmp_path, {**line, "delivery": "a"}, {**line, "delivery": "b", "whole": False})
    assert [
        "1/VPCP → H63: got 2 times, must be 1",
        "2/VPCP → G01: got 0 times, must be 1",
        "807/VPCP-KSTT → H63: got 0 times, must be 1",
        "1/VPCP → H63: not what was handed over",
    ] == found.faults([Copy("1/VPCP", "H63"), Copy("2/VPCP", "G01")])


@given(before=st.binary(max_size=40), after=st.binary(max_size=40))
def test_a_text_is_found_in_base64_wherever_it_begins(before: bytes, after: bytes) -> None:
    text = "0123456789abcdef một dấu"
    encoded = b64encode(before + text.encode() + after)
    assert any(form in encoded for form in forms(text))


def test_the_search_names_the_part_that_holds_the_text(tmp_path: Path) -> None:
    for part, text in (("broker", "a marker of its own"), ("logs", "nothing")):
        (tmp_path / part).mkdir()
        (tmp_path / part / "file.log").write_text(text, "utf-8")
    found = in_folder(tmp_path, forms("a marker of its own"))
    assert {"broker": [tmp_path / "broker" / "file.log"], "logs": []} == found
