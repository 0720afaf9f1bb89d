"""The façade as parts of the gateway's application, each under a path of its own."""

from collections.abc import Iterator

from starlette.types import ASGIApp

from producers.gateway.facade import axis, province
from producers.gateway.facade.calling import Callers
from producers.gateway.state import Gateway


def mounts(here: Gateway) -> Iterator[tuple[str, ASGIApp]]:
    """Yield the path and the application of each dialect that is switched on."""
    settings, callers = here.settings.facade, Callers(here)
    if settings.axis_path:
        yield settings.axis_path, axis.application(here, callers)
    if settings.province_path:
        yield settings.province_path, province.application(here, callers)
