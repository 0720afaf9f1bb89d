"""Who calls: by the signed headers of the axis, or by the pair of the provincial dialect."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.requests import Request

from hoatoc.domain.access import Action, Caller, Thing, find, permit
from hoatoc.domain.credential import Pair, Presented
from hoatoc.domain.identity import OrganCode
from hoatoc.domain.page import VIETNAM
from hoatoc.domain.registry import OrganUnknown, Registry
from hoatoc.domain.vxp.header import Call, read_call
from hoatoc.domain.vxp.provincial import SECRET, SYSTEM_ID
from hoatoc.domain.vxp.timestamp import require_fresh
from hoatoc.postgres.facade import FacadeTables
from producers.gateway.state import Gateway


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaking:
    """A caller, the connection point whose lists it reads, and the registry of the moment."""

    caller: Caller
    connection_point: OrganCode
    registry: Registry

    def organ(self, code: str) -> OrganCode:
        """Return whom a code means today, under its registered code; raises OrganUnknown."""
        resolved = self.registry.resolve(code, datetime.now(VIETNAM).date())
        if resolved is None:
            raise OrganUnknown(code)
        return resolved.organ.code

    def permit(self, action: Action, organ: str | None = None) -> None:
        """Raise AccessDenied where the caller may not do this for an organ, or for its own."""
        permit(self.caller, action, OrganCode(organ) if organ else self.caller.organ)

    def find(self, action: Action, wanted: object, *parties: str) -> None:
        """Raise NotFound where a packet is not the caller's, AccessDenied where no role fits."""
        find(self.caller, action, Thing.DOCUMENT, str(wanted), map(OrganCode, parties))


class Callers:
    """Tells callers; notes once which connection points speak this interface."""

    def __init__(self, here: Gateway) -> None:
        self._here, self._noted = here, set[str]()
        settings = here.settings.facade
        self._age = timedelta(seconds=settings.timestamp_age_s)
        self._ahead = timedelta(seconds=settings.timestamp_ahead_s)

    async def of_axis(self, request: Request) -> tuple[Call, Speaking]:
        """Tell who calls by signed headers, and what was signed.

        Raises HeaderMissing, HeaderInvalid, HeaderAltered, Unauthenticated, TooManyRequests,
        TimestampOld, TimestampAhead.
        """
        call = read_call(request.headers.items())
        speaking = await self._known(Pair.signing(call.system_id, call.signed, call.signature))
        require_fresh(call.timestamp, datetime.now(VIETNAM), self._age, self._ahead)
        return call, speaking

    async def of_province(self, request: Request) -> Speaking:
        """Tell who calls by the headers of the provincial dialect; raises Unauthenticated."""
        told = request.headers
        return await self._known(Pair.showing(told.get(SYSTEM_ID, ""), told.get(SECRET, "")))

    async def _known(self, presented: Presented) -> Speaking:
        here = self._here
        async with here.connection() as connection:
            caller = await here.keys.shown(connection, presented)
            registry = await here.door.registry.current(connection)
            point = registry.connection(registry[caller.organ])
            if point not in self._noted:
                await FacadeTables(connection).note(point)
                self._noted.add(point)
        return Speaking(caller=caller, connection_point=point, registry=registry)
