"""Who may do what, for whom, and what the others are told."""

from itertools import product
from pathlib import Path

import pytest

from hoatoc.domain.access import (
    BEGINNING,
    TABLE,
    AccessDenied,
    Action,
    Caller,
    Denial,
    Doubt,
    NotFound,
    Reach,
    Role,
    Thing,
    TooManyRequests,
    Unauthenticated,
    find,
    permit,
    reach_of,
)
from hoatoc.domain.error import HoatocError
from hoatoc.domain.identity import OrganCode

EVERY = [*product(Role, Action)]
OWN, BELOW, FOREIGN = OrganCode("H16"), OrganCode("H16.05"), OrganCode("H17")
READS_DOCUMENTS = {
    Action.READ_DISPATCH, Action.SEARCH, Action.RECEIPT, Action.READ_STATUSES, Action.READ_INBOX,
    Action.READ_DELIVERY, Action.TAKE_CONTENT, Action.BACKLOG, Action.COUNTS,
}  # fmt: skip
CHANGES = {
    Action.HAND_OVER, Action.RECALL, Action.RESEND, Action.ANSWER, Action.REGISTRY_WRITE,
    Action.KEY_ISSUE, Action.KEY_ROTATE, Action.KEY_REVOKE,
}  # fmt: skip


def caller(*roles: Role, halted: frozenset[OrganCode] = frozenset()) -> Caller:
    scope = frozenset({OWN, BELOW})
    return Caller(credential="c1", organ=OWN, roles=frozenset(roles), scope=scope, halted=halted)


def allowed(role: Role, action: Action, organ: OrganCode) -> bool:
    try:
        permit(caller(role), action, organ)
    except AccessDenied:
        return False
    return True


def test_the_table_names_every_role_and_every_action() -> None:
    assert set(EVERY) == set(TABLE)


@pytest.mark.parametrize(("role", "action"), EVERY)
def test_a_role_acts_as_far_as_the_table_says(role: Role, action: Action) -> None:
    reach = TABLE[role, action]
    expected = [reach is not Reach.NOTHING] * 2 + [reach is Reach.SHARED]
    assert expected == [allowed(role, action, organ) for organ in (OWN, BELOW, FOREIGN)]


@pytest.mark.parametrize("action", [*Action])
def test_no_roles_together_reach_a_foreign_organ(action: Action) -> None:
    everything = caller(*Role)
    if action is Action.REGISTRY_READ:
        permit(everything, action, FOREIGN)
        return
    with pytest.raises(AccessDenied) as denied:
        permit(everything, action, FOREIGN)
    assert Denial.SCOPE == denied.value.denial


@pytest.mark.parametrize("action", [*Action])
def test_a_credential_without_roles_may_do_nothing(action: Action) -> None:
    with pytest.raises(AccessDenied) as denied:
        permit(caller(), action, OWN)
    assert Denial.ROLE == denied.value.denial


def test_several_roles_reach_as_far_as_the_farthest_of_them() -> None:
    roles = (Role.SENDER, Role.RECIPIENT)
    for action in Action:
        order = (Reach.NOTHING, Reach.SCOPE, Reach.SHARED)
        farthest = max((TABLE[role, action] for role in roles), key=order.index)
        assert farthest == reach_of(roles, action)


def test_who_audits_and_who_watches_changes_nothing() -> None:
    for role in (Role.AUDITOR, Role.OPERATOR):
        assert [] == [each for each in CHANGES if TABLE[role, each] is not Reach.NOTHING]


def test_who_gives_out_credentials_reads_no_document() -> None:
    reads = [each for each in READS_DOCUMENTS if TABLE[Role.ADMINISTRATOR, each] != Reach.NOTHING]
    assert [] == reads


def test_only_sender_and_recipient_take_content() -> None:
    takes = {role for role in Role if TABLE[role, Action.TAKE_CONTENT] is not Reach.NOTHING}
    assert {Role.SENDER, Role.RECIPIENT} == takes


@pytest.mark.parametrize(("role", "action"), EVERY)
def test_a_foreign_thing_and_one_that_is_not_there_are_told_alike(
    role: Role, action: Action
) -> None:
    told = []
    for parties in ([FOREIGN], []):
        with pytest.raises(HoatocError) as refused:
            find(caller(role), action, Thing.DISPATCH, "0189", parties)
        told.append((type(refused.value), str(refused.value)))
    expected = AccessDenied if TABLE[role, action] is Reach.NOTHING else NotFound
    assert [expected] * 2 == [kind for kind, _ in told]
    assert told[0] == told[1]


def test_a_role_that_is_missing_is_told_before_anything_of_the_thing() -> None:
    told = []
    for parties in ([OWN], [FOREIGN], []):
        with pytest.raises(AccessDenied) as denied:
            find(caller(Role.SENDER), Action.ANSWER, Thing.DELIVERY, "0189", parties)
        told.append(str(denied.value))
    assert 1 == len(set(told))


def test_of_a_shared_thing_the_own_parties_are_found() -> None:
    found = find(
        caller(Role.SENDER), Action.READ_DELIVERY, Thing.DELIVERY, "0189", [FOREIGN, BELOW]
    )
    assert frozenset({BELOW}) == found


@pytest.mark.parametrize("action", [*Action])
def test_a_halted_organ_begins_nothing_and_finishes_what_it_has(action: Action) -> None:
    locked = caller(*Role, halted=frozenset({BELOW}))
    permit(locked, action, OWN)
    if action in BEGINNING:
        with pytest.raises(AccessDenied) as denied:
            permit(locked, action, BELOW)
        assert Denial.HALTED == denied.value.denial
        with pytest.raises(AccessDenied):
            find(locked, action, Thing.DISPATCH, "0189", [BELOW])
    else:
        permit(locked, action, BELOW)
        assert {BELOW} == find(locked, action, Thing.DISPATCH, "0189", [BELOW])


@pytest.mark.parametrize(
    "error",
    [
        *map(Unauthenticated, Doubt),
        *(AccessDenied(denial, Action.ANSWER, OWN) for denial in Denial),
        *(NotFound(thing, "0189") for thing in Thing),
        TooManyRequests(3),
    ],
    ids=str,
)
def test_every_refusal_speaks_vietnamese_and_english(error: HoatocError) -> None:
    vietnamese, slash, english = str(error).partition(" / ")
    assert " / " == slash
    assert vietnamese.endswith(".")
    assert english.endswith(".")
    assert english.isascii() or "“" in english


def test_a_missing_role_is_named_with_those_that_have_it() -> None:
    with pytest.raises(AccessDenied, match="vai trò: nhận văn bản \\(recipient\\)"):
        permit(caller(Role.SENDER), Action.ANSWER, OWN)


def test_what_a_peer_wrote_is_shown_short_and_printable() -> None:
    told = str(NotFound(Thing.DISPATCH, "a\x00b\ud800\n" + "x" * 5000))
    assert "«a�b��xxx" in told
    assert len(told) < 700
    told.encode()


def test_only_too_many_requests_is_worth_trying_again() -> None:
    errors: list[type[HoatocError]] = [Unauthenticated, AccessDenied, NotFound, TooManyRequests]
    assert [False, False, False, True] == [error.retriable for error in errors]


def test_the_table_is_documented_as_it_is() -> None:
    page = (Path(__file__).parents[2] / "docs" / "parts" / "access.md").read_text("utf-8")
    shown = {Reach.NOTHING: "-", Reach.SCOPE: "scope", Reach.SHARED: "shared"}
    rows = [
        "| " + " | ".join([action, *(shown[TABLE[role, action]] for role in Role)]) + " |"
        for action in Action
    ]
    head = "| " + " | ".join(["action", *Role]) + " |"
    assert "\n".join([head, "|---" * 6 + "|", *rows]) in page
