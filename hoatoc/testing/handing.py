"""What is killed while it hands over, and while it publishes, as the suite of crashes needs it.

A door and the outbox behind it are described by a `Handing`; what empties an outbox by a
`Publishing`. `tests/integration/test_outbox_crash.py` kills each at every step, and holds what was
accepted against what was published, by their ids. Another door or outbox runs the same suite by
describing itself.
"""

from collections.abc import Collection
from typing import NamedTuple, Protocol

from hoatoc.testing.crash import Work


class Carried(NamedTuple):
    """One copy that was accepted, or published: of which document, under which ids.

    `act` is the id of what was done with the document: the dispatch that carries it, the recall
    that asks it back. The copy's own id is the same for both.
    """

    document: str
    act: str
    copy: str


class Handing(Protocol):
    """A door at which documents are handed over, one after another.

    `steps` are those that must have been struck, or the suite has proved nothing; by the one that
    `decides` a document is accepted, and by none before it.
    """

    steps: Collection[str]
    decides: str

    async def prepare(self) -> str:
        """Let a client have a new document to hand over; return its name."""
        ...

    def work(self, document: str) -> Work:
        """Return the hand-over of a document, which is killed."""
        ...

    async def again(self, document: str) -> str:
        """Hand a document over as its client does that has had no answer; return its act's id."""
        ...

    async def accepted(self) -> Collection[Carried]:
        """Return all that stands as accepted, a copy that stands twice twice."""
        ...


class Publishing(Protocol):
    """What publishes the accepted; `steps` are those that must have been struck."""

    steps: Collection[str]

    async def prepare(self) -> None:
        """Have something accepted that waits to be published."""
        ...

    def work(self) -> Work:
        """Return the publication of all that waits, which is killed."""
        ...

    async def again(self) -> None:
        """Publish all that still waits, as what is started after a crash does."""
        ...

    async def accepted(self) -> Collection[Carried]:
        """Return all that stands as accepted, a copy that stands twice twice."""
        ...

    async def published(self) -> Collection[Carried]:
        """Return the ids of all that can be read as published; a repeat is the same fact."""
        ...

    async def waiting(self) -> int:
        """Return how much of the accepted is not marked as published."""
        ...

    async def wrong(self) -> list[str]:
        """Return, in words, what may stand at no instant, not at that of a crash either."""
        ...
