"""Arrivals: what a spool does with a packet before it says that it has it.

Read it, examine it for a state secret, find room for it; then it is durable, or nothing of it is
kept. What needs the registry is checked by the door that it is forwarded to.
"""

import asyncio
import os
import shutil
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Protocol

import structlog
from prometheus_client import Counter

from hoatoc.admission import Examiner
from hoatoc.domain.edxml import LARGEST_PACKET_BYTES, read_packet
from hoatoc.domain.error import HoatocError, PeerFault, name_of
from hoatoc.domain.packet import ContentTooLarge, Packet, PacketFault
from hoatoc.domain.secrecy import SecrecyRules
from hoatoc.domain.secret import Declaration, require_open, suspect
from hoatoc.domain.secret_flag import declared_in
from hoatoc.spool.folder import Folder, Seen, is_settled
from hoatoc.spool.outbox import Arrival, Outbox, SpoolFull, Taken
from hoatoc.sqlite import DiskFull

LOG = structlog.get_logger("spool")
TAKEN = Counter("hoatoc_spool_taken_total", "Packets that came to the spool", ["outcome"])
BESIDE = 16 * 1024 * 1024
"""bytes that stay free for the files of the folder, whatever the outbox can use again"""
AT_WORK = 2
"""packets examined at a time"""


class FileUnreadable(PeerFault):
    """A file in the folder may not be read."""

    def __init__(self) -> None:
        super().__init__(
            "Không có quyền đọc tệp. Cấp quyền đọc cho tài khoản chạy hoatoc spool rồi đặt lại vào "
            "outgoing. / The file may not be read. Let the account that runs hoatoc spool read it, "
            "and put it into outgoing again."
        )


class Gate(Protocol):
    """Lets packets pass that can be read and hold no state secret."""

    def check(self, data: bytes, declared_by: str) -> Packet:
        """Read a packet; raises PacketFault or SecretSuspected. It may take seconds."""
        ...


@dataclass(frozen=True, slots=True)
class SecretGate:
    """The gate against state secrets, as at every door."""

    secrecy: SecrecyRules
    examiner: Examiner

    def check(self, data: bytes, declared_by: str) -> Packet:
        """Read a packet; raises PacketFault or SecretSuspected. It may take seconds."""
        packet = read_packet(data, limit=LARGEST_PACKET_BYTES)
        examination = self.examiner.examine(packet, data)
        own = declared_in(data, self.secrecy)
        declaration = Declaration(secret=own.secret, cleared_by=declared_by)
        suspicions = suspect(packet, examination, declaration, rules=self.secrecy)
        require_open(suspicions, sha256(data).hexdigest(), len(data), organ=packet.sender.code)
        return packet


@dataclass(slots=True)
class Arrivals:
    """Takes packets, from the folder and for the port."""

    folder: Folder
    outbox: Outbox
    gate: Gate
    free_bytes: int
    come: asyncio.Event
    """set when there is something new to forward"""
    largest: int = LARGEST_PACKET_BYTES
    """bytes of a packet that the other side can take"""
    _durable: dict[str, Seen] = field(default_factory=dict)
    """files that are durable here and could not be taken out of the folder"""
    _is_full: bool = False
    """whether the last that came found no room"""
    _turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_WORK))

    async def take(
        self, content: bytes, declared_by: str = "", name: str = ""
    ) -> tuple[Packet, Taken]:
        """Take a packet for good; the same again is the same one.

        Raises PacketFault, SecretSuspected, SpoolFull or DiskFull; nothing is kept then.
        """
        if len(content) > self.largest:
            raise ContentTooLarge("/", f"{len(content)} bytes", f"{self.largest} bytes")
        async with self._turn:
            self._require_room(len(content), None)
            if self._is_full:  # no seconds are spent on what finds no room
                await self.outbox.require_quota(content)
            packet = await asyncio.to_thread(self.gate.check, content, declared_by)
            arrival = Arrival(
                content=content,
                document_id=packet.document_id,
                sender=packet.sender.code,
                priority=packet.priority,
                declared_by=declared_by,
                name=name,
            )
            self._is_full = True
            taken = await self.outbox.take(arrival, partial(self._require_room, len(content)))
            self._is_full = False
        TAKEN.labels("taken" if taken.new else "again").inc()
        LOG.info("packet_taken", id=taken.id, bytes=len(content), new=taken.new)
        self.come.set()
        return packet, taken

    def _require_room(self, size: int, spare: int | None) -> None:
        """Raise DiskFull unless there is room; `spare` bytes of the outbox can be used again.

        Whatever they are, a packet stands in the log of SQLite first, and what is shown of it in
        the folder.
        """
        free = shutil.disk_usage(self.folder.root).free
        is_full = spare is not None and free + spare - size < self.free_bytes
        if is_full or free - size < min(self.free_bytes, BESIDE):
            raise DiskFull(
                f"Ổ đĩa chỉ còn {free} byte trống, cần giữ {self.free_bytes}: gói tin CHƯA được "
                "nhận; giải phóng dung lượng rồi gửi lại. / The disk has "
                f"{free} bytes left and {self.free_bytes} are kept free: the packet was NOT taken. "
                "Make room and send it again."
            )

    async def sweep(self) -> None:
        """Take what stands in the folder; what is still being written is left for the next time."""
        full, faults = "", list[str]()
        try:
            for file in self.folder.arrivals():
                try:
                    await self._arrived(file)
                except (SpoolFull, DiskFull) as no_room:
                    full = f"{no_room}\n"  # a smaller one behind it may still find room
                except OSError as error:  # of this file alone, perhaps: the others are not held up
                    faults.append(f"{_text_of(file)}: {error.strerror}")
            await asyncio.to_thread(self.folder.say_full, full)
        except OSError as error:
            faults.append(f"{self.folder.outgoing}: {error.strerror}")
        self.folder.note_faults("outgoing", faults)

    async def _arrived(self, file: Path) -> None:
        """Take a file, or refuse it; raises OSError, SpoolFull or DiskFull, and it stays there."""
        try:
            seen = Seen.of(file)
            if self._durable.get(file.name) != seen:
                content = await asyncio.to_thread(_read, file, self.largest)
                await self.take(content, name=_text_of(file))
                self._durable[file.name] = seen
        except FileNotFoundError:  # whoever put it there has taken it away again
            return
        except PeerFault as fault:
            if isinstance(fault, PacketFault | FileUnreadable) and not is_settled(file):
                return
            TAKEN.labels("refused").inc()
            LOG.warning("file_refused", reason=type(fault).__name__)
            await asyncio.to_thread(self.folder.refuse, file, seen, _told(fault))
        else:
            await asyncio.to_thread(self.folder.took, file, seen)
            self._durable.pop(file.name, None)


def _text_of(file: Path) -> str:
    """Return the name of a file as text, whatever its bytes are."""
    return os.fsencode(file.name).decode("utf-8", "backslashreplace")


def _read(file: Path, largest: int) -> bytes:
    """Read a file that is not too large; raises ContentTooLarge, FileUnreadable."""
    size = file.stat().st_size
    if size > largest:
        raise ContentTooLarge("/", f"{size} bytes", f"{largest} bytes")
    try:
        return file.read_bytes()
    except PermissionError as error:
        raise FileUnreadable from error


def _told(fault: HoatocError) -> dict[str, str]:
    """Return what is said of a file that is refused, without what was found in it."""
    detail = fault.withheld() if isinstance(fault, PacketFault) else str(fault)
    return {"code": name_of(type(fault)), "detail": detail}
