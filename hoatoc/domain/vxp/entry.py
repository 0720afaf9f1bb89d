"""What the lists tell: what came, what became of what was sent, and the agencies.

Instants are ISO 8601 in Vietnam's zone (QĐ 28/2018/QĐ-TTg, Điều 14.4). The axis documents no values
of the four status fields; these are ours, `initial` is what a provincial axis says of a packet that
was not taken.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from hoatoc.domain.page import VIETNAM
from hoatoc.domain.registry import Organ, Registry

EDOC_SERVICE = "eDoc"


class MessageType(StrEnum):
    """The two kinds of packet that are listed apart."""

    EDOC = "edoc"
    STATUS = "status"


class Taking(StrEnum):
    """What the receiver's system has said of a packet; `initial`: nothing yet."""

    INITIAL = "initial"
    PROCESSING = "processing"
    DONE = "done"
    FAIL = "fail"


TAKING_TEXTS = {
    Taking.INITIAL: "Chưa nhận",
    Taking.PROCESSING: "Đang xử lý",
    Taking.DONE: "Đã nhận",
    Taking.FAIL: "Nhận lỗi",
}

STATUS_TEXTS = {
    "01": "Đã đến",
    "02": "Từ chối tiếp nhận (trả lại)",
    "03": "Đã tiếp nhận",
    "04": "Phân công",
    "05": "Đang xử lý",
    "06": "Hoàn thành",
    "13": "Lấy lại",
    "15": "Đồng ý cập nhật / lấy lại",
    "16": "Từ chối cập nhật / lấy lại",
}


class Sending(StrEnum):
    """Where a copy is on its way out: taken over and waiting, in the receiver's list, or not."""

    PROCESSING = "processing"
    DONE = "done"
    FAIL = "fail"
    CANCELLED = "cancelled"


SENDING_TEXTS = {
    Sending.PROCESSING: "Trục đã nhận, đang gửi",
    Sending.DONE: "Đã gửi",
    Sending.FAIL: "Gửi lỗi",
    Sending.CANCELLED: "Đã lấy lại trước khi gửi",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A packet for the caller; `taking` says whether it still waits."""

    id: UUID
    message_type: MessageType
    created: datetime
    updated: datetime
    sender: str
    recipient: str
    taking: Taking = Taking.INITIAL

    def as_axis(self) -> dict[str, Any]:
        """Return the entry of `getReceivedEdocList`."""
        return {
            "docId": str(self.id),
            "serviceType": EDOC_SERVICE,
            "messageType": self.message_type.value,
            "created_time": written(self.created),
            "updated_time": written(self.updated),
            "from": self.sender,
            "to": self.recipient,
            "status": self.taking.value,
            "status_desc": TAKING_TEXTS[self.taking],
        }

    def as_province(self) -> dict[str, Any]:
        """Return the entry of `syncReceivedEdocList`."""
        entry = self.as_axis()
        names = {"created_time": "createdTime", "updated_time": "updatedTime"}
        names["status_desc"] = "statusDesc"
        return {names.get(name, name): value for name, value in entry.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One copy of a document that the caller sent; `status` is the recipient's last, or empty."""

    dispatch_id: UUID
    delivery_id: UUID
    sender: str
    recipient: str
    notation: str
    title: str
    sent: datetime
    received: datetime | None
    sending: Sending
    taking: Taking
    status: str = ""

    def as_axis(self) -> dict[str, Any]:
        """Return the entry of `getSentEdocList`."""
        told = STATUS_TEXTS.get(self.status, "")
        taken = TAKING_TEXTS[self.taking]
        return {
            "serviceType": EDOC_SERVICE,
            "messageType": MessageType.EDOC.value,
            "senderDocId": str(self.dispatch_id),
            "receiverDocId": str(self.delivery_id),
            "fromCode": self.sender,
            "toCode": self.recipient,
            "notation": self.notation,
            "title": self.title,
            "sentTime": written(self.sent),
            "receivedTime": written(self.received) if self.received else "",
            "sendStatus": self.sending.value,
            "sendStatusDesc": SENDING_TEXTS[self.sending],
            "receiveStatus": self.taking.value,
            "receiveStatusDesc": f"{taken}; {self.status} {told}".strip() if self.status else taken,
        }


def written(at: datetime) -> str:
    """Write an instant as lists show it."""
    return at.astimezone(VIETNAM).isoformat(timespec="seconds")


def agencies(registry: Registry, on: date) -> Iterator[dict[str, Any]]:
    """Yield the entries of `getAgenciesList`: codes of QCVN 102 where there are such, and older.

    `oldCode` is the first alias; the axis gives one.
    """
    for organ in _standing(registry, on):
        aliases = [code for code in organ.aliases if code != organ.code102]
        code = organ.code102 or organ.code
        older = next((each for each in (*aliases, organ.code) if each != code), "")
        yield {**_agency(registry, organ), "code": code, "oldCode": older}


def agencies_of_2020(registry: Registry, on: date) -> Iterator[dict[str, Any]]:
    """Yield the entries of `getAgenciesListQD20`: the codes of QĐ 20/2020, beside those of 2016."""
    for organ in _standing(registry, on):
        yield {**_agency(registry, organ), "code": organ.code, "code102": organ.code102}


def units(registry: Registry, on: date, version: int) -> Iterator[dict[str, Any]]:
    """Yield the entries of `getSynchronizeUnit`: every organ, also those that have ended."""
    for organ in registry.organs:
        changed = organ.valid_to or organ.valid_from
        yield {
            **_agency(registry, organ),
            "code": organ.code,
            "version": version,
            "centerCode": registry.connection(organ),
            "deleted": organ.has_ended(on),
            "modifyDate": changed.isoformat() if changed else "",
            "isAgency": not organ.test,
        }


def _standing(registry: Registry, on: date) -> Iterable[Organ]:
    return (each for each in registry.organs if each.has_begun(on) and not each.has_ended(on))


def _agency(registry: Registry, organ: Organ) -> dict[str, Any]:
    parent = organ.parent or (organ.hub if organ.hub in registry else "")
    return {"id": organ.code, "pid": parent, "name": organ.name, "mail": organ.email}
