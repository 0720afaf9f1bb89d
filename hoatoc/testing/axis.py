"""The façade for tests: the real one, asked as its clients ask, on a line of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from hoatoc.domain.access import Role
from hoatoc.domain.identity import OrganCode
from hoatoc.domain.packet import Party, ResponseFor, StatusPacket
from hoatoc.postgres.credential import CredentialTables, NewPair, Terms
from hoatoc.postgres.facade import recall_entry_id
from hoatoc.seal import Seal
from hoatoc.testing.gateway import gateway_on
from hoatoc.testing.line import ORGANS, Line, eventually
from hoatoc.testing.vxp_client import Result, VxpClient

HANDING = {"servicetype": "eDoc", "messagetype": "edoc"}
REPORTING = {"servicetype": "eDoc", "messagetype": "status"}


def secret_of(system_id: str) -> str:
    """Return the secret of a system of these tests."""
    return 8 * system_id


async def paired(line: Line, organ: str, *roles: Role, system_id: str = "") -> None:
    """Issue the HMAC pair of an organ; without roles it has both of an agency."""
    both = (Role.SENDER, Role.RECIPIENT)
    terms = Terms(organ=OrganCode(organ), roles=frozenset(roles or both), by="test")
    pair = NewPair(system_id or organ, secret_of(system_id or organ))
    tables = CredentialTables(line.database, Seal(line.settings.seal_key))
    await tables.issue(terms, pair)


async def asked(call: Callable[..., Result], *words: Any, **headers: str) -> dict[str, Any]:
    """Call as the official client does, which blocks; its null fails the test."""
    said = await asyncio.to_thread(call, *words, **headers)
    if said is None:
        raise AssertionError("null: the outcome is unknown")
    return said


async def done(call: Callable[..., Result], *words: Any, **headers: str) -> dict[str, Any]:
    """Call as the official client does; anything but success fails the test."""
    said = await asked(call, *words, **headers)
    if said["ErrorCode"] != "0":
        raise AssertionError(said)
    return said


BOOKED_S = 120.0
"""how long a ledger that begins in the group of one that was killed may take to book"""


@dataclass(frozen=True, slots=True)
class Axis:
    """A gateway with its façade."""

    line: Line
    url: str

    def client(self, organ: str, secret: str | None = None, **more: Any) -> VxpClient:
        """Return an official client of an organ's system."""
        return VxpClient(f"{self.url}/vxp", organ, secret or secret_of(organ), **more)

    async def sent(self, packet: bytes, organ: str) -> str:
        """Hand a packet over and return its DocId."""
        said = await done(self.client(organ).send, packet, from_=organ, **HANDING)
        return str(said["DocId"])

    async def reported(self, packet: bytes, organ: str) -> str:
        """Report a status packet and return its DocId."""
        said = await done(self.client(organ).send, packet, from_=organ, **REPORTING)
        return str(said["DocId"])

    async def listed(self, organ: str, kind: str = "edoc") -> list[dict[str, Any]]:
        """Return what waits for an organ."""
        said = await done(self.client(organ).get_received, servicetype="eDoc", messagetype=kind)
        return list(said["data"])

    async def waiting(self, organ: str, doc_id: str) -> str:
        """Return under which docId a document waits for a recipient, once it does."""

        async def there() -> str | None:
            rows = await self.line.database.fetch(
                "SELECT delivery_id FROM handover_recipient WHERE dispatch_id = $1", UUID(doc_id)
            )
            own = {str(row["delivery_id"]) for row in rows}
            found = [each["docId"] for each in await self.listed(organ) if each["docId"] in own]
            return found[0] if found else None

        return await eventually(there)

    async def about(self, organ: str, doc_id: str) -> list[dict[str, Any]]:
        """Return the statuses that wait for an organ and are about one document."""
        fetch = self.line.database.fetch
        told = await fetch(
            "SELECT status_id FROM facade_status WHERE dispatch_id = $1", UUID(doc_id)
        )
        sent = await fetch(
            "SELECT delivery_id FROM handover_recipient WHERE dispatch_id = $1", UUID(doc_id)
        )
        own = {str(row["status_id"]) for row in told}
        own |= {str(recall_entry_id(row["delivery_id"])) for row in sent}
        return [each for each in await self.listed(organ, "status") if each["docId"] in own]

    async def status_of(self, organ: str, doc_id: str) -> dict[str, Any]:
        """Return a status about a document that waits for an organ, once there is one."""

        async def there() -> dict[str, Any] | None:
            # Listed first: what is drawn from the books is drawn when it is asked for.
            await self.listed(organ, "status")
            return next(iter(await self.about(organ, doc_id)), None)

        return await eventually(there, BOOKED_S)


def status(reporter: str, organ: str, number: str, code: str, words: str = "") -> StatusPacket:
    """Return a status packet about a letter of `hoatoc.testing.agency`."""
    sender = reporter if code == "13" else organ
    return StatusPacket(
        sender=Party(code=reporter, name=reporter),
        response_for=ResponseFor(
            organ=organ,
            code=f"{number}/UBND-VP",
            document_id=f"{sender},2021/03/02,{number}/UBND-VP",
        ),
        code=code,
        description=words,
        at="2021/03/03 08:00:00",
    )


@asynccontextmanager
async def axis_on(line: Line, **changes: object) -> AsyncIterator[Axis]:
    """Run a gateway with its façade on a line, with its relay and its ledger."""
    for organ in ORGANS:
        await paired(line, organ.code)
    async with (
        line.program("relay"),
        line.program("ledger"),
        gateway_on(line.settings, **changes) as url,
    ):
        yield Axis(line, url)


async def refused(call: Callable[..., Any], *words: Any, **headers: str) -> tuple[str, str]:
    """Return code and name of a refusal; a reply that cannot be read fails the test."""
    said = await asked(call, *words, **headers)
    if said["status"] != "FAIL":
        raise AssertionError(said)
    return said["ErrorCode"], said["ErrorDesc"].partition(":")[0]
