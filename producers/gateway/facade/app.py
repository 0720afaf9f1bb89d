"""The façade as parts of the gateway's application, each under a path of its own."""

from collections.abc import Callable, Iterator

from starlette.requests import Request
from starlette.types import ASGIApp, Scope

from producers.gateway.facade import axis, province
from producers.gateway.facade.calling import Callers
from producers.gateway.problem import answer_to
from producers.gateway.refusal import Crowded
from producers.gateway.state import Gateway


def mounts(here: Gateway) -> Iterator[tuple[str, ASGIApp]]:
    """Yield the path and the application of each dialect that is switched on."""
    settings, callers = here.settings.facade, Callers(here)
    if settings.axis_path:
        yield settings.axis_path, axis.application(here, callers)
    if settings.province_path:
        yield settings.province_path, province.application(here, callers)


def crowded(here: Gateway) -> Callable[[Scope], ASGIApp]:
    """Return what refuses a request while as many are at work as may be, in its own dialect."""
    settings = here.settings.facade
    tongues = {settings.axis_path: axis.TONGUE, settings.province_path: province.TONGUE}

    def refuse(scope: Scope) -> ASGIApp:
        error = Crowded()
        for path, tongue in tongues.items():
            if path and scope["path"].startswith(f"{path}/"):
                return tongue.answer_to(Request(scope), error)
        return answer_to(error)

    return refuse
