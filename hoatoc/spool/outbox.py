"""The outbox of a sender, in SQLite: taken once by content, claimed, sent or refused.

A packet is one by its bytes: the same bytes again are the same row, so a folder that is read twice
and a client that asks twice change nothing. Claims are committed before anything is sent; a claim
that was not finished is free again. What is sent carries the row's id as its key of idempotency, so
a repeat is the same hand-over.

The quota bounds what waits: at its edge a packet is refused, clearly, and nothing of it is kept.
"""

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple, Self
from uuid import UUID, uuid5

from hoatoc.client.trying import LONGEST_MS
from hoatoc.domain.error import Unavailable, name_of
from hoatoc.domain.event import HandOverAnswered
from hoatoc.domain.secret import SecretSuspected
from hoatoc.kafka.door_answer import REFUSED
from hoatoc.sqlite import Connect, File, connect, migrations
from hoatoc.sqlite import queries as queries_of

_NAMESPACE = UUID("5f1d3c0e-6a5b-5a3e-9c55-1a0f6f0f7e11")
_MB = 1024 * 1024
SQL: Mapping[str, str] = queries_of((files("hoatoc.spool") / "query.sql").read_text("utf-8"))


class SpoolFull(Unavailable):
    """The quota of the spool is used up: the packet was not taken, its sender must keep it."""

    def __init__(self, waiting: int, used: int, quota: int) -> None:
        self.waiting, self.used, self.quota = waiting, used, quota
        super().__init__(
            f"Hàng đợi gửi đã đầy: {waiting} gói tin, {used / _MB:.1f}/{quota / _MB:.0f} MB đang "
            "chờ đường truyền. Gói tin này CHƯA được nhận: giữ lại, khôi phục đường truyền hoặc "
            f"tăng HOATOC_SPOOL_QUOTA_MB rồi gửi lại. / The spool is full: {waiting} packets wait "
            f"for the line, {used / _MB:.1f} of {quota / _MB:.0f} MB. This packet was NOT taken: "
            "keep it, restore the line or raise HOATOC_SPOOL_QUOTA_MB, and send it again."
        )


class State(StrEnum):
    """Where a packet stands."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    SENT = "sent"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A packet as it comes to the spool, with what its header says."""

    content: bytes
    document_id: str
    sender: str
    priority: int
    declared_by: str = ""
    name: str = ""


class Taken(NamedTuple):
    """What became of an arrival: its id; `new` unless it had been taken before."""

    id: UUID
    new: bool
    state: State


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """A claimed packet, without its content; `attempts` counts this one.

    `handover_id` is that of this giving: given again after a refusal, it has another.
    """

    id: UUID
    handover_id: UUID
    document_id: str
    sender: str
    priority: int
    size: int
    sha256: bytes
    declared_by: str
    name: str
    taken_ms: int
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What became of a packet; `answer` is what the door said, as JSON."""

    id: UUID
    document_id: str
    sender: str
    priority: int
    size: int
    sha256: bytes
    name: str
    taken_ms: int
    state: State
    attempts: int
    fault: str
    ended_ms: int | None
    dispatch_id: UUID | None
    answer: Any
    handover_id: UUID


class Standing(NamedTuple):
    """What waits: packets, bytes, and since when the oldest.

    `unanswered` packets have left and may still be refused.
    """

    packets: int
    bytes: int
    oldest_ms: int | None
    unanswered: int = 0


class Named(NamedTuple):
    """What became of one copy, as its sender is told."""

    delivery_id: UUID
    dispatch_id: UUID
    recipient: str
    state: str
    version: int
    code: str | None = None
    description: str | None = None


SUSPECTED = name_of(SecretSuspected)
"""the refusal after which no copy of a packet is made"""
_MISSED = "missed-ms"
"""beside the sources: the instant before which some of what they told has expired unread"""
UNANSWERED = "answer-expired"
_UNANSWERED = (
    "Câu trả lời cho gói tin này đã hết hạn lưu khi hàng đợi ngừng chạy: không rõ đã được nhận hay "
    "chưa. Hỏi đơn vị vận hành, hoặc đặt lại vào outgoing: văn bản đã được nhận thì không bị gửi "
    "hai lần. / The answer to this packet expired while the spool was away: whether it was taken "
    "is not known. Ask the operators, or put it into outgoing again: a document that was taken is "
    "not sent twice."
)
_ANSWER = ("partition", "offset", "outcome", "dispatch_id", "reason", "detail")


RequireRoom = Callable[[int], None]


def spool_id(content: bytes) -> UUID:
    """Return the id of a packet: the same bytes have the same."""
    return uuid5(_NAMESPACE, sha256(content).hexdigest())


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class Outbox:
    """Packets on their way out, in one file; every method is one transaction."""

    file: File
    quota_bytes: int
    now_ms: Callable[[], int] = field(default=_now_ms)

    async def take(self, arrival: Arrival, require_room: RequireRoom = lambda _: None) -> Taken:
        """Take a packet for good; the same again is the same one. Raises SpoolFull, DiskFull.

        `require_room` is asked with the bytes of the file that can be used again, and raises
        DiskFull.
        """
        return await self.file.do(lambda connection: self._take(connection, arrival, require_room))

    def _take(
        self, connection: sqlite3.Connection, arrival: Arrival, require_room: RequireRoom
    ) -> Taken:
        digest = sha256(arrival.content).digest()
        known = connection.execute(SQL["find"], {"sha256": digest}).fetchone()
        if known and known["state"] != State.REFUSED:
            return Taken(UUID(known["id"]), new=False, state=State(known["state"]))
        self._require_quota(connection, len(arrival.content))
        require_room(int(connection.execute(SQL["spare"]).fetchone()[0]))
        now_ms, packet = self.now_ms(), spool_id(arrival.content)
        row = {
            "id": str(packet),
            "handover_id": str(uuid5(packet, str(now_ms))),
            "sha256": digest,
            "bytes": len(arrival.content),
            "now_ms": now_ms,
            **{name: getattr(arrival, name) for name in Arrival.__slots__},
        }
        connection.execute(SQL["take_again" if known else "take"], row)
        return Taken(packet, new=True, state=State.WAITING)

    async def require_quota(self, content: bytes) -> None:
        """Raise SpoolFull where a packet would find no room in the quota."""

        def require(connection: sqlite3.Connection) -> None:
            digest = sha256(content).digest()
            known = connection.execute(SQL["find"], {"sha256": digest}).fetchone()
            if not known or known["state"] == State.REFUSED:
                self._require_quota(connection, len(content))

        await self.file.do(require)

    def _require_quota(self, connection: sqlite3.Connection, size: int) -> None:
        packets, _, _, kept = connection.execute(SQL["occupied"]).fetchone()
        if kept + size > self.quota_bytes:
            raise SpoolFull(packets, kept, self.quota_bytes)

    async def claim(self, but: Iterable[UUID], limit: int, least: int = 0) -> list[Queued]:
        """Claim up to `limit` packets, urgent first; committed before the caller sends anything.

        `but`: not these, which are in flight; `least`: of this priority at least.
        """
        claim = {
            "least": least,
            "but": json.dumps([str(each) for each in but]),
            "room": limit,
            "now_ms": self.now_ms(),
            "longest_ms": LONGEST_MS,
        }
        rows = await self.file.do(lambda c: c.execute(SQL["claim"], claim).fetchall())
        ids = ("id", "handover_id")
        claimed = [Queued(**{**dict(row), **{n: UUID(row[n]) for n in ids}}) for row in rows]
        return sorted(claimed, key=lambda each: (-each.priority, each.taken_ms, str(each.id)))

    async def content(self, packet: UUID) -> bytes | None:
        """Return the bytes of a packet; None once they are needed no more, or it is unknown."""
        row = await self.file.do(
            lambda c: c.execute(SQL["content"], {"id": str(packet)}).fetchone()
        )
        return bytes(row["content"]) if row and row["content"] is not None else None

    async def mark_sent(self, packet: UUID, dispatch_id: UUID | None, answer: Any) -> None:
        """Mark a claimed packet as taken by the door; its content is deleted."""
        told = {
            "dispatch_id": str(dispatch_id) if dispatch_id else None,
            "answer": json.dumps(answer),
        }
        await self._end("mark_sent", packet, told)

    async def mark_handed(self, packet: UUID, answer: Any) -> None:
        """Mark a claimed packet as taken by the broker; its content is kept until its answer."""
        await self._end("mark_handed", packet, {"answer": json.dumps(answer)})

    async def refuse(
        self, packet: UUID, fault: str, answer: Any, *, gives_back: bool = True
    ) -> None:
        """Mark a claimed packet as refused for good; its content is kept to be given back."""
        told = {"fault": fault, "answer": json.dumps(answer), "gives_back": gives_back}
        await self._end("refuse", packet, told)

    async def given_back(self, packet: UUID) -> None:
        """Delete the content of a packet that was refused: its sender has it."""
        await self.file.do(lambda c: c.execute(SQL["given_back"], {"id": str(packet)}))

    async def _end(self, query: str, packet: UUID, told: dict[str, Any]) -> None:
        row = {"id": str(packet), "now_ms": self.now_ms(), **told}

        def end(connection: sqlite3.Connection) -> None:
            if connection.execute(SQL[query], row).rowcount:
                connection.execute(SQL["show"], {"subject": f"packet/{packet}"})

        await self.file.do(end)

    async def put_off(self, packet: UUID, seconds: float, fault: str) -> None:
        """Let a claimed packet wait again, for so many seconds at least."""
        later = {
            "id": str(packet),
            "fault": fault,
            "not_before_ms": self.now_ms() + int(seconds * 1000) if seconds else 0,
        }
        await self.file.do(lambda c: c.execute(SQL["put_off"], later))

    async def standing(self) -> Standing:
        """Return what waits."""

        def count(connection: sqlite3.Connection) -> Standing:
            packets, used, unanswered, _ = connection.execute(SQL["occupied"]).fetchone()
            oldest = connection.execute(SQL["oldest"]).fetchone()[0]
            return Standing(packets, used, oldest, unanswered)

        return await self.file.do(count)

    async def next_due_s(self) -> float | None:
        """Return in how many seconds the next packet may leave; None when nothing waits."""
        row = await self.file.do(lambda c: c.execute(SQL["next_due"]).fetchone())
        return None if row["due_ms"] is None else max(row["due_ms"] - self.now_ms(), 0) / 1000

    async def fate(self, packet: UUID) -> Fate | None:
        """Return what became of a packet; None if it was never taken."""
        row = await self.file.do(lambda c: c.execute(SQL["fate"], {"id": str(packet)}).fetchone())
        return _fate(row) if row else None

    async def fates(self, limit: int = 1000) -> list[Fate]:
        """Return what became of the packets taken last."""
        rows = await self.file.do(lambda c: c.execute(SQL["fates"], {"room": limit}).fetchall())
        return [_fate(row) for row in rows]

    async def forget(self, older_than_s: float) -> int:
        """Forget what ended longer ago than this, and return how many packets those were."""
        before = {"before_ms": self.now_ms() - int(older_than_s * 1000)}

        def forget(connection: sqlite3.Connection) -> int:
            forgotten = connection.execute(SQL["forget"], before).rowcount
            connection.execute(SQL["forget_told"], before)
            return forgotten

        return await self.file.do(forget)

    async def cursor(self, source: str) -> str | None:
        """Return up to where the statuses of a source were booked."""
        row = await self.file.do(lambda c: c.execute(SQL["cursor"], {"source": source}).fetchone())
        return row["cursor"] if row else None

    async def book(
        self,
        source: str,
        cursor: str,
        told: Sequence[Named],
        answers: Sequence[HandOverAnswered] = (),
    ) -> None:
        """Book what became of copies and packets, and how far their source was read, at once."""
        now_ms = self.now_ms()

        def book(connection: sqlite3.Connection) -> None:
            for answer in answers:
                self._answered(connection, answer, now_ms)
            for each in told:
                row = {**each._asdict(), "now_ms": now_ms}
                row |= {name: str(row[name]) for name in ("delivery_id", "dispatch_id")}
                connection.execute(SQL["tell"], row)
                connection.execute(SQL["show"], {"subject": f"dispatch/{each.dispatch_id}"})
            connection.execute(SQL["move"], {"source": source, "cursor": cursor})

        await self.file.do(book)

    async def miss(self, now_ms: int) -> None:
        """Note that statuses told before an instant have expired, and cannot be asked for."""
        row = {"source": _MISSED, "cursor": str(now_ms)}
        await self.file.do(lambda c: c.execute(SQL["move"], row))

    async def missed_ms(self) -> int | None:
        """Return before which instant statuses may be missing; None if none are."""
        found = await self.cursor(_MISSED)
        return int(found) if found else None

    @staticmethod
    def _answered(connection: sqlite3.Connection, said: HandOverAnswered, now_ms: int) -> None:
        answer = {name: getattr(said, name) for name in _ANSWER}
        row = {
            "handover_id": str(said.handover_id),
            "gives_back": said.reason != SUSPECTED,
            "unanswered": UNANSWERED,
            "now_ms": now_ms,
            "dispatch_id": str(said.dispatch_id) if said.dispatch_id else None,
            "fault": said.detail or said.reason or "",
            "answer": json.dumps(answer, default=str),
        }
        query = "answered_refused" if said.outcome == REFUSED else "answered_taken"
        found = connection.execute(SQL[query], row).fetchone()
        if found is not None:
            connection.execute(SQL["show"], {"subject": f"packet/{found['id']}"})

    async def dispatches(self, after: str) -> list[UUID]:
        """Return some dispatches that the door has and that are remembered here, in order."""
        rows = await self.file.do(
            lambda c: c.execute(SQL["dispatches"], {"after": after}).fetchall()
        )
        return [UUID(row["dispatch_id"]) for row in rows]

    async def give_back_unanswered(self, before_ms: int) -> int:
        """Refuse what was given before an instant and never answered; a person decides on it.

        Returns how many packets those are. An answer that comes after all stands.
        """
        answer = {"outcome": "unknown", "reason": UNANSWERED}
        told = {"before_ms": before_ms, "fault": _UNANSWERED, "answer": json.dumps(answer)}

        def give_back(connection: sqlite3.Connection) -> int:
            rows = connection.execute(SQL["give_back"], told).fetchall()
            for row in rows:
                connection.execute(SQL["show"], {"subject": f"packet/{row['id']}"})
            return len(rows)

        return await self.file.do(give_back)

    async def unshown(self, after: str = "") -> list[tuple[str, int]]:
        """Return some of what the folder does not show yet, and how often that has changed.

        It is `packet/<id>` or `dispatch/<id>`.
        """
        rows = await self.file.do(lambda c: c.execute(SQL["unshown"], {"after": after}).fetchall())
        return [(row["subject"], row["changes"]) for row in rows]

    async def mark_shown(self, subject: str, changes: int) -> None:
        """Mark that the folder shows this, unless it has changed again meanwhile."""
        shown = {"subject": subject, "changes": changes}
        await self.file.do(lambda c: c.execute(SQL["shown"], shown))

    async def told(self, dispatch_id: UUID) -> dict[str, Any]:
        """Return what is known of a dispatch and its copies, as JSON has it."""
        of = {"dispatch_id": str(dispatch_id)}

        def look(connection: sqlite3.Connection) -> dict[str, Any]:
            packet = connection.execute(SQL["of_dispatch"], of).fetchone()
            copies = connection.execute(SQL["told"], of).fetchall()
            return {**of, **(dict(packet) if packet else {}), "copies": [dict(c) for c in copies]}

        return await self.file.do(look)

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _fate(row: sqlite3.Row) -> Fate:
    fields = dict(row)
    dispatch_id, answer = fields["dispatch_id"], fields["answer"]
    return Fate(
        **{
            **fields,
            "id": UUID(fields["id"]),
            "handover_id": UUID(fields["handover_id"]),
            "state": State(fields["state"]),
            "dispatch_id": UUID(dispatch_id) if dispatch_id else None,
            "answer": json.loads(answer) if answer else None,
        }
    )


def open_outbox(
    path: Path,
    quota_bytes: int,
    connect: Connect = connect,
    now_ms: Callable[[], int] = _now_ms,
) -> Outbox:
    """Open or make the outbox in a file; raises FileNewer, FileUnusable or DiskFull.

    The file is this process's alone, so what another had claimed waits again.
    """
    file = File.open(path, migrations("hoatoc.spool.migrations"), connect)
    file.do_now(lambda connection: connection.execute(SQL["unclaim"]))
    return Outbox(file, quota_bytes, now_ms)
