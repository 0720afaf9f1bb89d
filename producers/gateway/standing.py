"""Health and readiness, for whoever watches the gateway."""

from fastapi import APIRouter, Response

from producers.gateway.shape import Standing
from producers.gateway.state import Here

router = APIRouter(tags=["health"])


@router.get("/healthz", response_model=Standing, openapi_extra={"security": []})
async def healthz() -> Standing:
    """Tell that the gateway runs."""
    return Standing(ready=True, parts={})


@router.get(
    "/readyz",
    response_model=Standing,
    responses={503: {"model": Standing, "description": "A part is not ready."}},
    openapi_extra={"security": []},
)
async def readyz(here: Here, response: Response) -> Standing:
    """Tell whether every part is ready, and which is not."""
    parts = here.health.standing()
    ready = all(how == "ready" for how in parts.values())
    response.status_code = 200 if ready else 503
    if not ready:
        response.headers["Retry-After"] = "5"
    return Standing(ready=ready, parts=parts)
