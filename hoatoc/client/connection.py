"""What both clients give httpx: who speaks, where to, and how long an answer may take."""

import ssl
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import httpx
import msgspec

from hoatoc.client.call import EDXML, Call, Reply, require_kind, require_success
from hoatoc.client.error import Problem, ReplyUnreadable, Unauthenticated, problem_of
from hoatoc.client.trying import Patience

T = TypeVar("T")

_CONNECT_S = 10.0
_ANSWER_S, _LATE_S = 60.0, 15.0
"""how long an answer may take, and how much longer than was asked for"""
USER_AGENT = "hoatoc-client/1"
_NO_KEY = (
    "Khóa có ký tự lạ: chép lại nguyên văn khóa đã được cấp. / The key holds letters that no key "
    "has: copy it again exactly as it was issued."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """How to reach a gateway.

    `key` is an API key (`hoatoc_…`); `certificate` a PEM file with certificate and key, instead;
    `authority` a PEM file with the roots that the gateway's own certificate must come from (else
    those of certifi). No proxy is taken from the environment. `organ` is the one of one's scope to
    act for.
    """

    url: str
    key: str = field(default="", repr=False)
    organ: str = ""
    certificate: Path | None = None
    authority: Path | None = None
    patience: Patience = field(default_factory=Patience)

    def options(self) -> dict[str, Any]:
        """Return the options of an httpx client; raises Unauthenticated for what is no key."""
        headers, key = {"User-Agent": USER_AGENT}, self.key.strip()
        if not (key.isascii() and key.replace(" ", "?").isprintable()):
            raise Unauthenticated({"code": "unauthenticated", "detail": _NO_KEY}, 401, None)
        headers |= {"Authorization": f"Bearer {key}"} if key else {}
        return {
            "base_url": self.url.rstrip("/"),
            "headers": headers,
            "timeout": httpx.Timeout(_ANSWER_S, connect=_CONNECT_S),
            "verify": self._trusted(),
            "follow_redirects": False,
            "trust_env": False,
        }

    def _trusted(self) -> Any:
        if self.authority is None and self.certificate is None:
            return True
        if self.authority is not None:
            context = ssl.create_default_context(cafile=self.authority)
        else:
            context = httpx.create_ssl_context(trust_env=False)
        if self.certificate is not None:
            context.load_cert_chain(self.certificate)
        return context

    def query(self, **more: str) -> dict[str, str]:
        """Return a query that names the organ to act for."""
        return {**({"organ": self.organ} if self.organ else {}), **more}

    def request(self, call: Call[Any]) -> dict[str, Any]:
        """Return what httpx sends for a call, but for its body."""
        headers = dict(call.headers)
        answer_s = call.wait_s + _LATE_S if call.wait_s else _ANSWER_S
        if call.body is not None:
            headers["Content-Length"] = str(call.body.size)
        return {
            "method": call.method,
            "url": call.path,
            "params": self.query(**call.query),
            "headers": headers,
            "timeout": httpx.Timeout(answer_s, connect=_CONNECT_S),
        }


def reply_of(response: httpx.Response) -> Reply:
    """Return an answer that was read whole."""
    return replace(_head_of(response), body=response.content)


def _head_of(response: httpx.Response) -> Reply:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Reply(response.status_code, headers, b"")


def require_stream(response: httpx.Response) -> None:
    """Raise what an answer whose body is read piece by piece refuses; it must be read then."""
    require_success(reply_of(response))


def is_content(response: httpx.Response) -> bool:
    """Tell whether an answer is a packet, and not a refusal or something else's page."""
    head = _head_of(response)
    return head.is_success and head.kind == EDXML


def require_content(response: httpx.Response) -> None:
    """Raise what an answer says instead of a packet; it must be read then."""
    reply = reply_of(response)
    require_success(reply)
    require_kind(reply, EDXML)


def problem_in(data: str) -> Problem:
    """Read the event of a stream that says why it ends; raises ReplyUnreadable."""
    document = event_of(data, dict[str, Any])
    return problem_of(document, int(document.get("status", 0)), None)


def event_of(data: str, kind: type[T]) -> T:
    """Read an event of a stream; raises ReplyUnreadable."""
    try:
        return msgspec.json.decode(data.encode(), type=kind)
    except msgspec.DecodeError as error:
        raise ReplyUnreadable(
            f"Sự kiện không đọc được: {error}. / An event of the stream cannot be read: {error}."
        ) from error
