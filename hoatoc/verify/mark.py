"""Marks of a signature in bytes that could not be read: told without reading them."""

from hoatoc.domain.content import Content, contains
from hoatoc.domain.signature import Signature, unverified
from hoatoc.domain.signature_reason import Reason

# The byte range of a signature is never compressed, since a signer fills it in last.
PDF = b"/ByteRange"
PACKET = b"SignatureValue"


def if_signed(content: Content, mark: bytes, reason: Reason) -> tuple[Signature, ...]:
    """Return what stands for the signatures of content that bears a mark of one."""
    return (unverified(reason),) if contains(content, mark) else ()
