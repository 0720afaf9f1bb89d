"""The replies that the official client can read, and a reader of them that is as it is.

It reads a reply as one JSON object, of every call `status`, `ErrorCode`, `ErrorDesc`, of `sendEdoc`
`DocId` too, even of a refusal: one that is missing, or null, makes it return null. It takes lists
from `data`, only where `ErrorCode` is 0, and no null in them. The reply to `sendEdoc` it reads as
ASCII. So: every field always, text never null, everything beyond ASCII escaped.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from hoatoc.domain.vxp.refusal import ErrorCode

Reply = dict[str, Any]

OK, FAIL = "OK", "FAIL"
SUCCESS = "Success"
MAX_DESCRIPTION = 2000
"""Characters of a refusal's text; integrators keep it in columns."""


def done(**more: Any) -> Reply:
    """Return the reply to a call that was done."""
    return {"status": OK, "ErrorCode": ErrorCode.DONE.value, "ErrorDesc": SUCCESS, **more}


def listed(entries: Iterable[Mapping[str, Any]]) -> Reply:
    """Return the reply to a call for a list."""
    return done(data=[dict(entry) for entry in entries])


def refused(code: ErrorCode, name: str, text: str, **more: Any) -> Reply:
    """Return the reply to a call that was not done; `name` is the refusal's, in kebab case."""
    description = f"{name}: {text}"[:MAX_DESCRIPTION]
    return {"status": FAIL, "ErrorCode": code.value, "ErrorDesc": description, **more}


def write_reply(reply: Mapping[str, Any]) -> bytes:
    """Write a reply as ASCII; raises ValueError for what the client could not read."""
    if None in reply.values():
        raise ValueError(f"the client cannot read null: {sorted(reply)}")
    return json.dumps(reply, ensure_ascii=True, separators=(",", ":")).encode("ascii")
