"""The store of large content: each object is named by the SHA-256 of what it holds.

It is a local folder, or a bucket of any store that speaks S3. What is put there is on its disk
before `put` returns; what comes out is what went in, or an error says so. Putting content that is
there already reads it once and leaves it, and replaces it where it was altered: so a document that
is handed over again mends its content.
"""

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from obstore import delete_async, get_async, head_async, list, put_async  # noqa: A004
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, S3Store

from hoatoc import durable
from hoatoc.config import Settings
from hoatoc.content.error import ContentAltered, ContentMissing, ContentUnreachable
from hoatoc.domain.content import ClaimCheck, Content, claim_of, digest_named, pieces_of

if TYPE_CHECKING:  # they are names of types only
    from obstore import GetOptions
    from obstore.store import S3Config

_PIECE_BYTES = 256 * 1024
# What S3 takes as a part of an upload; two are under way at a time, of each of two uploads.
_PART_BYTES = 5 * 1024 * 1024
_AT_A_TIME = 2
_CONNECT_S, _REQUEST_S, _RETRIES_S = 5, 60, 20
# What obstore names a file until all of it is written.
_UNFINISHED = re.compile(r"[0-9a-f]{64}#\d+")


class Lying(NamedTuple):
    """What lies in the store, and since when."""

    claim: ClaimCheck
    since: datetime


class Store:
    """Content by its digest; safe to be shared by tasks of one loop."""

    def __init__(self, objects: ObjectStore, folder: Path | None = None) -> None:
        self._objects, self._folder = objects, folder
        self._sending = asyncio.Semaphore(_AT_A_TIME)

    async def put(self, content: Content) -> ClaimCheck:
        """Keep content, and return by what it is claimed; it is on the disk then.

        Raises ContentUnreachable, and ContentAltered when its bytes are not those of its digest.
        """
        claim = claim_of(content)
        async with self._sending:
            if not await self._holds(claim):
                await self._put(claim, content)
        return claim

    async def _holds(self, claim: ClaimCheck) -> bool:
        try:
            await self.verify(claim)
        except (ContentMissing, ContentAltered):
            return False
        return True

    async def _put(self, claim: ClaimCheck, content: Content) -> None:
        with _reaching(claim):
            await put_async(
                self._objects,
                claim.name,
                _verified(content, claim),
                use_multipart=True,
                chunk_size=_PART_BYTES if self._folder is None else _PIECE_BYTES,
                max_concurrency=_AT_A_TIME,
            )
            if self._folder is not None:
                await asyncio.to_thread(_sync, self._folder, self._folder / claim.name)

    async def get(
        self, claim: ClaimCheck, first: int = 0, last: int | None = None
    ) -> AsyncIterator[bytes]:
        """Yield content, or its bytes from `first` to `last`, both included.

        Raises ContentMissing, and ContentAltered for another size, before the first byte; for other
        bytes ContentAltered before the last piece of all of it; at any time ContentUnreachable.
        """
        end = claim.size if last is None else min(last + 1, claim.size)
        whole = first == 0 and end == claim.size
        if not whole:
            await self._measure(claim)
        digest, size, held = sha256(), 0, b""
        with _reaching(claim):
            part: GetOptions | None = None if whole else {"range": (first, end)}
            found = await get_async(self._objects, claim.name, options=part)
            _same_size(claim, found.meta["size"])
            async for piece in found.stream(min_chunk_size=_PIECE_BYTES):
                data = bytes(piece)
                digest.update(data)
                size += len(data)
                if held:
                    yield held
                held = data
        if size != end - first or (whole and digest.digest() != claim.sha256):
            raise ContentAltered(_altered(claim, f"sha256 {digest.hexdigest()}, {size} bytes"))
        if held:
            yield held

    async def _measure(self, claim: ClaimCheck) -> None:
        with _reaching(claim):
            meta = await head_async(self._objects, claim.name)
        _same_size(claim, meta["size"])

    async def verify(self, claim: ClaimCheck) -> None:
        """Read content through; raise ContentMissing, ContentAltered or ContentUnreachable."""
        async for _piece in self.get(claim):
            pass

    async def remove(self, claim: ClaimCheck) -> None:
        """Remove content; one that is not there is no fault. Raises ContentUnreachable."""
        try:
            with _reaching(claim):
                await delete_async(self._objects, claim.name)
        except ContentMissing:
            return

    async def lying(self) -> AsyncIterator[Lying]:
        """Yield what lies in the store, whoever put it there; what is no content is left out."""
        with _reaching(None):
            async for some in list(self._objects):
                for each in some:
                    digest = digest_named(each["path"])
                    if digest is not None:
                        yield Lying(ClaimCheck(digest, each["size"]), each["last_modified"])

    async def ready(self) -> None:
        """Return when content can be put; raises ContentUnreachable."""
        if self._folder is not None and not os.access(self._folder, os.W_OK):
            raise ContentUnreachable(f"{self._folder}: không ghi được / cannot be written to")
        try:
            await self._measure(ClaimCheck(bytes(32), 0))
        except (ContentMissing, ContentAltered):
            return

    async def tidy(self, grace: timedelta) -> int:
        """Remove what writers that were killed left unfinished, if it is older; tell how many."""
        if self._folder is None:
            return 0
        return await asyncio.to_thread(_tidy, self._folder, time.time() - grace.total_seconds())


def _verified(content: Content, claim: ClaimCheck) -> Iterator[bytes]:
    """Yield content to be written; raise ContentAltered instead of letting other bytes be kept."""
    digest = sha256()
    for piece in pieces_of(content, _PIECE_BYTES):
        digest.update(piece)
        yield piece
    if digest.digest() != claim.sha256:
        raise ContentAltered(_altered(claim, f"sha256 {digest.hexdigest()}"))


def _same_size(claim: ClaimCheck, size: int) -> None:
    if size != claim.size:
        raise ContentAltered(_altered(claim, f"{size} bytes"))


def _altered(claim: ClaimCheck, found: str) -> str:
    return (
        f"nội dung {claim.name} ({claim.size} bytes) đã bị thay đổi: {found}; khôi phục từ bản sao "
        "lưu, hoặc nơi gửi gửi lại đúng văn bản đó / the content is not what was taken in: restore "
        "it, or have the sender hand the same document over again"
    )


@contextmanager
def _reaching(claim: ClaimCheck | None) -> Iterator[None]:
    """Name what is wrong with the store, or with one content of it."""
    try:
        yield
    except FileNotFoundError as error:
        if claim is None:
            raise ContentUnreachable(f"the store of content is not there: {error}") from error
        raise ContentMissing(
            f"nội dung {claim.name} ({claim.size} bytes) không có trong kho; khôi phục từ bản sao "
            "lưu, hoặc nơi gửi gửi lại đúng văn bản đó / the content is not in the store: restore "
            "it, or have the sender hand the same document over again"
        ) from error
    except (BaseError, OSError) as error:
        raise ContentUnreachable(
            "kho nội dung không trả lời; thử lại sau / the store of content does not answer, try "
            f"again later: {error}"
        ) from error


def _sync(root: Path, file: Path) -> None:
    """Have a file and its folders reach the disk."""
    for each in (file, *file.parents):
        durable.sync(each)
        if each == root:
            return


def _tidy(folder: Path, before_s: float) -> int:
    removed = 0
    for file in folder.glob("*/*#*"):
        if _UNFINISHED.fullmatch(file.name) and file.stat().st_mtime < before_s:
            file.unlink(missing_ok=True)
            removed += 1
    return removed


def store_of(settings: Settings) -> Store:
    """Return the store that the settings name; the folder of a local one is made when missing."""
    content = settings.content
    if not content.url:
        return local_store(settings.data / "content")
    config: S3Config = {
        "region": content.region,
        "access_key_id": content.access_key,
        "secret_access_key": content.secret_key,
        "checksum_algorithm": "SHA256",
    }
    if content.endpoint:
        config["endpoint"] = content.endpoint
    return Store(
        S3Store.from_url(
            content.url,
            config=config,
            client_options={
                "connect_timeout": timedelta(seconds=_CONNECT_S),
                "timeout": timedelta(seconds=_REQUEST_S),
                "allow_http": content.endpoint.startswith("http://"),
            },
            retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=_RETRIES_S)},
        )
    )


def local_store(folder: Path) -> Store:
    """Return the store in a folder, which is made when missing; only its owner may look into it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Store(LocalStore(folder), folder)
