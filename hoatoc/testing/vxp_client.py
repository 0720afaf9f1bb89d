"""A client of the national axis that does what the official one does, byte by byte.

Written from the observed behaviour of SDKVXP 2.0.1, its defects included, each marked below. What
is sent stands on the wire in the order and form in which Java's classes send it; what comes back is
read, and misread, as there. Results are dictionaries under the reference's names; None is Java's
null.

1. `get_received` makes success and an empty list of a reply that it cannot parse.
2. Every other method makes null of it: the outcome is unknown.
3. There is no timeout; a broken connection is retried, so the server may hear a call twice.
4. `hash-file` is unpadded.
5. Headers are never cleared; the timestamp is that of the object.
6. `get_edoc` holds the packet as one string.
7. `download` writes whatever comes, and calls it a success unless it is empty.
8. `send` has no multipart: the packet and a line end, as `application/octet-stream`; its reply is
   read as ASCII.
"""

import base64
import contextlib
import json
import select
import socket
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hoatoc.domain.page import VIETNAM
from hoatoc.domain.vxp.digest import unpadded_hex
from hoatoc.domain.vxp.header import PREFIX, sign
from hoatoc.domain.vxp.timestamp import write_timestamp

Result = dict[str, Any] | None
Headers = list[tuple[str, str]]

USER_AGENT, VERSION = "JAVASDKAgent/1.0.0 XRoad/VPCP", "3.0.201608"
_CONTINUE_S = 3.0  # how long Apache's client waits for "100 Continue"
_JAVA_ACCEPT = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"
_RECEIVED = (
    *("docId", "serviceType", "messageType", "created_time", "updated_time"),
    *("from", "to", "status", "status_desc"),
)
_SENT = (
    *("serviceType", "messageType", "senderDocId", "receiverDocId", "fromCode", "toCode"),
    *("notation", "title", "sentTime", "receivedTime", "sendStatus", "sendStatusDesc"),
    *("receiveStatus", "receiveStatusDesc"),
)
_AGENCY = ("id", "pid", "code", "name", "mail", "oldCode")
_AGENCY_2020 = ("id", "pid", "code", "name", "mail", "code102")
_UNIT = (
    *("id", "pid", "code", "name", "mail", "version", "centerCode", "deleted", "modifyDate"),
    "isAgency",
)


class JavaMap:
    """A `HashMap<String, String>` of Java 8: it is run through by hash, not by age."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}
        self._capacity = 16

    def put(self, name: str, value: str) -> None:
        """Put a value; a key that is there keeps its place."""
        self._values[name] = value
        if len(self._values) > self._capacity * 3 // 4:
            self._capacity *= 2

    def items(self) -> Iterator[tuple[str, str]]:
        """Yield keys and values, bucket by bucket; in a bucket the older first."""
        return iter(sorted(self._values.items(), key=lambda item: self._bucket(item[0])))

    def _bucket(self, name: str) -> int:
        code = 0
        for unit in memoryview(name.encode("utf-16-le")).cast("H"):
            code = (31 * code + unit) & 0xFFFFFFFF
        return (code ^ (code >> 16)) & (self._capacity - 1)


class VxpClient:
    """The two service objects of the official client, as one.

    `patience_s` is the one thing that the official client does not have: tests must end.
    """

    def __init__(
        self,
        endpoint: str,
        system_id: str,
        secret: str,
        *,
        retry: int = 3,
        made: datetime | None = None,
        patience_s: float = 60,
    ) -> None:
        self.endpoint, self.secret, self.retry = endpoint, secret, retry
        self.patience_s = patience_s
        self.headers = JavaMap()
        self.headers.put("timestamp", write_timestamp(made or datetime.now(VIETNAM)))
        self.headers.put("systemid", system_id)
        self.replies: list[tuple[int, bytes]] = []

    def get_received(self, **headers: str) -> Result:
        """Call `getReceivedEdocList`; defect 1."""
        self._remember("application/json", headers)
        text = self._post("getReceivedEdocList", b"")
        try:
            reply = json.loads(text or "null")
        except ValueError:
            return {"status": "OK", "ErrorCode": "0", "ErrorDesc": "Success", "data": []}
        return _quietly(lambda: _list_of(reply, _RECEIVED))

    def get_sent(self, **headers: str) -> Result:
        """Call `getSentEdocList`."""
        return self._call("getSentEdocList", headers, lambda reply: _list_of(reply, _SENT))

    def get_agencies(self) -> Result:
        """Call `getAgenciesList`."""
        return self._call("getAgenciesList", {}, lambda reply: _list_of(reply, _AGENCY))

    def get_agencies_2020(self) -> Result:
        """Call `getAgenciesListQD20`."""
        return self._call("getAgenciesListQD20", {}, lambda reply: _list_of(reply, _AGENCY_2020))

    def get_units(self) -> Result:
        """Call `getSynchronizeUnit`."""
        return self._call("getSynchronizeUnit", {}, lambda reply: _list_of(reply, _UNIT))

    def get_edoc(self, folder: Path | None = None, **headers: str) -> Result:
        """Call `getEdoc`; `data` is the packet as text (defect 6), also a file in `folder`."""
        self._remember("application/json", headers)
        text = self._post("getEdoc", b"{}")

        def read() -> dict[str, Any]:
            reply = json.loads(text)
            found = _head(reply)
            if found["status"] != "FAIL":
                found["data"] = base64.b64decode(_string(reply, "data")).decode("utf-8", "replace")
                if folder is not None and found["ErrorCode"] == "0":
                    found["filePath"] = self._keep(folder, headers, found["data"].encode())
            return found

        return _quietly(read)

    def download(self, folder: Path, **headers: str) -> dict[str, Any]:
        """Call `downloadEdoc`; defect 7."""
        self._remember("application/json", headers)
        failed = {"status": "FAIL", "ErrorCode": "100", "filePath": "", "data": ""}
        try:
            body = self._apache("GET", "downloadEdoc", None)
        except (OSError, HTTPException):
            return failed
        path = self._keep(folder, headers, body)
        if not body:
            return failed
        return {"status": "SUCCESS", "ErrorCode": "0", "filePath": path, "data": ""}

    def count_documents(self, **headers: str) -> Result:
        """Call `countReceiveEdoc`: named GET, sent as POST."""
        return self._call("countReceiveEdoc", headers, _count, b"{}")

    def count_statuses(self, **headers: str) -> Result:
        """Call `countReceiveStatus`: named GET, sent as POST."""
        return self._call("countReceiveStatus", headers, _count, b"{}")

    def update_status(self, **headers: str) -> Result:
        """Call `updateStatus`; the id stands in `docId` or `docid`, as the caller likes."""
        return self._call("updateStatus", headers, _head, b"{}")

    def register_agency(self, body: str) -> Result:
        """Call `registerAgency`."""
        return self._call("registerAgency", {}, _head, body.encode())

    def delete_agency(self, code: str) -> Result:
        """Call `deleteAgency`."""
        return self._call("deleteAgency", {"AgencyCode": code}, _head, b"{}")

    def send(self, packet: bytes, to: str | list[str] | None = None, **headers: str) -> Result:
        """Call `sendEdoc`; defects 4 and 8. `from_` stands for `from`."""
        named = {name.rstrip("_"): value for name, value in headers.items()}
        if to is not None:
            named["to"] = json.dumps(to, separators=(",", ":"))
        self._remember("application/octet-stream", named)
        self.headers.put("hash-file", unpadded_hex(sha256(packet).digest()))
        try:
            body = self._url_connection("sendEdoc", packet + b"\r\n")
        except (OSError, HTTPException):
            return None
        text = _lines(body, "ascii")
        return _quietly(lambda: _with_id(json.loads(text)))

    def signed_headers(self) -> Headers:
        """Return the headers of a call, in their order."""
        found: Headers = []
        signed: dict[str, str] = {}
        names = []
        for name, value in self.headers.items():
            if name == "Content-Type":
                found.append((name, value))
            signed[PREFIX + name] = value
            found.append((PREFIX + name, value))
            names.append(name)
        text = json.dumps(signed, ensure_ascii=False, separators=(",", ":"))
        return [
            *found,
            (f"{PREFIX}sign-header-key", ";".join(names)),
            (f"{PREFIX}sign-header", text),
            (f"{PREFIX}hash-header", sign(text.encode(), self.secret)),
            ("User-Agent", USER_AGENT),
            (f"{PREFIX}version", VERSION),
        ]

    def _remember(self, content_type: str, headers: Mapping[str, str]) -> None:
        """Add to the headers of the object what a call needs; defect 5."""
        self.headers.put("Content-Type", content_type)
        for name, value in headers.items():
            self.headers.put(name.rstrip("_"), value)

    def _keep(self, folder: Path, headers: Mapping[str, str], data: bytes) -> str:
        path = folder / f"{headers['docId']}.edxml"
        path.write_bytes(data)
        return str(path)

    def _call(
        self,
        method: str,
        headers: Mapping[str, str],
        read: Callable[[Any], dict[str, Any]],
        body: bytes = b"",
    ) -> Result:
        self._remember("application/json", headers)
        text = self._post(method, body)
        return _quietly(lambda: read(json.loads(text)))

    def _post(self, method: str, body: bytes) -> str:
        """Send a POST; whatever breaks is an empty reply."""
        try:
            return _lines(self._apache("POST", method, body), "utf-8")
        except (OSError, HTTPException):
            return ""

    def _apache(self, verb: str, method: str, body: bytes | None) -> bytes:
        """Send a request as Apache's client does; a broken connection is tried anew; defect 3."""
        lines = self.signed_headers()
        if body is not None:
            lines.append(("Content-Length", str(len(body))))
        lines += [("Host", urlsplit(self.endpoint).netloc), ("Connection", "Keep-Alive")]
        if body:
            lines.append(("Expect", "100-continue"))
        lines.append(("Accept-Encoding", "gzip,deflate"))
        for attempt in range(self.retry):
            try:
                return self._exchange(verb, method, lines, body or b"", waits=bool(body))
            except (OSError, HTTPException):
                if attempt == self.retry - 1:
                    raise
        raise OSError("never tried")

    def _url_connection(self, method: str, body: bytes) -> bytes:
        """Send a POST as `HttpURLConnection` does: a header set twice in any case stands once."""
        lines: dict[str, tuple[str, str]] = {"content-type": ("Content-Type", "")}
        for name, value in self.signed_headers():
            lines[name.lower()] = (lines.get(name.lower(), (name, ""))[0], value)
        for name, value in (
            ("Cache-Control", "no-cache"),
            ("Pragma", "no-cache"),
            ("Host", urlsplit(self.endpoint).netloc),
            ("Accept", _JAVA_ACCEPT),
            ("Connection", "keep-alive"),
            ("Content-Length", str(len(body))),
        ):
            lines[name.lower()] = (name, value)
        return self._exchange("POST", method, list(lines.values()), body, waits=False)

    def _exchange(
        self, verb: str, method: str, lines: Headers, body: bytes, *, waits: bool
    ) -> bytes:
        where = urlsplit(self.endpoint)
        head = "".join(f"{name}: {value}\r\n" for name, value in lines)
        request = f"{verb} {where.path}/{method} HTTP/1.1\r\n{head}\r\n"
        address = (where.hostname or "", where.port or 80)
        with socket.create_connection(address, self.patience_s) as line:
            line.sendall(request.encode("latin-1", "replace"))
            if not waits or _is_asked_for(line):
                with contextlib.suppress(OSError):  # refused before the end: the reply says why
                    line.sendall(body)
            response = HTTPResponse(line, method=verb)
            response.begin()
            data = response.read()
        self.replies.append((response.status, data))
        return data


def _is_asked_for(line: socket.socket) -> bool:
    """Wait for "100 Continue", as long as Apache's client does; False if the reply is there."""
    ready, _, _ = select.select([line], [], [], _CONTINUE_S)
    return not ready or b" 100 " in line.recv(13, socket.MSG_PEEK)


def _lines(body: bytes, charset: str) -> str:
    """Read a reply as Java's `BufferedReader` gives it: line by line, without their ends."""
    return "".join(body.decode(charset, "replace").splitlines())


def _quietly(read: Callable[[], dict[str, Any]]) -> Result:
    """Return null for whatever goes wrong; defect 2."""
    try:
        return read()
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _string(reply: Any, name: str) -> str:
    """Return a value as `getAsString` does; raise for null and for what is not there."""
    value = reply[name]
    if value is None or isinstance(value, dict | list):
        raise TypeError(name)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _head(reply: Any) -> dict[str, Any]:
    return {name: _string(reply, name) for name in ("status", "ErrorCode", "ErrorDesc")}


def _with_id(reply: Any) -> dict[str, Any]:
    return {**_head(reply), "DocId": _string(reply, "DocId")}


def _count(reply: Any) -> dict[str, Any]:
    found = _head(reply)
    return found if found["status"] == "FAIL" else {**found, "count": int(reply["count"])}


def _list_of(reply: Any, names: tuple[str, ...]) -> dict[str, Any]:
    found = _head(reply)
    if found["ErrorCode"] != "0":
        return found
    entries = [
        {name: _string(each, name) for name in names if name in each} for each in reply["data"]
    ]
    return {**found, "data": entries}
