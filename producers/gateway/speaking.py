"""Who speaks in a request, and for which organ."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Annotated

from fastapi import Depends, Query, Request

from hoatoc.domain.access import Action, Caller, Thing, find, permit
from hoatoc.domain.credential import ApiKey, Certificate, Presented
from hoatoc.domain.identity import OrganCode
from hoatoc.domain.registry import Registry
from producers.gateway.server import CERTIFICATE
from producers.gateway.state import Here


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaking:
    """A caller that acts for an organ; `named`: the request names the organ."""

    caller: Caller
    organ: OrganCode
    named: bool
    registry: Registry
    asked: list[tuple[Action, str]] = field(default_factory=list)
    """what was asked for, on what, for the audit"""

    def permit(self, action: Action) -> OrganCode:
        """Return the organ acted for; raises AccessDenied where the caller may not do this."""
        self.asked.append((action, self.organ))
        permit(self.caller, action, self.organ)
        return self.organ

    def find(
        self, action: Action, thing: Thing, wanted: object, parties: Iterable[str | None]
    ) -> frozenset[OrganCode]:
        """Return for which of the parties of a thing the caller does something with it.

        Raises AccessDenied, or NotFound where the thing is not among the caller's.
        """
        self.asked.append((action, str(wanted)))
        scope = self.caller.scope & {self.organ} if self.named else self.caller.scope
        caller = replace(self.caller, scope=scope)
        return find(caller, action, thing, str(wanted), [OrganCode(p) for p in parties if p])


def presented(request: Request) -> Presented:
    """Return the key that a request shows, else its certificate; raises Unauthenticated."""
    key, certificate = request.headers.get("authorization"), request.scope.get(CERTIFICATE)
    if certificate and key is None:
        return Certificate.of_fingerprint(certificate)
    return ApiKey.of_header(key)


async def speaking(
    request: Request,
    here: Here,
    organ: Annotated[
        str | None,
        Query(
            description="act for this organ of one's scope; default: the credential's own",
            max_length=35,
        ),
    ] = None,
) -> Speaking:
    """Tell who speaks; raises Unauthenticated, TooManyRequests, ManyAtOnce."""
    shown = presented(request)
    async with here.connection() as connection:
        caller, registry = await here.keys.authenticate(connection, shown)
    here.admit(request, caller.organ)
    code = caller.organ
    if organ is not None:  # itself, also when it has ended: its successor acts for it by name
        known = registry.get(organ)
        code = known.code if known else OrganCode(organ)
    found = Speaking(caller=caller, organ=code, named=organ is not None, registry=registry)
    request.state.speaks = found
    return found


Speaks = Annotated[Speaking, Depends(speaking)]
