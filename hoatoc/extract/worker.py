"""The process that reads files: each in a child of its own, which may crash, hang or eat memory.

`python -m hoatoc.extract.worker` takes files from its standard input and answers on its standard
output, each as a length (8 bytes, big endian) and as many bytes. It has loaded its parsers already,
and read a page of its own, so a child is a fork away. A child can write to no file, dump no core
and open few files; what it answers is JSON, so that whoever takes over a parser gains nothing but a
wrong answer.
"""

import json
import os
import resource
import signal
import sys
from dataclasses import asdict
from typing import IO, NoReturn

from hoatoc.domain.content import Content, pieces_of, size_of
from hoatoc.extract.content import read
from hoatoc.extract.kind import UNKNOWN

_LENGTH = 8
_MEGABYTE = 1024 * 1024
_PAGE = b"""%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R
/Resources<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>endobj
4 0 obj<</Length 25>>stream
BT /F 9 Tf (Trang) Tj ET

endstream endobj
trailer<</Root 1 0 R>>
"""
MEMORY_BYTES = 1024 * _MEGABYTE
"""The address space of a child."""


def cpu_seconds(size: int) -> int:
    """Return the processor time that a file of this many bytes may take."""
    return 10 + size // _MEGABYTE


def send(to: IO[bytes], data: Content) -> None:
    """Write a message."""
    to.write(size_of(data).to_bytes(_LENGTH))
    for piece in pieces_of(data):
        to.write(piece)
    to.flush()


def receive(source: IO[bytes]) -> bytes | None:
    """Read a message; None at the end of the stream, within a message too."""
    head = source.read(_LENGTH)
    if len(head) < _LENGTH:
        return None
    size = int.from_bytes(head)
    data = source.read(size)
    return data if len(data) == size else None


def main() -> None:
    """Answer until the standard input ends."""
    read(_PAGE)  # what a parser sets up at its first file, no child has to
    while (content := receive(sys.stdin.buffer)) is not None:
        send(sys.stdout.buffer, _answer(content))


def _answer(content: bytes) -> bytes:
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(out)
        _read_in_child(content, into)
    os.close(into)
    with os.fdopen(out, "rb") as source:
        answer = source.read()
    _, status = os.waitpid(child, 0)
    return answer if status == 0 else _failed(status)


def _read_in_child(content: bytes, into: int) -> NoReturn:
    try:
        _limit(cpu_seconds(len(content)))
        with os.fdopen(into, "wb") as to:
            to.write(json.dumps(asdict(read(content))).encode())
        os._exit(0)
    finally:
        os._exit(1)


def _limit(seconds: int) -> None:
    os.closerange(0, 2)  # the documents that come next are none of its business
    for limit, value in (
        (resource.RLIMIT_CORE, 0),  # a core would hold the document
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 32),
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, seconds),
    ):
        resource.setrlimit(limit, (value, value))


def _failed(status: int) -> bytes:
    # A soft limit equal to the hard one kills by SIGKILL.
    slow = os.WIFSIGNALED(status) and os.WTERMSIG(status) in {signal.SIGXCPU, signal.SIGKILL}
    reason = "too-slow" if slow else "crash"
    return json.dumps({"media_type": UNKNOWN, "text": "", "unreadable": reason}).encode()


if __name__ == "__main__":
    main()
