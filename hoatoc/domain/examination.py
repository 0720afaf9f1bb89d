"""The examination: what was found in the files of a packet, before anything of it is kept.

Readers of files live outside the domain; what they found comes in as these values, and the checks
and the secret gate decide by them alone.
"""

from dataclasses import dataclass

from hoatoc.domain.signature import Signature


@dataclass(frozen=True, slots=True, kw_only=True)
class FileExamined:
    """What one attachment holds.

    `media_type` is that of its first bytes, not the one it claims; `text` is all the text in it;
    `unreadable` is a named reason why its text, or a part of it, could not be had ("" if it could);
    `harmful` is what of a packed file would harm whoever unpacks it.
    """

    name: str
    media_type: str
    text: str = ""
    unreadable: str = ""
    harmful: str = ""
    signatures: tuple[Signature, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What was found in the files of one packet, in their order, and in its own signature."""

    files: tuple[FileExamined, ...] = ()
    packet_signatures: tuple[Signature, ...] = ()
