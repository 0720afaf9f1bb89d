"""Who calls: by the signed headers of the axis, or by the pair of the provincial dialect."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.requests import Request

from hoatoc.domain.access import AccessDenied, Action, Caller, NotFound, Thing, find, permit
from hoatoc.domain.credential import Pair
from hoatoc.domain.error import Unavailable
from hoatoc.domain.identity import OrganCode
from hoatoc.domain.page import VIETNAM
from hoatoc.domain.registry import OrganUnknown, Registry
from hoatoc.domain.vxp.header import Call, read_call
from hoatoc.domain.vxp.provincial import SECRET, SYSTEM_ID
from hoatoc.domain.vxp.timestamp import require_fresh
from hoatoc.postgres.access_audit import AuditTables, Deed, Outcome
from hoatoc.postgres.connection import Connection
from hoatoc.postgres.facade import FacadeTables
from producers.gateway.speaking import Speaking
from producers.gateway.state import Gateway

DOOR = "vxp"


class SenderUnknown(OrganUnknown):
    """No organ has the code of the one that something is said to come from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A caller, the connection points whose lists it reads, and the registry of the moment."""

    caller: Caller
    points: tuple[OrganCode, ...]
    registry: Registry

    @property
    def speaking(self) -> Speaking:
        """Return the caller as the other routes of the gateway have it."""
        organ = self.caller.organ
        return Speaking(caller=self.caller, organ=organ, named=False, registry=self.registry)

    def organ(self, code: str) -> OrganCode:
        """Return whom a code means today, under its registered code; raises OrganUnknown."""
        return self._resolved(code, OrganUnknown)

    def sender(self, code: str) -> OrganCode:
        """Return the same of the one that something comes from; raises SenderUnknown."""
        return self._resolved(code, SenderUnknown)

    def _resolved(self, code: str, unknown: type[OrganUnknown]) -> OrganCode:
        resolved = self.registry.resolve(code, datetime.now(VIETNAM).date())
        if resolved is None:
            raise unknown(code)
        return resolved.organ.code

    def permit(self, action: Action, organ: str = "") -> None:
        """Raise AccessDenied where the caller may not do this for an organ, or for its own."""
        permit(self.caller, action, OrganCode(organ) if organ else self.caller.organ)

    def find(self, action: Action, wanted: object, parties: Iterable[str]) -> None:
        """Raise NotFound where a packet is not the caller's, AccessDenied where no role fits."""
        find(self.caller, action, Thing.DOCUMENT, str(wanted), map(OrganCode, parties))

    async def note(
        self, connection: Connection, action: Action, organ: str, subject: object, detail: str = ""
    ) -> None:
        """Write down what the caller did."""
        outcome = Outcome.REPEATED if detail == Outcome.REPEATED else Outcome.DONE
        deed = Deed(door=DOOR, action=action, organ=organ, subject=str(subject), outcome=outcome)
        await AuditTables(connection).note(self.caller, deed)


class Callers:
    """Tells callers; notes once which connection points speak this interface."""

    def __init__(self, here: Gateway) -> None:
        self._here, self._noted = here, set[str]()
        settings = here.settings.facade
        self._age = timedelta(seconds=settings.timestamp_age_s)
        self._ahead = timedelta(seconds=settings.timestamp_ahead_s)

    async def of_axis(self, request: Request) -> tuple[Call, Known]:
        """Tell who calls by signed headers, and what was signed.

        Raises HeaderMissing, HeaderInvalid, HeaderAltered, Unauthenticated, TooManyRequests,
        ManyAtOnce, TimestampOld, TimestampAhead.
        """
        call = read_call(request.headers.items())
        pair = Pair.signing(call.system_id, call.signed, call.signature)
        known = await self._known(request, pair)
        require_fresh(call.timestamp, datetime.now(VIETNAM), self._age, self._ahead)
        return call, known

    async def of_province(self, request: Request) -> Known:
        """Tell who calls by the headers of the provincial dialect; raises Unauthenticated."""
        told = request.headers
        return await self.of_pair(request, told.get(SYSTEM_ID, ""), told.get(SECRET, ""))

    async def of_pair(self, request: Request, system_id: str, secret: str) -> Known:
        """Tell who has a system id and its secret; raises Unauthenticated, TooManyRequests."""
        return await self._known(request, Pair.showing(system_id, secret))

    async def _known(self, request: Request, pair: Pair) -> Known:
        here = self._here
        async with here.connection() as connection:
            caller, registry = await here.keys.authenticate(connection, pair)
            here.admit(request, caller.organ)
            points = _points(caller, registry)
            for each in points:
                if each not in self._noted:
                    await FacadeTables(connection).note(each)
                    self._noted.add(each)
        known = Known(caller=caller, points=points, registry=registry)
        request.state.here, request.state.known = here, known
        return known


def _points(caller: Caller, registry: Registry) -> tuple[OrganCode, ...]:
    """Return a caller's connection point, and those of organs in its scope that have ended."""
    today, own = datetime.now(VIETNAM).date(), registry.connection(registry[caller.organ])
    there = (registry.get(code) for code in caller.scope)
    ended = [each for each in there if each and each.valid_to and each.valid_to < today]
    return own, *sorted({registry.connection(each) for each in ended} - {own})


async def note_refusal(request: Request, error: AccessDenied | NotFound) -> None:
    """Write down what a caller wanted and may not have; while nothing can be written, do not."""
    known: Known = request.state.known
    here: Gateway = request.state.here
    deed = Deed(
        door=DOOR,
        action=error.action if isinstance(error, AccessDenied) else Action.READ_DELIVERY,
        organ=error.organ if isinstance(error, AccessDenied) else known.caller.organ,
        subject="" if isinstance(error, AccessDenied) else error.wanted,
        outcome=Outcome.REFUSED,
        detail=type(error).__name__,
    )
    with suppress(Unavailable):
        async with here.connection() as connection:
            await AuditTables(connection).note(known.caller, deed)
