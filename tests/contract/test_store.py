"""The store of large content: in a folder, and behind an S3 interface, by the same tests."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from moto.server import ThreadedMotoServer
from obstore.store import S3Store

from hoatoc import config
from hoatoc.config import Settings
from hoatoc.content.error import ContentAltered, ContentMissing, ContentUnreachable
from hoatoc.content.packet import received
from hoatoc.content.store import Store, local_store, store_of
from hoatoc.domain.content import ClaimCheck, claim_of

LARGE = os.urandom(12 * 1024 * 1024 + 7)
BUCKET = "hoatoc"


@dataclass(frozen=True)
class Place:
    """A store, and the hands of somebody who meddles with what lies there."""

    store: Store
    write: Callable[[str, bytes], None]
    names: Callable[[], list[str]]


def in_folder(folder: Path) -> Place:
    def write(name: str, data: bytes) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)

    def names() -> list[str]:
        return sorted(str(each.relative_to(folder)) for each in folder.rglob("*/*"))

    return Place(local_store(folder), write, names)


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def in_bucket(endpoint: str, prefix: str) -> Place:
    urlopen(Request(f"{endpoint}/{BUCKET}", method="PUT")).close()
    url, keys = f"s3://{BUCKET}/{prefix}", {"access_key": "key", "secret_key": "secret"}
    own = S3Store.from_url(
        url,
        endpoint=endpoint,
        region="us-east-1",
        access_key_id="key",
        secret_access_key="secret",
        client_options={"allow_http": True},
    )

    def write(name: str, data: bytes) -> None:
        own.put(name, data)

    def names() -> list[str]:
        return sorted(each["path"] for some in own.list() for each in some)

    content = config.Content(url=url, endpoint=endpoint, **keys)
    return Place(store_of(Settings(content=content)), write, names)


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "folder":
        return in_folder(tmp_path / "content")
    endpoint: str = request.getfixturevalue("s3")
    return in_bucket(endpoint, tmp_path.name)


async def read(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


@pytest.mark.parametrize("content", [b"", b"a", LARGE], ids=["empty", "one byte", "large"])
async def test_what_goes_in_comes_out(place: Place, content: bytes) -> None:
    with received(content) as packet:
        claim = await place.store.put(packet)
    assert ClaimCheck(sha256(content).digest(), len(content)) == claim
    assert [claim.name] == place.names()
    assert content == await read(place.store.get(claim))
    await place.store.verify(claim)


@pytest.mark.parametrize(
    ("first", "last"), [(0, 0), (1, 5), (len(LARGE) - 3, None), (5_000_000, 6_000_001)]
)
async def test_a_part_comes_out(place: Place, first: int, last: int | None) -> None:
    claim = await place.store.put(LARGE)
    expected = LARGE[first : None if last is None else last + 1]
    assert expected == await read(place.store.get(claim, first, last))


async def test_the_same_content_lies_there_once(place: Place) -> None:
    assert await place.store.put(b"x" * 1000) == await place.store.put(b"x" * 1000)
    assert 1 == len(place.names())


async def test_missing_content_has_a_name(place: Place) -> None:
    claim = claim_of(b"never put")
    for pieces in (place.store.get(claim), place.store.get(claim, 2, 4)):
        with pytest.raises(ContentMissing, match=claim.name):
            await read(pieces)
    with pytest.raises(ContentMissing):
        await place.store.verify(claim)


@pytest.mark.parametrize("altered", [b"", LARGE[:-1], LARGE + b"x", b"x" + LARGE[1:]])
async def test_altered_content_has_a_name_and_is_mended_by_putting_it_again(
    place: Place, altered: bytes
) -> None:
    claim = await place.store.put(LARGE)
    place.write(claim.name, altered)
    with pytest.raises(ContentAltered, match=claim.name):
        await place.store.verify(claim)
    given: list[bytes] = []
    with pytest.raises(ContentAltered):
        await into(given, place.store.get(claim))
    assert sum(map(len, given)) < len(LARGE), "whoever counts must see that it is not whole"
    if len(altered) != len(LARGE):
        with pytest.raises(ContentAltered):
            await read(place.store.get(claim, 3, 9))
    await place.store.put(LARGE)
    await place.store.verify(claim)


async def test_a_packet_that_changed_on_its_way_is_not_kept(place: Place) -> None:
    with received(LARGE) as packet:
        packet.sha256 = sha256(b"other").digest()
        with pytest.raises(ContentAltered):
            await place.store.put(packet)
    assert [] == [name for name in place.names() if "#" not in name]


async def test_what_is_removed_is_gone_and_may_be_removed_again(place: Place) -> None:
    claim = await place.store.put(b"gone")
    for _ in range(2):
        await place.store.remove(claim)
        assert [] == place.names()


async def test_what_lies_there_is_listed_and_what_is_no_content_is_not(place: Place) -> None:
    claims = {await place.store.put(bytes([n]) * 10) for n in range(5)}
    place.write("ab/readme.txt", b"by hand")
    place.write(f"cd/{'0' * 64}", b"under a name of another folder")
    assert claims == {each.claim async for each in place.store.lying()}


async def test_many_put_the_same_at_a_time(place: Place) -> None:
    claims = await asyncio.gather(*(place.store.put(LARGE) for _ in range(4)))
    assert 1 == len(set(claims))
    await place.store.verify(claims[0])


async def test_a_store_that_can_be_reached_is_ready(place: Place) -> None:
    await place.store.ready()


async def test_a_store_that_does_not_answer_has_a_name(unused_tcp_port: int) -> None:
    content = config.Content(
        url="s3://hoatoc/x",
        endpoint=f"http://127.0.0.1:{unused_tcp_port}",
        access_key="key",
        secret_key="secret",
    )
    store = store_of(Settings(content=content))
    for asked in (store.ready, lambda: store.verify(claim_of(b"x")), lambda: store.put(b"x")):
        with pytest.raises(ContentUnreachable):
            await _asked(asked)


async def _asked(what: Callable[[], Awaitable[object]]) -> None:
    await what()


async def test_what_a_killed_writer_left_goes_after_a_while(tmp_path: Path) -> None:
    place = in_folder(tmp_path)
    claim = await place.store.put(b"kept")
    left = f"{claim.name}#1"
    place.write(left, b"half")
    assert 0 == await place.store.tidy(timedelta(hours=1))
    os.utime(tmp_path / left, (0, 0))
    assert 1 == await place.store.tidy(timedelta(hours=1))
    assert [claim.name] == place.names()


def test_only_its_owner_may_look_into_a_folder(tmp_path: Path) -> None:
    local_store(tmp_path / "a" / "content")
    assert 0o700 == (tmp_path / "a" / "content").stat().st_mode & 0o777


def test_the_keys_are_not_shown() -> None:
    shown = repr(config.Content(access_key="AKIA", secret_key="hidden"))
    assert "AKIA" not in shown
    assert "hidden" not in shown


async def into(given: list[bytes], pieces: AsyncIterator[bytes]) -> None:
    async for piece in pieces:
        given += [piece]
