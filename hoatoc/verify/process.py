"""Verifying in a process apart: what content does to its reader is no harm to us.

The process loads its libraries once (under a second). If it takes too long, or dies of a question
twice, the answer is `unreadable-signature`, and the next question starts another.
"""

import json
from datetime import datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from threading import Lock
from types import TracebackType
from typing import Literal, Self

from pydantic import TypeAdapter

from hoatoc.domain.content import Content, pieces_of, size_of
from hoatoc.domain.signature import Signature
from hoatoc.domain.signature_reason import Reason
from hoatoc.verify import mark
from hoatoc.verify.trust import Trust

PATIENCE_S = 60.0
"""How long an answer is waited for, the start of the process included."""

_PIECE_BYTES = 1024 * 1024
_MARKS = {"pdf": mark.PDF, "packet": mark.PACKET}
_ANSWER: TypeAdapter[tuple[Signature, ...]] = TypeAdapter(tuple[Signature, ...])


class Verifier:
    """Verifies one file after another; safe to be shared by threads. Close it, or use `with`."""

    def __init__(self, trust: Trust, patience_s: float = PATIENCE_S) -> None:
        self._trust, self._patience_s = trust, patience_s
        self._lock = Lock()
        self._worker: tuple[SpawnProcess, Connection] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    def pdf(self, content: Content, at: datetime) -> tuple[Signature, ...]:
        """Verify a PDF as `hoatoc.verify.pdf.verify_pdf` does; blocks, raises nothing of it."""
        return self._verify("pdf", content, at)

    def packet(self, data: Content, at: datetime) -> tuple[Signature, ...]:
        """Verify a packet as `hoatoc.verify.packet.verify_packet` does; blocks likewise."""
        return self._verify("packet", data, at)

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def _verify(
        self, kind: Literal["pdf", "packet"], content: Content, at: datetime
    ) -> tuple[Signature, ...]:
        head = {"kind": kind, "at": at.isoformat(), "bytes": size_of(content)}
        with self._lock:
            answer = self._ask(json.dumps(head).encode(), content)
        if answer is None:
            return mark.if_signed(content, _MARKS[kind], Reason.UNREADABLE)
        return _ANSWER.validate_json(answer)

    def _ask(self, head: bytes, content: Content) -> bytes | None:
        # It may have died before the question, so one that it dies of is asked once more.
        for _attempt in range(2):
            connection = self._running()
            try:
                connection.send_bytes(head)
                for piece in pieces_of(content, _PIECE_BYTES):
                    connection.send_bytes(piece)
                if connection.poll(self._patience_s):
                    return connection.recv_bytes()
            except (EOFError, OSError):
                self._end()
                continue
            self._end()
            return None
        return None

    def _running(self) -> Connection:
        if self._worker and not self._worker[0].is_alive():
            self._end()
        if not self._worker:
            self._worker = self._started()
        return self._worker[1]

    def _started(self) -> tuple[SpawnProcess, Connection]:
        # Imported by the process alone: whoever asks need not wait for the libraries.
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_answer, args=(theirs, self._trust), daemon=True)
        process.start()
        theirs.close()
        return process, ours

    def _end(self) -> None:
        if not self._worker:
            return
        process, connection = self._worker
        self._worker = None
        connection.close()
        process.kill()
        process.join()


def _answer(connection: Connection, trust: Trust) -> None:
    from hoatoc.verify.worker import answer  # noqa: PLC0415  only where they are used

    answer(connection, trust)
