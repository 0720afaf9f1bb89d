"""The broker's jars: pinned, verified when fetched, and fetched once."""

import hashlib
from pathlib import Path

import pytest
from rich.console import Console

from hoatoc.embedded import jar
from hoatoc.embedded.jar import Jar, JarUnavailable, JarWrong, classpath, fetch, pinned

CONTENT = b"a jar"
PINNED = Jar("org.example", "broker", "4.2.1", hashlib.sha256(CONTENT).hexdigest())


@pytest.fixture
def console() -> Console:
    return Console(quiet=True)


class Repository:
    """A Maven repository that serves one content and counts."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, content: bytes = CONTENT) -> None:
        self.served = 0
        self.content = content
        monkeypatch.setattr(jar, "pinned", lambda: [PINNED])
        monkeypatch.setattr(jar, "_resolve", self.resolve)

    def resolve(self, asked: Jar, scratch: Path) -> Path:
        self.served += 1
        file = scratch / asked.file_name
        file.write_bytes(self.content)
        return file


def test_the_lock_pins_every_jar_under_a_name_of_its_own() -> None:
    jars = pinned()
    assert len({each.file_name for each in jars}) == len(jars) == 46
    assert {len(each.sha256) for each in jars} == {64}
    assert {each.version for each in jars if each.artifact == "kafka_2.13"} == {"4.2.1"}


def test_a_line_of_the_lock_is_coordinates_and_checksum() -> None:
    assert pinned("org.example:broker:4.2.1 ab12\n") == [
        Jar("org.example", "broker", "4.2.1", "ab12")
    ]


async def test_a_jar_is_fetched_once(
    tmp_path: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = Repository(monkeypatch)
    assert await fetch(tmp_path, console) == classpath(tmp_path)
    assert await fetch(tmp_path, console) == classpath(tmp_path)
    assert repository.served == 1
    assert [file.read_bytes() for file in classpath(tmp_path)] == [CONTENT]
    assert [PINNED.file_name] == [file.name for file in (tmp_path / "jars").iterdir()]


async def test_a_jar_damaged_in_the_cache_is_fetched_again(
    tmp_path: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    Repository(monkeypatch)
    (file,) = await fetch(tmp_path, console)
    file.write_bytes(b"damaged")
    await fetch(tmp_path, console)
    assert file.read_bytes() == CONTENT


async def test_a_jar_with_another_checksum_is_refused_and_not_kept(
    tmp_path: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    Repository(monkeypatch, b"something else")
    with pytest.raises(JarWrong, match="use another network"):
        await fetch(tmp_path, console)
    assert list((tmp_path / "jars").iterdir()) == []


async def test_without_a_network_the_remedies_are_named(
    tmp_path: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(_asked: Jar, _scratch: Path) -> Path:
        raise ConnectionError

    Repository(monkeypatch)
    monkeypatch.setattr(jar, "_resolve", unreachable)
    with pytest.raises(JarUnavailable, match=r"HTTPS_PROXY.*HOATOC_KAFKA_BOOTSTRAP_SERVERS"):
        await fetch(tmp_path, console)
