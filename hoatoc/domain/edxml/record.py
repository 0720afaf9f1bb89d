"""The record: what was kept of a packet, by the names of its elements."""

from collections.abc import Sequence

from hoatoc.domain.content import Content
from hoatoc.domain.packet import ElementInvalid, ElementMissing


class Record:
    """What stands inside one group: texts, repeated texts, groups, and decoded content.

    `index` counts a repeated group from 1; it is 0 for one that stands alone.
    """

    __slots__ = ("_index", "_name", "_within", "content", "groups", "many", "texts")

    def __init__(self, name: str = "", within: "Record | None" = None, index: int = 0) -> None:
        self._name = name
        self._within = within
        self._index = index
        self.texts: dict[str, str] = {}
        self.many: dict[str, list[str]] = {}
        self.groups: dict[str, list[Record]] = {}
        self.content: Content | None = None

    @property
    def path(self) -> str:
        """The name of the group in a message for a person, as in `MessageHeader/To[2]`."""
        name = f"{self._name}[{self._index}]" if self._index else self._name
        return self._within.where(name) if self._within else name

    def where(self, name: str) -> str:
        """Return the path of an element of this group."""
        return f"{path}/{name}" if (path := self.path) else name

    def text(self, name: str) -> str:
        """Return a text, which may be absent or empty."""
        return self.texts.get(name, "")

    def required(self, name: str) -> str:
        """Return a text; raise `ElementMissing` if it is absent or empty."""
        if text := self.texts.get(name):
            return text
        raise ElementMissing(self.where(name))

    def digit(self, name: str, highest: int, default: str = "") -> int:
        """Return a number from 0; raise `ElementMissing` or `ElementInvalid`."""
        text = self.texts.get(name) or default or self.required(name)
        if text in map(str, range(highest + 1)):
            return int(text)
        raise ElementInvalid(self.where(name), text, f"0…{highest}")

    def group(self, *names: str) -> "Record":
        """Return a group below this one; an absent one is as good as an empty one."""
        record = self
        for name in names:
            found = record.groups.get(name)
            record = found[0] if found else Record(name, record)
        return record

    def each(self, name: str) -> Sequence["Record"]:
        """Return every group of a name."""
        return self.groups.get(name, ())
