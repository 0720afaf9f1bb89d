"""The bound of requests at work: a crowd is told to come again, a health probe is answered."""

from typing import Any

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from producers.gateway.crowd import Crowd
from producers.gateway.request import Requests


def answering(status: int) -> ASGIApp:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    return app


@pytest.mark.parametrize(
    ("path", "status"), [("/v1/inbox", 503), ("/healthz", 200), ("/readyz", 200)]
)
async def test_a_full_house_answers_who_asks_whether_it_lives(path: str, status: int) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    full = Requests(answering(200), Crowd(0), lambda _scope: answering(503))
    scope = {"type": "http", "method": "GET", "path": path, "headers": []}
    await full(scope, receive, send)
    assert status == sent[0]["status"]
