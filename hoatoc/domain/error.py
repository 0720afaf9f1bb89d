"""The errors of Hoatoc: one root, and below it whose fault it is.

A caller decides by `retriable` alone whether to try again; the text of an error names what was
found, what was expected and the remedy, so that it can be shown to a person as it is.
"""

import re
from typing import ClassVar

_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class HoatocError(Exception):
    """Something went wrong; the message says what, where and what to do."""

    retriable: ClassVar[bool] = False


class OurFault(HoatocError):
    """Hoatoc or its machine is at fault; no agency is."""


class PeerFault(HoatocError):
    """What was handed to us is at fault; the message names the field and the remedy."""


class Unavailable(OurFault):
    """The broker or the database does not answer; nothing is lost, and trying again is safe."""

    retriable = True


def name_of(kind: type[BaseException]) -> str:
    """Return the name of a refusal as all doors give it: DocumentConflict is document-conflict."""
    return _WORDS.sub("-", kind.__name__).lower()
