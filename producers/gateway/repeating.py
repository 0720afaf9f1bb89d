"""Repeating a request safely: the header `Idempotency-Key`."""

from typing import Annotated

from fastapi import Header

from producers.gateway.refusal import KeyInvalid

MOST = 255
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="of a request that may be repeated; one for each request",
        max_length=MOST,
    ),
]


def checked(key: str | None) -> str:
    """Return a key, or "" where there is none; raises KeyInvalid."""
    if key is None:
        return ""
    if not (key and key.isascii() and key.isprintable()):
        raise KeyInvalid
    return key
