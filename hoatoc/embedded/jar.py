"""The jars of the embedded broker: pinned, verified, and kept once for a machine."""

import asyncio
import hashlib
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from tenacity import (
    retry,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential,
)

from hoatoc.domain.error import OurFault, Unavailable

_THREADS = 8
_TIMEOUT_S = 60
_EXTERNAL = "use an external broker by HOATOC_KAFKA_BOOTSTRAP_SERVERS"


class JarUnavailable(Unavailable):
    """A jar of the broker could not be fetched."""


class JarWrong(OurFault):
    """What was fetched is not the jar that was pinned."""


@dataclass(frozen=True, slots=True)
class Jar:
    """A pinned artifact of the Maven repository."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def file_name(self) -> str:
        """The name of its file."""
        return f"{self.artifact}-{self.version}.jar"


def pinned(text: str | None = None) -> list[Jar]:
    """Return the jars of a lock file: `group:artifact:version sha256` a line."""
    if text is None:
        text = resources.files(__package__).joinpath("jars.lock").read_text("ascii")
    return [_parse(line) for line in text.splitlines() if line]


def classpath(cache: Path) -> list[Path]:
    """Return where the jars are kept in `cache`, fetched or not."""
    return [cache / "jars" / jar.file_name for jar in pinned()]


async def fetch(cache: Path, console: Console) -> list[Path]:
    """Fetch the jars that `cache` lacks and return all; several processes may do so at once.

    Raises JarUnavailable when the network fails, JarWrong when a checksum differs.
    """
    folder = cache / "jars"
    folder.mkdir(parents=True, exist_ok=True)
    pool = ThreadPoolExecutor(_THREADS)
    try:
        jars = pinned()
        intact = pool.map(lambda jar: _intact(folder / jar.file_name, jar), jars)
        missing = [jar for jar, good in zip(jars, intact, strict=True) if not good]
        if missing:
            await _fetch_all(missing, folder, console, pool)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return classpath(cache)


def _parse(line: str) -> Jar:
    coordinates, sha256 = line.split()
    group, artifact, version = coordinates.split(":")
    return Jar(group, artifact, version, sha256)


def _intact(file: Path, jar: Jar) -> bool:
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == jar.sha256
    except FileNotFoundError:
        return False


async def _fetch_all(
    jars: list[Jar], folder: Path, console: Console, pool: ThreadPoolExecutor
) -> None:
    loop = asyncio.get_running_loop()
    scratch = tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder, ignore_cleanup_errors=True)
    with scratch as name, _progress(console, len(jars)) as advance:
        fetches = [loop.run_in_executor(pool, _fetch_one, jar, Path(name), folder) for jar in jars]
        try:
            for fetched in asyncio.as_completed(fetches):
                await fetched
                advance()
        finally:
            for fetching in fetches:
                fetching.cancel()
            await asyncio.gather(*fetches, return_exceptions=True)


@contextmanager
def _progress(console: Console, total: int) -> Iterator[Callable[[], None]]:
    what = f"fetching {total} jars of Apache Kafka"
    if not console.is_terminal:
        console.print(f"{what} (43 MB, once for this machine)")
        yield lambda: None
        return
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda: progress.advance(task)


def _fetch_one(jar: Jar, scratch: Path, folder: Path) -> None:
    try:
        fetched = _resolve(jar, scratch)
    except ImportError as error:
        raise JarUnavailable(
            f"jgo, which fetches jars, is absent: pip install 'hoatoc[embedded]', or {_EXTERNAL}"
        ) from error
    except (OSError, RuntimeError) as error:
        raise JarUnavailable(
            f"{jar.file_name} could not be fetched ({type(error).__name__}): check the network "
            f"and, behind a proxy, set HTTPS_PROXY; or {_EXTERNAL}"
        ) from error
    if not _intact(fetched, jar):
        raise JarWrong(
            f"{jar.file_name} as fetched has another SHA-256 than the pinned {jar.sha256}: "
            f"something on the network changes downloads; use another network, or {_EXTERNAL}"
        )
    fetched.replace(folder / jar.file_name)


@retry(
    retry=retry_if_exception_type(OSError),
    stop=stop_after_attempt(3),
    wait=wait_exponential(max=4),
    reraise=True,
)
def _resolve(jar: Jar, scratch: Path) -> Path:
    from jgo.maven import MavenContext

    # jgo takes a file that is there for a whole one, so each attempt gets a folder of its own.
    context = MavenContext(repo_cache=Path(tempfile.mkdtemp(dir=scratch)), timeout=_TIMEOUT_S)
    return context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve()
