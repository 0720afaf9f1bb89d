"""G4 and G5: what the world was told of alerts, and senders of their copies."""

from collections.abc import Mapping
from uuid import UUID

from hoatoc.history.fact import Copy
from hoatoc.history.finding import Findings
from hoatoc.history.report import Guarantee
from hoatoc.history.row import AlertRow
from hoatoc.history.standing import is_forward, states_along
from hoatoc.history.verdict import AlertRows
from hoatoc.history.walk import Walk
from hoatoc.history.witness import Pair, Witness

G4, G5 = Guarantee.G4, Guarantee.G5
NOT_IN_BOOKS = ("unsent", "secret-suspected", "content-lost")
"""kinds of alert that doors and relay raise: they stand in no books"""
Alerts = Mapping[int, AlertRows]
"""The alerts of the books by the number of their subject."""


def version_of(row: AlertRow) -> int:
    """Return the version of an alert as it stands: odd raises, even resolves."""
    return 2 * row.episode + (1 if row.closing is None else 2)


def check_told(alerts: Alerts, witness: Witness, found: Findings) -> None:
    """See that the topic `alerts` tells each alert in order, and ends at what the books say.

    What was over and stood again within one batch is not told: versions may be left out, but the
    last that was told says whether the alert stands (odd) or is over (even).
    """
    told: dict[Pair, list[int]] = {}
    for pair, places in witness.alerted.items():
        versions = list(dict.fromkeys(version for _, _, version in sorted(set(places))))
        told[pair] = versions
        if versions != sorted(versions):
            found.refute(G4, f"the alert {pair[1]} was told in the order {versions}", pair[0])
        _check_known(pair, versions[-1], alerts, "told", found)
    for rows in alerts.values():
        for kind, row in rows.items():
            versions = told.get((row.subject_id, kind), [])
            found.look(G4, "alerts")
            if row.closing is None and (not versions or versions[-1] % 2 == 0):
                said = (
                    f"the alert {kind} of {row.recipient} stands open, and the last that was told"
                )
                last = f"of it is version {versions[-1]}" if versions else "of it is nothing"
                found.refute(G4, f"{said} {last}", row.subject_id, row.partition, row.raised_offset)
            elif versions and row.closing is not None and versions[-1] % 2:
                said = f"the alert {kind} of {row.recipient} is over, which nobody was told"
                found.refute(G4, said, row.subject_id, row.partition, row.raised_offset)


def _check_known(pair: Pair, version: int, alerts: Alerts, what: str, found: Findings) -> None:
    """See that what the world hears of stands in the books."""
    of, kind = pair
    if kind in NOT_IN_BOOKS:
        return
    row = alerts.get(of.int, {}).get(kind)
    if row is None:
        found.refute(G4, f"an alert {kind} was {what} that stands in no books", of)
    elif version > version_of(row):
        said = f"version {version} of the alert {kind} was {what}, the books have {version_of(row)}"
        found.refute(G4, said, of, row.partition, row.raised_offset)


def check_paged(
    alerts: Alerts, witness: Witness, pending: set[tuple[UUID, str, int]], found: Findings
) -> None:
    """See that a person was paged once at most for each version, and for every open alert."""
    taken: dict[Pair, set[int]] = {}
    uses: dict[str, tuple[UUID, str, int]] = {}
    for key, ids in witness.paged.items():
        of, kind, version = key
        found.look(G4, "pages")
        if len(ids) > 1:
            said = f"{len(ids)} pages with ids of their own tell version {version} of {kind}"
            found.refute(G4, said, of)
        for one in ids:
            if uses.setdefault(one, key) != key:
                found.refute(G4, f"the page id {one} stands on two alerts", of)
        if any(ids.values()):
            taken.setdefault((of, kind), set()).add(version)
        _check_known((of, kind), version, alerts, "paged", found)
    waiting: dict[Pair, set[int]] = {}
    for of, kind, version in pending:
        waiting.setdefault((of, kind), set()).add(version)
    for rows in alerts.values():
        for kind, row in rows.items():
            pair, nothing = (row.subject_id, kind), set[int]()
            _check_page(row, taken.get(pair, nothing), waiting.get(pair, nothing), found)


def _check_page(row: AlertRow, taken: set[int], waiting: set[int], found: Findings) -> None:
    last = max(taken | waiting, default=0)
    of, kind = row.subject_id, row.kind
    if row.closing is None and last % 2 == 0:
        said = f"the alert {kind} of {row.recipient} stands open, and nobody was paged for it"
        found.refute(G4, said, of, row.partition, row.raised_offset)
    elif row.closing is not None and last in taken and last % 2:
        said = f"a person was paged for the alert {kind} of {row.recipient}, not that it is over"
        found.refute(G4, said, of, row.partition, row.raised_offset)


def check_told_states(
    walk: Walk, states: Mapping[int, tuple[str, int]], witness: Witness, found: Findings
) -> None:
    """See that senders are told what became of their copies, forward and to the end."""
    for note in witness.told_otherwise:
        said = f"{note.sender} was told {note.state} under version {note.version}, told before"
        found.refute(G5, said, note.delivery_id)
    for of, by_version in witness.told.items():
        story = sorted(by_version.items())
        found.look(G5, "states told", len(story))
        if of not in walk.copies:
            found.refute(G5, "a sender was told of a copy that is not in the log", UUID(int=of))
            continue
        if not is_forward([state for _, state in story]):
            said = " → ".join(f"{state} ({version})" for version, state in story)
            found.refute(G5, f"a sender was told that a copy went back: {said}", UUID(int=of))
        _check_story(walk.copies[of], story, found)
    for of, (state, version) in states.items():
        told = witness.told.get(of, {})
        if not told or max(told) != version:
            last = f"version {max(told)}" if told else "nothing"
            said = f"the books say {state} (version {version}), its sender was told {last}"
            found.refute(G5, said, UUID(int=of))


def _check_story(copy: Copy, story: list[tuple[int, str]], found: Findings) -> None:
    """See that each state told is the one that the log says at the fact that its version names."""
    says = dict(states_along(copy.facts))
    for version, told in story:
        if says.get(version) != told:
            known = says.get(version, "nothing")
            said = (
                f"a sender was told {told} of the copy for {copy.recipient}, the log says {known}"
            )
            found.refute(G5, said, copy.delivery_id, copy.partition, version)
