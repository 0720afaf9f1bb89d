"""The server: uvicorn in the loop of the program, with bounds that it lacks.

A client that sends the head of its request byte by byte, or one without end, is let go; uvicorn
itself would wait for ever. The certificate of a client is put where the application finds it.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from hashlib import sha256
from typing import Any, ClassVar

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from hoatoc.config import Gateway
from hoatoc.domain.error import OurFault, name_of
from producers.gateway.refusal import RequestUnreadable

HEAD_BYTES = 64 * 1024
STOP_S = 5
CERTIFICATE = "hoatoc.certificate"
"""where a request's scope holds the SHA-256 (hex) of the client's certificate"""


class NotListening(OurFault):
    """The gateway cannot listen on its address."""


class Guarded(HttpToolsProtocol):
    """Lets a client go whose head does not come, or does not end; and one too many."""

    idle_s: ClassVar[float] = 15.0
    most: ClassVar[int] = 8192
    _in_head = False
    _head_bytes = 0
    _deadline: asyncio.TimerHandle | None = None
    _certificate = ""

    def connection_made(self, transport: Any) -> None:
        """Remember the certificate; the head of a request is due."""
        super().connection_made(transport)
        if len(self.connections) > self.most:  # a line of text is no answer that all can read
            transport.abort()
            return
        secured = transport.get_extra_info("ssl_object")
        certificate = secured.getpeercert(binary_form=True) if secured else None
        self._certificate = sha256(certificate).hexdigest() if certificate else ""
        self._deadline = self.loop.call_later(self.idle_s, self._let_go)

    def data_received(self, data: bytes) -> None:
        """Take what came; a head that does not end is let go."""
        if self._deadline is None and self._is_idle():
            self._deadline = self.loop.call_later(self.idle_s, self._let_go)
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes > HEAD_BYTES:
            self._let_go()

    def on_message_begin(self) -> None:
        """Begin to count the bytes of a head."""
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Begin to answer: the head is there."""
        self._stop_waiting()
        self.scope[CERTIFICATE] = self._certificate  # type: ignore[literal-required]
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Wait no more for what was left of a body."""
        self._stop_waiting()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request as everything is refused here: some clients read no text."""
        error = RequestUnreadable(msg)
        code = name_of(type(error))
        problem = {
            "type": f"urn:hoatoc:problem:{code}",
            "title": "Bad request",
            "status": 400,
            "detail": str(error),
            "code": code,
        }
        body = json.dumps(problem).encode("ascii")
        head = (
            "HTTP/1.1 400 Bad Request",
            "content-type: application/problem+json",
            f"content-length: {len(body)}",
            "connection: close",
        )
        self.transport.write("\r\n".join(head).encode("ascii") + b"\r\n\r\n" + body)
        self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _is_idle(self) -> bool:
        """Tell whether what comes now belongs to no request that is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def _stop_waiting(self) -> None:
        self._in_head, self._head_bytes = False, 0
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _let_go(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            self.transport.abort()


class _Server(uvicorn.Server):
    """A server that leaves signals to the program."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


@asynccontextmanager
async def serving(app: Any, settings: Gateway) -> AsyncIterator[None]:
    """Serve an application while the block lasts; what is being answered is finished then.

    Raises NotListening when the address cannot be had.
    """
    bounds = {"idle_s": settings.idle_s, "most": 2 * settings.connections}
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=type("Protocol", (Guarded,), bounds),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=1024,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=STOP_S,
        ssl_certfile=settings.certfile or None,
        ssl_keyfile=settings.keyfile or None,
        ssl_ca_certs=settings.client_ca or None,
        ssl_cert_reqs=ssl.CERT_OPTIONAL if settings.client_ca else ssl.CERT_NONE,
    )
    server = _Server(config)
    task = asyncio.create_task(_serve(server, settings))
    try:
        while not server.started:
            if task.done():
                task.result()
            await asyncio.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        await task


async def _serve(server: uvicorn.Server, settings: Gateway) -> None:
    try:
        await server.serve()
    except SystemExit as refused:  # how uvicorn says that it cannot listen
        raise NotListening(
            f"{settings.host}:{settings.port} cannot be listened on: set HOATOC_GATEWAY_PORT to a "
            "port that is free"
        ) from refused
