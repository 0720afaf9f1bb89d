"""Calendars in files: the one that ships with Hoatoc, and those that are named."""

from importlib.resources import files
from pathlib import Path

from hoatoc.domain.error import PeerFault


class CalendarUnreadable(PeerFault):
    """The file of the calendars cannot be read."""


def shipped_text() -> str:
    """Return the text of the calendars that ship with Hoatoc."""
    return (files("hoatoc.data") / "calendar.toml").read_text("utf-8")


def text_of(path: Path) -> str:
    """Return the text of a file of calendars; raises CalendarUnreadable."""
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CalendarUnreadable(
            f"không đọc được tệp lịch {path}: {error}; kiểm tra đường dẫn, ghi tệp bằng UTF-8"
            f" / the calendar file {path} cannot be read; check the path, write it in UTF-8"
        ) from error
