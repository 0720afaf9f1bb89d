"""Taking content: on from where a broken line left it, and only whole and unaltered."""

import os
from collections.abc import Mapping
from hashlib import file_digest
from pathlib import Path
from typing import BinaryIO

from hoatoc import durable
from hoatoc.client.call import etag_of
from hoatoc.client.error import ContentAltered

_PARTIAL = 206
_BEHIND_THE_END = 416


class Download:
    """A file that grows beside the place where it will stand; no I/O but on that file."""

    def __init__(self, to: Path, sha256: str) -> None:
        self._to, self._sha256 = to, sha256.lower()
        self._part = to.with_name(f"{to.name}.part")

    def headers(self) -> dict[str, str]:
        """Return what asks for the rest, where it is known of what."""
        done = self._part.stat().st_size if self._part.exists() else 0
        if not (done and self._sha256):
            return {}
        return {"Range": f"bytes={done}-", "If-Range": f'"{self._sha256}"'}

    def opened(self, status: int, headers: Mapping[str, str]) -> BinaryIO:
        """Open the file for what an answer brings, which says what it is a part of."""
        self._sha256 = self._sha256 or etag_of(headers)
        return self._part.open("ab" if status == _PARTIAL else "wb")

    def is_complete(self, status: int) -> bool:
        """Tell whether an answer says that nothing is left to be taken."""
        return status == _BEHIND_THE_END and self._part.exists()

    def finish(self) -> None:
        """Put the file in its place; raises ContentAltered, and the next try begins anew."""
        with self._part.open("rb+") as file:
            found = file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
        if found != self._sha256:
            self._part.unlink()
            raise altered(self._sha256, found)
        os.replace(self._part, self._to)
        durable.sync(self._to.parent)


def altered(expected: str, found: str) -> ContentAltered:
    """Return what is said of content that is not what was handed over."""
    return ContentAltered(
        f"Nội dung nhận được khác nội dung đã gửi: SHA-256 {found}, cần {expected}; lấy lại, nếu "
        "vẫn sai thì báo đơn vị vận hành. / The content is not what was handed over: SHA-256 "
        f"{found}, expected {expected}. Take it again; if it stays so, tell the operators."
    )
