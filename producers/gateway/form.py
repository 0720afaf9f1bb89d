"""A document as JSON and files, made into the packet that it is: the same gives the same packet."""

import secrets
from base64 import b64encode
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import replace
from datetime import date
from hashlib import sha256
from typing import Annotated

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from hoatoc.domain.edxml import LARGEST_PACKET_BYTES, write_packet
from hoatoc.domain.error import PeerFault
from hoatoc.domain.packet import Attachment, OtherInfo, Packet, Party, Signer, Staff
from producers.gateway.body import pieces, require_digest
from producers.gateway.refusal import DiskShort
from producers.gateway.shape import Priority

MOST_FILES = 100
_MOST_JSON_BYTES = 4 * 1024 * 1024
_PIECE_BYTES = 48 * 1024
"""a multiple of three, so that pieces in base64 follow each other"""
Text = Annotated[str, Field(max_length=4000)]
Code = Annotated[str, Field(min_length=3, max_length=35, pattern=r"^[A-Za-z0-9._-]+$")]


class FormInvalid(PeerFault):
    """A hand-over as JSON and files that cannot be read; `field` names what is wrong."""

    def __init__(self, field: str, reason: str) -> None:
        self.field = field
        super().__init__(
            f"{field}: {reason}. Sửa rồi gửi lại, xem DocumentIn tại /docs. / {field}: {reason}. "
            "Correct it and send again; see DocumentIn at /docs."
        )


class _In(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PartyIn(_In):
    """An agency: its code, and its name if it is to stand in the packet."""

    code: Code
    name: Text = ""


class SignerIn(_In):
    """Who signed, and by what authority."""

    full_name: Text
    position: Text = ""
    competence: Text = ""


class DocumentIn(_In):
    """A new document; its files come beside it, in the parts `files`, in this order."""

    sender: PartyIn
    recipients: Annotated[list[PartyIn], Field(min_length=1, max_length=10_000)]
    number: Annotated[str, Field(min_length=1, max_length=11)]
    notation: Annotated[str, Field(min_length=1, max_length=100)]
    promulgated: date
    subject: Annotated[str, Field(min_length=1, max_length=4000)]
    document_id: Text = Field(
        "", description="default: `<sender>,<yyyy/mm/dd>,<number>/<notation>`"
    )
    place: Text = ""
    type_code: Annotated[str, Field(max_length=10)] = ""
    type_name: Text = ""
    content: Text = ""
    signer: SignerIn
    due: date | None = None
    priority: Priority = 0
    places: Annotated[list[Text], Field(max_length=1000)] = []
    pages: Annotated[str, Field(max_length=10)] = ""
    copies: Annotated[str, Field(max_length=10)] = ""
    staff_name: Text = ""
    staff_email: Text = ""


async def form_of(request: Request, limit: int, idle_s: float) -> FormData:
    """Read the parts of a form, files to disk.

    Raises FormInvalid, and what `pieces` and `require_digest` raise.
    """
    digest = sha256()

    async def body() -> AsyncGenerator[bytes, None]:
        async for piece in pieces(request, limit, idle_s):
            digest.update(piece)
            yield piece

    parser = MultiPartParser(
        request.headers,
        body(),
        max_files=MOST_FILES,
        max_fields=1,
        max_part_size=_MOST_JSON_BYTES,
    )
    try:
        parts = await parser.parse()
    except (MultiPartException, KeyError, UnicodeDecodeError) as error:
        raise FormInvalid("body", str(getattr(error, "message", error))[:200]) from error
    except OSError as error:
        raise DiskShort from error
    try:
        require_digest(request, digest.digest())
    except PeerFault:
        await parts.close()
        raise
    return parts


async def document_of(form: FormData) -> DocumentIn:
    """Return the document that a form describes, as text or as a file; raises FormInvalid."""
    part: object = form.get("document")
    if isinstance(part, UploadFile):
        part = await part.read(_MOST_JSON_BYTES)
    if not isinstance(part, str | bytes):
        raise FormInvalid("document", "thiếu phần JSON / the part with JSON is missing")
    try:
        return DocumentIn.model_validate_json(part)
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(("document", *map(str, first["loc"])))
        raise FormInvalid(path, str(first["msg"])) from error


def files_of(form: FormData) -> list[UploadFile]:
    """Return the files of a form; raises FormInvalid."""
    files = [each for each in form.getlist("files") if isinstance(each, UploadFile)]
    if len(files) != len(form.multi_items()) - 1:
        raise FormInvalid("files", "chỉ có các phần document và files / parts: document and files")
    return files


def packet_of(document: DocumentIn, files: Sequence[UploadFile]) -> Packet:
    """Return the packet of a document, whose attachments have no content yet."""
    day = f"{document.promulgated:%Y/%m/%d}"
    mark = f"{document.number}/{document.notation}"
    return Packet(
        sender=Party(code=document.sender.code, name=document.sender.name),
        recipients=tuple(Party(code=one.code, name=one.name) for one in document.recipients),
        document_id=document.document_id or f"{document.sender.code},{day},{mark}",
        number=document.number,
        notation=document.notation,
        place=document.place,
        promulgated=document.promulgated,
        type_code=document.type_code,
        type_name=document.type_name,
        subject=document.subject,
        content=document.content,
        signer=Signer(
            competence=document.signer.competence,
            position=document.signer.position,
            full_name=document.signer.full_name,
        ),
        due=document.due,
        places=tuple(document.places),
        priority=document.priority,
        staff=Staff(name=document.staff_name, email=document.staff_email),
        other=OtherInfo(pages=document.pages, copies=document.copies),
        attachments=tuple(_attachment(n, file) for n, file in enumerate(files, start=1)),
    )


def _attachment(number: int, file: UploadFile) -> Attachment:
    return Attachment(
        name=file.filename or f"file-{number}",
        content_type=file.content_type or "application/octet-stream",
        content=b"",
        content_id=f"file-{number}",
    )


async def written(packet: Packet, files: Sequence[UploadFile]) -> AsyncIterator[bytes]:
    """Yield a packet with its files, none of them whole in memory.

    The packet is written with a mark in the place of each file; the marks are then replaced.
    """
    marks = [secrets.token_bytes(24) for _ in files]
    marked = [
        replace(attachment, content=mark)
        for attachment, mark in zip(packet.attachments, marks, strict=True)
    ]
    rest = write_packet(replace(packet, attachments=tuple(marked)), limit=LARGEST_PACKET_BYTES)
    for mark, file in zip(marks, files, strict=True):
        before, _, rest = rest.partition(b64encode(mark))
        yield before
        while piece := await file.read(_PIECE_BYTES):
            yield b64encode(piece)
    yield rest
