"""Answering: which side may say what of a copy, at every door."""

from hoatoc.domain.correlation import TAKE_BACK
from hoatoc.domain.delivery import canonical
from hoatoc.domain.error import PeerFault
from hoatoc.domain.event import Answer, StatusReported
from hoatoc.domain.registry import Registry
from hoatoc.ports import Speaker


class UnknownDelivery(PeerFault):
    """An answer to a document that was never handed over for the organ that answers."""


class WrongDirection(PeerFault):
    """A status comes from the wrong side: 13 is the sender's, every other the recipient's."""


def takes_back(answer: Answer | None) -> bool:
    """Tell whether an answer asks a copy back."""
    return isinstance(answer, StatusReported) and is_take_back(answer.code)


def is_take_back(code: str) -> bool:
    """Tell whether a status, as written, asks a copy back."""
    return canonical(code) == TAKE_BACK


def direction_fault(
    organ: str, speaker: Speaker, registry: Registry, *, back: bool
) -> WrongDirection | None:
    """Return why a connection point may not say this of a copy; None if it may.

    `back`: it asks the copy back, which is the sender's; all else is the recipient's.
    """
    sender = registry.get(speaker.sender)
    senders = {speaker.sender, registry.connection(sender) if sender else speaker.sender}
    if back and organ not in senders:
        return WrongDirection(
            f"status 13 asks a copy back and is the sender's: {speaker.sender}, not {organ}"
        )
    if not back and organ != speaker.connection:
        return WrongDirection(
            f"{organ} reports what only {speaker.connection} may report of this copy"
        )
    return None
