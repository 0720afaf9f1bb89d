"""Reading the text of files without trusting them: what a parser does to itself is no harm to us.

Parsing is done by another process (`hoatoc.extract.worker`), which is ended when it takes too long
and started again with the next file. Nothing of a file is written to a disk on the way.
"""

import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from hoatoc.domain.content import Content, size_of
from hoatoc.domain.examination import FileExamined
from hoatoc.domain.packet import Attachment
from hoatoc.extract.found import Extracted
from hoatoc.extract.kind import UNKNOWN
from hoatoc.extract.worker import cpu_seconds, receive, send

# A busy machine gives a process less time than it takes; and it has to start.
_WALL_PER_CPU = 3
_START_S = 30


def patience(size: int) -> float:
    """Return how many seconds the answer for a file of this many bytes is waited for."""
    return _START_S + _WALL_PER_CPU * cpu_seconds(size)


class Reader:
    """Reads one file after another; safe to be shared by threads. Close it, or use it in `with`."""

    def __init__(self, patience: Callable[[int], float] = patience) -> None:
        self._patience = patience
        self._lock = threading.Lock()
        self._worker: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    def examine(self, attachment: Attachment) -> FileExamined:
        """Return what an attachment holds, its signatures apart; blocks, raises nothing of it."""
        found = self.extract(attachment.content)
        return FileExamined(
            name=attachment.name,
            media_type=found.media_type,
            text=found.text,
            unreadable=found.unreadable,
        )

    def extract(self, content: Content) -> Extracted:
        """Return the text of a file and of all files in it; blocks at most for seconds a MB.

        A file that crashes or hangs its parser is unreadable (`crash`, `too-slow`).
        """
        with self._lock:
            answer = self._ask(content)
        if answer is None:
            return Extracted(media_type=UNKNOWN, text="", unreadable="too-slow")
        return Extracted(**json.loads(answer))

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def _ask(self, content: Content) -> bytes | None:
        worker = self._running()
        try:
            answer = self._exchange(worker, content)
        except BrokenPipeError:
            answer = None
        if answer is None:
            self._end()
        return answer

    def _exchange(self, worker: "subprocess.Popen[bytes]", content: Content) -> bytes | None:
        assert worker.stdin and worker.stdout  # noqa: S101, PT018 - both are pipes
        send(worker.stdin, content)
        # A worker answers at once and whole, so only the beginning has to be waited for.
        ready, _, _ = select.select([worker.stdout], [], [], self._patience(size_of(content)))
        return receive(worker.stdout) if ready else None

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._worker and self._worker.poll() is not None:
            self._end()
        if not self._worker:
            self._worker = subprocess.Popen(
                [sys.executable, "-I", "-m", "hoatoc.extract.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                # Parsers quote what they stumble over.
                stderr=subprocess.DEVNULL,
                # No password of ours is within reach of a parser.
                env={"LANG": "C.UTF-8"},
                start_new_session=True,
            )
        return self._worker

    def _end(self) -> None:
        if not self._worker:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._worker.pid, signal.SIGKILL)
        self._worker.communicate()
        self._worker = None
