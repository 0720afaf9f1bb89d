"""The embedded broker: a real Apache Kafka (KRaft, one node) as a child process."""

import asyncio
import base64
import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from aiokafka import AIOKafkaClient
from aiokafka.errors import KafkaError

from hoatoc.config import Settings
from hoatoc.domain.error import OurFault
from hoatoc.embedded.folder import replace
from hoatoc.embedded.java import find_java
from hoatoc.embedded.port import free_ports, is_free
from hoatoc.embedded.process import Child

_HOST = "127.0.0.1"
_PAUSE_S = 0.05
_JVM = (
    "-Xms64m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Xshare:auto",
    "-XX:-UsePerfData",
    "-Djava.awt.headless=true",
)
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers={host}:{controller}
listeners=PLAINTEXT://{host}:{client},CONTROLLER://{host}:{controller}{more}
advertised.listeners=PLAINTEXT://{host}:{client}{advertised}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT{protocols}
log.dirs={log_dirs}

num.partitions=1
auto.create.topics.enable=false
message.max.bytes=2097152
log.retention.hours=-1
log.retention.check.interval.ms=60000
offsets.topic.num.partitions=8
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=8
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0

# One node that may be killed: a new start waits until the session of the old one has run out.
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
metadata.max.idle.interval.ms=5000
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=8388608
"""
_LOG4J = """\
<Configuration status="WARN" shutdownHook="disable">
  <Appenders>
    <Console name="out">
      <PatternLayout pattern="%d{yyyy-MM-dd'T'HH:mm:ss.SSSX}{UTC} %p %c{1} %m%n"/>
    </Console>
  </Appenders>
  <Loggers>
    <Root level="WARN"><AppenderRef ref="out"/></Root>
    <Logger name="kafka.server.KafkaRaftServer" level="INFO"/>
  </Loggers>
</Configuration>
"""


class BrokerRefused(OurFault):
    """The embedded broker cannot be run here."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the broker listens."""

    client: int
    controller: int


@dataclass(frozen=True, slots=True)
class Listener:
    """A further way to the broker: clients that come in here are told to come by `advertised`.

    What stands between the two ports, such as a proxy, is the caller's.
    """

    name: str
    """capital letters only"""
    port: int
    advertised: int


def broker(
    settings: Settings, log: Path, jars: Sequence[Path], listeners: Sequence[Listener] = ()
) -> tuple[Child, str]:
    """Format the broker's folder if need be; return the child to run and its address.

    Raises JavaMissing or BrokerRefused.
    """
    home = settings.data.resolve() / "broker"
    home.mkdir(exist_ok=True)
    ports = _ports(home / "ports.json")
    scratch = home / "tmp"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    replace(home / "log4j2.xml", _LOG4J)
    java = (
        str(find_java(settings.embedded.java)),
        f"-Xmx{settings.embedded.heap_mb}m",
        *_JVM,
        f"-Djava.io.tmpdir={scratch}",
        f"-Dlog4j2.configurationFile={home / 'log4j2.xml'}",
        *("-cp", ":".join(map(str, jars))),
    )
    _format(home, ports, java)
    properties = home / "server.properties"
    _configure(properties, ports, home / "log", listeners)
    address = f"{_HOST}:{ports.client}"
    return Child(
        name="broker",
        stage=1,
        argv=(*java, "kafka.Kafka", str(properties)),
        log=log,
        cwd=home,
        answers=lambda: _answers(address),
    ), address


async def _answers(address: str) -> None:
    host, port = address.split(":")
    while True:
        with suppress(OSError, TimeoutError, KafkaError):
            _, writer = await asyncio.open_connection(host, int(port))
            writer.close()
            client = AIOKafkaClient(bootstrap_servers=address)
            try:
                await client.bootstrap()
                return
            finally:
                await client.close()
        await asyncio.sleep(_PAUSE_S)


def _ports(file: Path) -> Ports:
    """Return the ports of the last time if they are free, else fresh ones, remembered."""
    if file.exists():
        kept = Ports(**json.loads(file.read_text("ascii")))
        if is_free(_HOST, kept.client) and is_free(_HOST, kept.controller):
            return kept
    found = free_ports(_HOST)
    fresh = Ports(next(found), next(found))
    replace(file, json.dumps(asdict(fresh)))
    return fresh


def _configure(
    file: Path, ports: Ports, log_dirs: Path, listeners: Sequence[Listener] = ()
) -> None:
    replace(
        file,
        _PROPERTIES.format(
            host=_HOST,
            client=ports.client,
            controller=ports.controller,
            log_dirs=log_dirs,
            more="".join(f",{each.name}://{_HOST}:{each.port}" for each in listeners),
            advertised="".join(f",{each.name}://{_HOST}:{each.advertised}" for each in listeners),
            protocols="".join(f",{each.name}:PLAINTEXT" for each in listeners),
        ),
    )


def _format(home: Path, ports: Ports, java: tuple[str, ...]) -> None:
    if (home / "log").exists():
        return
    fresh = home / "log.new"  # renamed when whole: a kill in between leaves no half
    shutil.rmtree(fresh, ignore_errors=True)
    properties = home / "format.properties"
    _configure(properties, ports, fresh)
    cluster = base64.urlsafe_b64encode(b"\0" + os.urandom(15)).decode("ascii").rstrip("=")
    ran = subprocess.run(
        [
            *(*java, "kafka.tools.StorageTool", "format", "--standalone"),
            *("-t", cluster, "-c", str(properties)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise BrokerRefused(
            f"Kafka could not format {home}: {(ran.stderr or ran.stdout).strip()}; use an external "
            "broker by HOATOC_KAFKA_BOOTSTRAP_SERVERS"
        )
    properties.unlink()
    fresh.rename(home / "log")
