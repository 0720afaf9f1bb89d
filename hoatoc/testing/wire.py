"""What a message to a store asks for, read off its bytes on their way out.

PostgreSQL: frontend messages of protocol 3.0; a query of ours goes by its name in `queries/*.sql`.
Kafka: the api key of a request; what is produced goes by the types of its events. HTTP: method and
path of a request. SQLite: a statement of ours goes by its name.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from hoatoc.client import journal
from hoatoc.postgres.query import queries
from hoatoc.spool import outbox

_KAFKA = {
    0: "produce", 1: "fetch", 2: "offsets", 3: "metadata", 8: "commit offset",
    9: "committed offset", 10: "coordinator", 12: "heartbeat", 18: "versions", 21: "delete",
    22: "producer id",
}  # fmt: skip
_LOOKS = {_KAFKA[api] for api in (1, 2, 3, 12, 18)}
_TYPE = re.compile(rb"vn\.hoatoc\.(\w+)")


@cache
def _names() -> dict[str, str]:
    """Return the name of every query of ours, by its text."""
    modules = [f.name[:-4] for f in files("hoatoc.postgres.queries").iterdir() if ".sql" in f.name]
    return {text: f"{module}.{n}" for module in modules for n, text in queries(module).items()}


def kafka_step(message: bytes) -> str | None:
    """Return what a request asks for; None for one that only looks, and comes when it likes."""
    api = int.from_bytes(message[4:6])
    step = _KAFKA.get(api, f"kafka api {api}")
    if step == "produce":
        return " ".join([step, *sorted({name.decode() for name in _TYPE.findall(message)})])
    return None if step in _LOOKS else step


def http_step(message: bytes) -> str | None:
    """Return what a request over HTTP does; "" for one that only looks; None if it is none."""
    found = _REQUEST.match(message)
    if found is None:
        return None
    return f"POST {_ID.sub('{id}', found[2].decode())}" if found[1] == b"POST" else ""


_REQUEST = re.compile(rb"([A-Z]+) ([^ ?]+)[^ ]* HTTP/1\.1\r\n")
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@cache
def _file_names() -> dict[str, str]:
    """Return the name of every statement to a file of ours, by its text."""
    own = {"spool": outbox.SQL, "inbox": journal.SQL}
    return {text: f"{file}.{name}" for file, named in own.items() for name, text in named.items()}


def file_step(statement: str) -> str | None:
    """Return what a statement to a SQLite file asks for; None for what only prepares."""
    if statement.startswith("PRAGMA"):
        return None
    return _file_names().get(statement, statement.split(maxsplit=1)[0])


@dataclass(slots=True)
class Session:
    """What one connection to PostgreSQL has prepared, so that its messages can be told."""

    prepared: dict[bytes, str] = field(default_factory=dict)

    def step(self, message: bytes) -> str | None:
        """Return what is asked for; None for what only prepares, or looks up types."""
        return " + ".join(step for step in self._steps(message) if step != _TYPES) or None

    def _steps(self, message: bytes) -> Iterator[str]:
        while message:
            kind, end = message[:1], 1 + int.from_bytes(message[1:5])
            body, message = message[5:end], message[end:]
            if kind == b"Q":
                yield _named(body[:-1])
            elif kind == b"P":
                name, text = body.split(b"\0", 2)[:2]
                self.prepared[name] = _named(text)
            elif kind == b"B":
                yield self.prepared[body.split(b"\0", 2)[1]]


_TYPES = "types"


def _named(text: bytes) -> str:
    query = text.decode().strip().rstrip(";")
    if any(word in query for word in ("typeinfo_tree", "pg_catalog.pg_type", "set_config('jit'")):
        return _TYPES
    return _names().get(query, " ".join(query.split())[:60])
