"""The registry, file by file, against rows of text that are searched from end to end.

Files name some organs or all, in some columns, as CSV or JSON: organs come, get other codes, hubs
and successors, are locked, end and come back. A file that would make it unsound is refused whole.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from hoatoc.domain.registry import Group, Reason, Registry, RegistryInvalid, Resolved
from hoatoc.domain.registry.change import Plan, plan_change
from hoatoc.domain.registry.field import COLUMNS
from hoatoc.domain.registry.file import (
    Sheet,
    parse_organs,
    read_csv,
    read_json,
    text_in_file,
    write_csv,
    write_json,
)
from hoatoc.testing.profile import DOMAIN

Row = dict[str, str]
"""An organ as a file has it."""

CODES = ("H01", "H02", "H03", "H04")
CODE102S = ("000.00.00.H01", "000.00.00.H02")
ALIASES = ("000.00.00.H01", "h03", "old-1", "OLD-1", "H04")
SPELLINGS = (*CODES, *CODE102S, *ALIASES[1:4], " H01 ", "h01", "old-1 ", "H09", "")
DAYS = [date(2025, 7, 1) + timedelta(days=n) for n in range(4)]
NEVER, EVER = "0001-01-01", "9999-12-31"
GROUPS = {"tinh": Group(vietnamese="tỉnh", english="provinces", prefix="H")}
CELLS = {
    "code102": st.sampled_from(["", *CODE102S]),
    "name": st.just("Sở"),
    "certainty": st.sampled_from(["memory", "verified"]),
    "aliases": st.lists(st.sampled_from(ALIASES), max_size=2).map(" ".join),
    "hub": st.sampled_from(["", *CODES]),
    "parent": st.sampled_from(["", "", *CODES]),
    "valid_from": st.sampled_from(["", "", *map(str, DAYS)]),
    "valid_to": st.sampled_from(["", "", *map(str, DAYS)]),
    "successor": st.sampled_from(["", *CODES]),
    "locked": st.sampled_from(["", "1"]),
    "test": st.sampled_from(["", "", "1"]),
}
NEW = {"name", "certainty"}
CODE, COLUMN = st.sampled_from(CODES), st.sampled_from(sorted(CELLS))


def codes(row: Row) -> list[str]:
    return [row["code"], *row["code102"].split(), *row["aliases"].split()]


def chain(rows: dict[str, Row], code: str, field: str) -> Iterator[str]:
    """Follow a field; what comes back to its beginning is followed for long enough."""
    for _ in range(len(rows) + 2):
        yield code
        code = rows[code][field]
        if not code:
            return


def is_sound(rows: dict[str, Row]) -> bool:
    every = [code for row in rows.values() for code in codes(row)]
    links = [row[field] for row in rows.values() for field in ("hub", "parent", "successor")]
    if len(set(every)) < len(every) or not {*links} <= {"", *rows}:
        return False
    for code, row in rows.items():
        last = row["valid_to"] or EVER
        if last < row["valid_from"] or (row["successor"] and not row["valid_to"]):
            return False
        if row["hub"] and last > (rows[row["hub"]]["valid_to"] or EVER):
            return False
        if any(len(list(chain(rows, code, f))) > len(rows) for f in ("hub", "parent", "successor")):
            return False
    return True


def sheet_of(cells: Sequence[Row], *, as_json: bool) -> Sheet:
    if as_json:
        return read_json(json.dumps(cells))
    return read_csv("\n".join(map(",".join, [cells[0], *(row.values() for row in cells)])))


class Registries(RuleBasedStateMachine):
    """A registry that files change, from day to day."""

    def __init__(self) -> None:
        super().__init__()
        self.registry = Registry([], GROUPS)
        self.rows: dict[str, Row] = {}
        self.today = DAYS[0]

    def write(self, cells: Sequence[Row], *, complete: bool = False, as_json: bool = False) -> None:
        """Bring a file of these rows, of the same columns all."""
        after, plan = self.after(cells, complete), None
        sheet = sheet_of(cells, as_json=as_json)
        with suppress(RegistryInvalid):
            plan = plan_change(self.registry, sheet, complete=complete, today=self.today)
        assert (plan is not None) == (after is not None and is_sound(after))
        if plan is None or after is None:
            return
        self.says_what_changes(plan, [row["code"] for row in cells], after)
        written = {organ.code: organ for organ in (*self.registry.organs, *plan.organs())}
        self.registry, self.rows = Registry(written.values(), GROUPS), after

    def says_what_changes(self, plan: Plan, named: list[str], after: dict[str, Row]) -> None:
        before = self.rows
        changed = [code for code, row in before.items() if row != after[code]]
        assert [code for code in named if code not in before] == [o.code for o in plan.added]
        assert [c for c in named if c in changed] == [each.after.code for each in plan.changed]
        assert [c for c in changed if c not in named] == [each.after.code for each in plan.ended]
        assert len(named) - len(plan.added) - len(plan.changed) == plan.unchanged

    def after(self, cells: Sequence[Row], complete: bool) -> dict[str, Row] | None:
        """Return the rows that a file leaves; none where a new organ has too few columns."""
        after = {code: dict(row) for code, row in self.rows.items()}
        for row in cells:
            if row["code"] not in after and not row.keys() >= NEW:
                return None
            kept = after.get(row["code"], dict.fromkeys(COLUMNS, ""))
            aliases = row.get("aliases", kept["aliases"])
            after[row["code"]] = {**kept, **row, "aliases": " ".join(sorted(aliases.split()))}
        for code in after.keys() - {row["code"] for row in cells} if complete else ():
            row, today = after[code], str(self.today)
            if (row["valid_from"] or NEVER) <= today < (row["valid_to"] or EVER):
                row["valid_to"] = today
        return after

    @initialize(hub=st.sampled_from(["", "H01"]))
    def begin(self, hub: str) -> None:
        new = {"name": "Sở", "certainty": "memory"}
        hubs = {"H01": "", "H02": hub, "H03": hub and "H02"}
        self.write([{"code": code, "hub": of, **new} for code, of in hubs.items()])

    @rule(code=CODE, code102=CELLS["code102"])
    def add(self, code: str, code102: str) -> None:
        self.write([{"code": code, "code102": code102, "name": "Sở", "certainty": "memory"}])

    @rule(code=CODE, data=st.data())
    def give_hub(self, code: str, data: st.DataObject) -> None:
        self.write([{"code": code, "hub": data.draw(st.sampled_from(["", *self.rows]))}])

    @rule(code=CODE, column=COLUMN, data=st.data())
    def change(self, code: str, column: str, data: st.DataObject) -> None:
        self.write([{"code": code, column: data.draw(CELLS[column])}])

    @rule(code=CODE, last=st.sampled_from(DAYS), data=st.data())
    def end(self, code: str, last: date, data: st.DataObject) -> None:
        """End an organ, which may have a successor, and all that use its connection."""
        heir = data.draw(st.sampled_from(["", *self.rows]))
        through = [c for c in self.rows if c != code and code in chain(self.rows, c, "hub")]
        heirs = [(code, heir), *((each, "") for each in through)]
        self.write([{"code": c, "valid_to": str(last), "successor": h} for c, h in heirs])

    @rule(code=CODE)
    def come_back(self, code: str) -> None:
        self.write([{"code": code, "valid_to": "", "successor": ""}])

    @rule(one=CODE, other=CODE, alias=st.sampled_from(ALIASES))
    def move_alias(self, one: str, other: str, alias: str) -> None:
        if one != other:
            self.write([{"code": one, "aliases": ""}, {"code": other, "aliases": alias}])

    @rule(
        which=st.lists(CODE, unique=True, min_size=1),
        columns=st.sets(COLUMN, max_size=2),
        flags=st.tuples(st.booleans(), st.booleans(), st.booleans()),
        data=st.data(),
    )
    def bring(
        self,
        which: list[str],
        columns: set[str],
        flags: tuple[bool, bool, bool],
        data: st.DataObject,
    ) -> None:
        """Bring a file of several organs."""
        whole, complete, as_json = flags
        names = sorted(columns | NEW if whole else columns)
        cells = [{"code": c, **{name: data.draw(CELLS[name]) for name in names}} for c in which]
        self.write(cells, complete=complete, as_json=as_json)

    @rule(day=st.sampled_from(DAYS))
    def pass_time(self, day: date) -> None:
        self.today = max(self.today, day)

    @invariant()
    def holds_what_the_rows_hold(self) -> None:
        held = [{n: text_in_file(getattr(o, n)) for n in COLUMNS} for o in self.registry.organs]
        assert list(self.rows.values()) == held

    @rule()
    def what_is_written_changes_nothing(self) -> None:
        organs = self.registry.organs
        assert parse_organs(write_csv(organs)) == organs
        for sheet in (read_csv(write_csv(organs)), read_json(write_json(organs))):
            if organs:
                plan = plan_change(self.registry, sheet, complete=True, today=self.today)
                assert (plan.organs(), plan.unchanged) == ((), len(organs))

    def named(self, written: str) -> str | None:
        """Return the organ that has a code."""
        for spelling in (written.strip(), written.strip().upper()):
            for row in self.rows.values():
                if spelling in codes(row):
                    return row["code"]
        return None

    def meant(self, named: str, on: date) -> str:
        """Return the organ that stands for one on a day."""
        heirs = list(chain(self.rows, named, "successor"))
        return next((h for h in heirs if str(on) <= (self.rows[h]["valid_to"] or EVER)), heirs[-1])

    def said(self, written: str, named: str, meant: str, on: date) -> Reason | None:
        row = self.rows[meant]
        own = {row["code"], row["code102"]}
        reasons = {
            Reason.ENDED: str(on) > (row["valid_to"] or EVER),
            Reason.NOT_YET_VALID: str(on) < row["valid_from"],
            Reason.LOCKED: bool(row["locked"]),
            Reason.TEST: bool(row["test"]),
            Reason.SUCCEEDED: named != meant,
            Reason.ALIAS: written.strip() not in own and written.strip().upper() not in own,
        }
        return next((reason for reason in Reason if reasons[reason]), None)

    @invariant()
    def a_code_means_whom_the_rows_lead_to(self) -> None:
        for written in SPELLINGS:
            named = self.named(written)
            for on in DAYS:
                found = self.registry.resolve(written, on)
                assert (found is None) == (named is None)
                if found is None or named is None:
                    continue
                assert self.meant(named, on) == found.organ.code
                reason = found.notice.reason if found.notice else None
                assert self.said(written, named, found.organ.code, on) == reason
                self.goes_to_its_hub(found, on)

    def goes_to_its_hub(self, found: Resolved, on: date) -> None:
        *_, hub = chain(self.rows, found.organ.code, "hub")
        assert hub == self.registry.connection(found.organ)
        if not found.organ.has_ended(on):
            assert not self.registry[hub].has_ended(on)

    @invariant()
    def a_list_means_each_organ_once(self) -> None:
        owners = {name: owner for name in SPELLINGS[::-1] if (owner := self.named(name))}
        meant = [self.meant(owner, self.today) for owner in owners.values()]
        standing = [
            code
            for code, row in self.rows.items()
            if row["valid_from"] <= str(self.today) <= (row["valid_to"] or EVER)
            if not row["test"]
        ]
        found = self.registry.recipients(["@tinh", *owners], self.today)
        assert list(dict.fromkeys([*standing, *meant])) == [each.organ.code for each in found]


Registries.TestCase.settings = DOMAIN
TestRegistries = Registries.TestCase
