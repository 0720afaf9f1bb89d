"""Credentials, whatever is done to them in whatever order: who is let in is as it must be.

The rules are told here a second time, by a model that keeps everything in memory. Time passes by
moving back what was written.
"""

import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from hoatoc.domain.access import Doubt, Role, Unauthenticated
from hoatoc.domain.credential import ApiKey, Pair, Presented
from hoatoc.domain.identity import OrganCode
from hoatoc.domain.registry import Certainty, Organ
from hoatoc.postgres.credential import (
    CredentialOver,
    CredentialTables,
    Issued,
    MeansTaken,
    NewKey,
    NewPair,
    Rotation,
    Terms,
)
from hoatoc.postgres.keyring import Keyring
from hoatoc.postgres.registry import RegistryCache, RegistryTables
from hoatoc.seal import Seal
from hoatoc.testing.profile import BOUNDED
from hoatoc.testing.twin import Twins

ORGANS = [OrganCode("H16"), OrganCode("H17")]
SYSTEMS = ["axis", "provincial"]
ANY = st.integers(0, 100)


@dataclass(frozen=True, slots=True)
class Known:
    """A credential as the model has it; `chain` is the first of those that it replaces."""

    issued: Issued
    organ: OrganCode
    chain: str
    until: float | None = None
    revoked: bool = False
    replaced: bool = False

    def over(self, now: float) -> Doubt | None:
        """Return why it is over."""
        if self.revoked:
            return Doubt.REVOKED
        return Doubt.EXPIRED if self.until is not None and self.until <= now else None

    @property
    def shown(self) -> Presented:
        """Return what its holder shows."""
        if self.issued.system_id:
            return Pair.showing(self.issued.system_id, self.issued.secret)
        return ApiKey.of(self.issued.secret)


class Credentials(RuleBasedStateMachine):
    """Credentials of two organs, and two system ids that both want."""

    dsn: str

    def __init__(self) -> None:
        super().__init__()
        self.twins = Twins(self.dsn)
        self.twins.open(())
        connection = self.twins.real[0]
        self.run(connection.execute("TRUNCATE credential, access_audit"))
        organs = [Organ(code, "", code, "", "", Certainty.MEMORY) for code in ORGANS]
        self.run(RegistryTables(connection).add_organs(organs))
        self.folder = tempfile.TemporaryDirectory(prefix="hoatoc-test-")
        seal = Seal(Path(self.folder.name) / "credential-key")
        self.tables = CredentialTables(connection, seal)
        self.keyring = Keyring(seal, RegistryCache(), lambda: date(2026, 11, 25))
        self.now = 0.0
        self.known: list[Known] = []

    def teardown(self) -> None:
        self.twins.close()
        self.folder.cleanup()

    def run(self, step: Any) -> Any:
        return self.twins.run(step)

    def live(self) -> list[Known]:
        return [each for each in self.known if each.over(self.now) is None]

    @rule(organ=st.sampled_from(ORGANS), system=st.sampled_from(["", "", *SYSTEMS]))
    def issue(self, organ: OrganCode, system: str) -> None:
        terms = Terms(organ=organ, roles=frozenset({Role.SENDER}), by="an")
        held = [e for e in self.known if e.issued.system_id == system and not e.revoked]
        taken = system and any(e.over(self.now) is None or not e.replaced for e in held)
        step = self.tables.issue(terms, NewPair(system) if system else NewKey())
        if taken:
            with pytest.raises(MeansTaken):
                self.run(step)
            return
        issued = self.run(step)
        self.known.append(Known(issued, organ, issued.credential_id))

    @rule(which=ANY, days=st.sampled_from([0, 7]))
    def rotate(self, which: int, days: int) -> None:
        if not self.known:
            return
        at = which % len(self.known)
        old = self.known[at]
        rotation = Rotation(by="an", overlap=timedelta(days=days))
        step = self.tables.rotate(old.issued.credential_id, rotation)
        if old.replaced or old.over(self.now):
            with pytest.raises(CredentialOver):
                self.run(step)
            return
        self.known = [
            replace(e, until=min(e.until or self.now, self.now)) if e.chain == old.chain else e
            for e in self.known
        ]
        until = self.now + days
        self.known[at] = replace(old, replaced=True, until=until)
        self.known.append(Known(self.run(step), old.organ, old.chain))

    @rule(which=ANY)
    def revoke(self, which: int) -> None:
        if not self.known:
            return
        at = which % len(self.known)
        step = self.tables.revoke(self.known[at].issued.credential_id, "-", "an")
        if self.known[at].revoked:
            with pytest.raises(CredentialOver):
                self.run(step)
            return
        self.run(step)
        self.known[at] = replace(self.known[at], revoked=True)

    @rule()
    def four_days_pass(self) -> None:
        self.now += 4
        moved = "UPDATE credential SET valid_until = valid_until - interval '4 days'"
        self.run(self.twins.real[0].execute(moved))

    @invariant()
    def who_is_valid_is_let_in_and_nobody_else(self) -> None:
        for each in self.known:
            over = each.over(self.now)
            step = self.keyring.authenticate(self.twins.real[0], each.shown)
            if over is None:
                caller, _ = self.run(step)
                expected = (each.issued.credential_id, each.organ)
                assert expected == (caller.credential, caller.organ)
                continue
            with pytest.raises(Unauthenticated) as refused:
                self.run(step)
            # of a system id that was used by many, the oldest are forgotten
            assert refused.value.doubt in {over, Doubt.WRONG if each.issued.system_id else over}

    @invariant()
    def two_at_most_are_valid_of_a_chain_and_of_a_system_id(self) -> None:
        chains = Counter(each.chain for each in self.live())
        systems = Counter(each.issued.system_id for each in self.live())
        del systems[""]
        assert all(count <= 2 for count in (*chains.values(), *systems.values()))

    @invariant()
    def a_system_id_leads_to_one_organ(self) -> None:
        pairs = {(e.issued.system_id, e.organ) for e in self.live() if e.issued.system_id}
        assert len(pairs) == len({system for system, _ in pairs})


@pytest.mark.timeout(200)
def test_who_is_let_in_is_as_it_must_be(database_dsn: str) -> None:
    machine = type("CredentialsHere", (Credentials,), {"dsn": database_dsn})
    run_state_machine_as_test(machine, settings=BOUNDED)
