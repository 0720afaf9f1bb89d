"""What a message to PostgreSQL or to Kafka asks for, read off its bytes on their way out.

PostgreSQL: frontend messages of protocol 3.0; a query of ours goes by its name in `queries/*.sql`.
Kafka: the api key of a request; what is produced goes by the types of its events.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from hoatoc.postgres.query import queries

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
