"""The headers of a call: prefixed, written down once more as signed JSON, under an HMAC.

    XroadVnpt-<name>            every header, `systemid` and `timestamp` among them
    XroadVnpt-sign-header       the same as one JSON object, under the prefixed names
    XroadVnpt-sign-header-key   the names without prefix, in that order, joined by `;`
    XroadVnpt-hash-header       hex HMAC-SHA256 of that JSON, by the caller's secret

What counts is what was signed. The official client never clears its headers, so a call carries
what earlier calls needed (`docId`, `to`, `status`, `hash-file`): each method reads the few that are
its own and no other. Names of HTTP headers have no case, those in the JSON have: an `updateStatus`
that carries both `docid` and an older `docId` means the former.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from hmac import HMAC

from hoatoc.domain.vxp.refusal import HeaderAltered, HeaderInvalid, HeaderMissing
from hoatoc.domain.vxp.timestamp import NAME as TIMESTAMP
from hoatoc.domain.vxp.timestamp import read_timestamp

PREFIX = "XroadVnpt-"
SYSTEM_ID = "systemid"
SIGNED, SIGNED_KEYS, SIGNATURE = "sign-header", "sign-header-key", "hash-header"
MAX_HEADERS = 64

HASH_FILE = "hash-file"
MESSAGE_TYPE, SERVICE_TYPE, SENDER, STATUS = "messagetype", "servicetype", "from", "status"
AGENCY = ("AgencyCode",)
DOCUMENT, ACKNOWLEDGED = ("docId", "docid"), ("docid", "docId")
"""Where the id of a document stands: in most calls, and in `updateStatus`."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call as its headers tell it: who says so, what was signed, and the signature of it."""

    system_id: str
    timestamp: datetime
    values: Mapping[str, str]
    signed: bytes
    signature: str

    def get(self, *names: str) -> str:
        """Return the header of the first of these names that is there; empty if none is.

        A name is looked up as it is spelt, and only then in any case.
        """
        for name in names:
            if value := self.values.get(name, "").strip():
                return value
        folded = {name.lower(): value.strip() for name, value in self.values.items()}
        return next((value for name in names if (value := folded.get(name.lower(), ""))), "")

    def required(self, *names: str) -> str:
        """Return a header that must be there; raise `HeaderMissing`."""
        if value := self.get(*names):
            return value
        raise HeaderMissing(PREFIX + names[0])


def read_call(headers: Iterable[tuple[str, str]]) -> Call:
    """Read the headers of a request, as latin-1 text; nothing of them is proven yet.

    Raises `HeaderMissing`, `HeaderInvalid`, or `HeaderAltered` where a header differs from what was
    signed.
    """
    plain: dict[str, list[str]] = {}
    prefix = PREFIX.lower()
    for name, value in headers:
        if name.lower().startswith(prefix):
            plain.setdefault(name.lower()[len(prefix) :], []).append(value)
    signed = _first(plain, SIGNED).encode("latin-1", "replace")
    values = _signed_values(signed)
    _require_same(plain, values)
    call = Call("", _timestamp(values), values, signed, _first(plain, SIGNATURE))
    return Call(call.required(SYSTEM_ID), call.timestamp, call.values, call.signed, call.signature)


def sign(signed: bytes, secret: str) -> str:
    """Return the signature of the JSON of the headers."""
    return HMAC(secret.encode(), signed, sha256).hexdigest()


def _first(plain: Mapping[str, list[str]], name: str) -> str:
    if values := plain.get(name):
        return values[0]
    raise HeaderMissing(PREFIX + name)


def _signed_values(signed: bytes) -> dict[str, str]:
    expected = f'{{"{PREFIX}<name>": "<text>", …}}'
    try:
        pairs = json.loads(signed, object_pairs_hook=list)
    except (ValueError, RecursionError) as error:
        raise HeaderInvalid(PREFIX + SIGNED, "?", expected) from error
    if not isinstance(pairs, list) or not all(map(_is_header, pairs)) or len(pairs) > MAX_HEADERS:
        raise HeaderInvalid(PREFIX + SIGNED, "?", expected)
    return {name[len(PREFIX) :]: value for name, value in pairs}


def _is_header(pair: object) -> bool:
    match pair:
        case (str(name), str()):
            return name.lower().startswith(PREFIX.lower())
    return False


def _require_same(plain: Mapping[str, list[str]], values: Mapping[str, str]) -> None:
    """Refuse a header that stands in clear with a value that nobody signed.

    One that was signed and does not stand in clear is taken: proxies drop what they do not know,
    and of two names that differ in case the official client sends one.
    """
    signed: dict[str, set[str]] = {}
    for name, value in values.items():
        signed.setdefault(name.lower(), set()).add(value.strip())
    for name, stated in plain.items():
        if name in signed and not {each.strip() for each in stated} <= signed[name]:
            raise HeaderAltered(PREFIX + name)


def _timestamp(values: Mapping[str, str]) -> datetime:
    folded = {name.lower(): value for name, value in values.items()}
    if TIMESTAMP not in folded:
        raise HeaderMissing(PREFIX + TIMESTAMP)
    return read_timestamp(folded[TIMESTAMP].strip())
