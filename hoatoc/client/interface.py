"""The interface v1 of the gateway as calls; each names the method and path that it is."""

from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4, uuid5

from hoatoc.client.call import (
    EDXML,
    JSON,
    Body,
    Call,
    Reply,
    as_page,
    decoded,
    digest_header,
    json_body,
    nothing,
    queried,
    require_kind,
)
from hoatoc.client.download import altered
from hoatoc.client.value import (
    Answered,
    AskedBack,
    Backlog,
    Counts,
    Delivery,
    Dispatch,
    Entry,
    HandedOver,
    Listed,
    Organ,
    Resent,
    Spooled,
    Stretch,
    Summary,
    Timeline,
    Told,
)

_KEYS = UUID("0d0f0c1e-58a2-5d0b-8a43-3a9f0f5f0e18")
_JSON = {"Content-Type": JSON}


def key_of(digest: bytes, declared_open_by: str = "") -> str:
    """Return the key of idempotency of a content: a program that was restarted has the same."""
    return str(uuid5(_KEYS, f"{digest.hex()}{declared_open_by}"))


def hand_over(
    packet: bytes | Path, priority: int | None, declared_open_by: str, key: str
) -> Call[HandedOver]:
    """POST /v1/documents, to a gateway."""
    return _document(packet, priority, declared_open_by, key, HandedOver)


def leave(
    packet: bytes | Path, priority: int | None, declared_open_by: str, key: str
) -> Call[Spooled]:
    """POST /v1/documents, to a spool."""
    return _document(packet, priority, declared_open_by, key, Spooled)


def _document(
    packet: bytes | Path, priority: int | None, declared_open_by: str, key: str, kind: type[Any]
) -> Call[Any]:
    body = Body(packet)
    digest = body.sha256()
    headers = {
        "Content-Type": EDXML,
        "Content-Digest": digest_header(digest),
        "Idempotency-Key": key or key_of(digest, declared_open_by),
    }
    if priority is not None:
        headers["Hoatoc-Priority"] = str(priority)
    return Call(
        method="POST",
        path="/v1/documents",
        query=queried(declared_open_by=declared_open_by),
        headers=headers,
        body=body,
        read=decoded(kind),
        writes=True,
    )


def dispatches(q: str, state: str, after: str, limit: int | None) -> Call[Listed[Summary]]:
    """GET /v1/dispatches."""
    query = queried(q=q, state=state, after=after, limit=limit)
    return Call(method="GET", path="/v1/dispatches", query=query, read=decoded(Listed[Summary]))


def dispatch(dispatch_id: UUID) -> Call[Dispatch]:
    """GET /v1/dispatches/{id}."""
    return Call(method="GET", path=f"/v1/dispatches/{dispatch_id}", read=decoded(Dispatch))


def timeline(dispatch_id: UUID) -> Call[Timeline]:
    """GET /v1/dispatches/{id}/timeline."""
    path = f"/v1/dispatches/{dispatch_id}/timeline"
    return Call(method="GET", path=path, read=decoded(Timeline))


def receipt(dispatch_id: UUID) -> Call[str]:
    """GET /v1/dispatches/{id}/receipt."""
    return Call(method="GET", path=f"/v1/dispatches/{dispatch_id}/receipt", read=as_page)


def recall(dispatch_id: UUID, reason: str, recipients: Iterable[str], key: str) -> Call[AskedBack]:
    """POST /v1/dispatches/{id}/recall; asked again it changes nothing."""
    return _act(dispatch_id, "recall", {"reason": reason, **_to(recipients)}, AskedBack, key)


def resend(dispatch_id: UUID, recipients: Iterable[str], key: str) -> Call[Resent]:
    """POST /v1/dispatches/{id}/resend."""
    return _act(dispatch_id, "resend", _to(recipients), Resent, key)


def _to(recipients: Iterable[str]) -> dict[str, list[str]]:
    named = list(recipients)
    return {"recipients": named} if named else {}


def _act(dispatch_id: UUID, act: str, body: object, kind: type[Any], key: str) -> Call[Any]:
    return Call(
        method="POST",
        path=f"/v1/dispatches/{dispatch_id}/{act}",
        headers={**_JSON, "Idempotency-Key": key or str(uuid4())},
        body=json_body(body),
        read=decoded(kind),
        writes=True,
    )


def inbox(cursor: str | None, limit: int | None, wait_s: float) -> Call[Stretch[Entry]]:
    """GET /v1/inbox."""
    return _stretch("/v1/inbox", cursor, limit, wait_s, Entry)


def statuses(cursor: str | None, limit: int | None, wait_s: float) -> Call[Stretch[Told]]:
    """GET /v1/statuses."""
    return _stretch("/v1/statuses", cursor, limit, wait_s, Told)


def _stretch(
    path: str, cursor: str | None, limit: int | None, wait_s: float, kind: type[Any]
) -> Call[Any]:
    query = queried(cursor=cursor, limit=limit, wait=f"{wait_s:g}" if wait_s else None)
    of: Any = Stretch[kind]  # type: ignore[valid-type]  # known when it runs
    return Call(method="GET", path=path, query=query, read=decoded(of), wait_s=wait_s)


def content_path(delivery_id: UUID) -> str:
    """Return where the content of a copy is."""
    return f"/v1/deliveries/{delivery_id}/content"


def content(delivery_id: UUID, expected: str) -> Call[bytes]:
    """GET /v1/deliveries/{id}/content, whole; it raises ContentAltered, ReplyUnreadable."""

    def read(reply: Reply) -> bytes:
        require_kind(reply, EDXML)
        told = expected or reply.etag
        found = sha256(reply.body).hexdigest()
        if found != told.lower():
            raise altered(told, found)
        return reply.body

    return Call(method="GET", path=content_path(delivery_id), read=read)


def delivery(delivery_id: UUID) -> Call[Delivery]:
    """GET /v1/deliveries/{id}."""
    return Call(method="GET", path=f"/v1/deliveries/{delivery_id}", read=decoded(Delivery))


def acknowledge(delivery_id: UUID, outcome: str, reason: str, key: str) -> Call[Answered]:
    """POST /v1/deliveries/{id}/acknowledgement."""
    body = {"outcome": outcome, **({"reason": reason} if reason else {})}
    return _answer(delivery_id, "acknowledgement", body, key)


def report(
    delivery_id: UUID, code: str, description: str, reported_at: datetime | None, key: str
) -> Call[Answered]:
    """POST /v1/deliveries/{id}/status."""
    body: dict[str, Any] = {"code": code}
    body |= {"description": description} if description else {}
    body |= {"reported_at": reported_at} if reported_at else {}
    return _answer(delivery_id, "status", body, key)


def _answer(delivery_id: UUID, what: str, body: object, key: str) -> Call[Answered]:
    return Call(
        method="POST",
        path=f"/v1/deliveries/{delivery_id}/{what}",
        headers={**_JSON, **({"Idempotency-Key": key} if key else {})},
        body=json_body(body),
        read=decoded(Answered),
        writes=True,
    )


def backlog() -> Call[Backlog]:
    """GET /v1/backlog."""
    return Call(method="GET", path="/v1/backlog", read=decoded(Backlog))


def counts() -> Call[Counts]:
    """GET /v1/counts."""
    return Call(method="GET", path="/v1/counts", read=decoded(Counts))


def organs(q: str) -> Call[Listed[Organ]]:
    """GET /v1/organs."""
    return Call(method="GET", path="/v1/organs", query=queried(q=q), read=decoded(Listed[Organ]))


def ready() -> Call[None]:
    """GET /readyz."""
    return Call(method="GET", path="/readyz", read=nothing)
