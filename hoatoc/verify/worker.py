"""The process that verifies: it answers one question after another, and can hold little.

A question is a kind, an instant and a size, then the content in pieces; an answer is JSON, so that
content that takes the process over gains nothing but a wrong answer about itself.
"""

import gc
import json
import resource
from datetime import datetime
from io import BytesIO
from multiprocessing.connection import Connection

from pydantic import TypeAdapter

from hoatoc.domain.signature import Signature
from hoatoc.verify.packet import verify_packet
from hoatoc.verify.pdf import verify_pdf
from hoatoc.verify.trust import Trust

MEMORY_BYTES = 2 * 1024**3
"""The address space of the process: a file of 64 MiB, its objects and a few lists."""
_LIMITS = (
    (resource.RLIMIT_AS, MEMORY_BYTES),
    (resource.RLIMIT_CORE, 0),
    (resource.RLIMIT_FSIZE, 0),
)
_KINDS = {"pdf": verify_pdf, "packet": verify_packet}

Answer: TypeAdapter[tuple[Signature, ...]] = TypeAdapter(tuple[Signature, ...])


def answer(connection: Connection, trust: Trust) -> None:
    """Answer until the other end is closed."""
    for limit, value in _LIMITS:
        resource.setrlimit(limit, (value, value))
    gc.freeze()  # the libraries stay
    while True:
        try:
            question = json.loads(connection.recv_bytes())
            content = _content(connection, question["bytes"])
        except EOFError:
            return
        at = datetime.fromisoformat(question["at"])
        signatures = _KINDS[question["kind"]](content, trust, at)
        connection.send_bytes(Answer.dump_json(signatures))
        del content
        gc.collect()  # pyHanko's objects hold each other, and the file with them


def _content(connection: Connection, size: int) -> bytes:
    content = BytesIO()
    while content.tell() < size:
        content.write(connection.recv_bytes())
    return content.getvalue()
