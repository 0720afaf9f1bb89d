"""Topics as data: created when missing, checked for drift when there."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code

from hoatoc.config import Kafka
from hoatoc.domain import topic
from hoatoc.domain.error import OurFault
from hoatoc.kafka.client import AWAY, MAX_RECORD_BYTES, BrokerAway, connection

_LISTED_S, _PAUSE_S = 30.0, 0.05
_DAY_MS = 24 * 3600 * 1000
SEGMENT_MS = 10 * 60 * 1000
"""How long the broker writes one segment of `handovers.<organ>` at most."""


class TopicNotCreated(OurFault):
    """The broker refused to create a topic."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a topic must be."""

    partitions: int
    config: Mapping[str, str]


class Drift(NamedTuple):
    """One way in which a topic is not as it must be."""

    topic: str
    setting: str
    expected: str
    found: str


def _config(kafka: Kafka, retention_ms: int, **more: str) -> dict[str, str]:
    insync = {"min.insync.replicas": "2"} if kafka.replication >= 3 else {}
    return {
        "retention.ms": str(retention_ms),
        "cleanup.policy": "delete",
        "message.timestamp.type": "LogAppendTime",
        "max.message.bytes": str(MAX_RECORD_BYTES),
        **insync,
        **more,
    }


def plan(kafka: Kafka, organs: Iterable[str]) -> dict[str, Plan]:
    """Return every topic that must exist for these organs."""
    keep = _config(kafka, -1)
    month = _config(kafka, 30 * _DAY_MS)
    plans = {
        topic.DELIVERIES: Plan(kafka.partitions, keep),
        topic.ALERTS: Plan(kafka.partitions, month),
        topic.DEAD_LETTERS: Plan(1, _config(kafka, 90 * _DAY_MS)),
    }
    # What may hold a state secret must be able to leave the broker's disk soon (kafka/deletion.py).
    segments = {"segment.ms": str(SEGMENT_MS), "file.delete.delay.ms": "1000"}
    for code in organs:
        plans |= {name: Plan(1, month) for name in topic.of_organ(code)}
        plans[topic.handovers(code)] = Plan(1, _config(kafka, 30 * _DAY_MS, **segments))
    return plans


@asynccontextmanager
async def admin(kafka: Kafka) -> AsyncIterator[AIOKafkaAdminClient]:
    """Open an administrative client; raises BrokerAway when no broker answers."""
    client = AIOKafkaAdminClient(**connection(kafka))
    try:
        await client.start()
    except AWAY as error:
        await client.close()
        raise BrokerAway(f"the broker does not answer: {error}") from error
    try:
        yield client
    finally:
        await client.close()


async def create(client: AIOKafkaAdminClient, kafka: Kafka, plans: Mapping[str, Plan]) -> list[str]:
    """Create the topics that are missing and return their names, when the broker lists them.

    One that is not listed yet would be taken for one that does not exist, and what is sent to it
    for refused. Raises TopicNotCreated when the broker refuses one, or does not list it in time.
    """
    there = set(await client.list_topics())
    missing = [name for name in plans if name not in there]
    if not missing:
        return []
    response = await client.create_topics(
        [
            NewTopic(
                name,
                plans[name].partitions,
                kafka.replication,
                topic_configs=dict(plans[name].config),
            )
            for name in missing
        ]
    )
    for name, code, *detail in response.topic_errors:
        if code and for_code(code) is not TopicAlreadyExistsError:
            raise TopicNotCreated(f"topic {name}: {for_code(code).__name__} {detail}")
    await _listed(client, set(missing))
    return missing


async def _listed(client: AIOKafkaAdminClient, names: set[str]) -> None:
    try:
        async with asyncio.timeout(_LISTED_S):
            while not names <= set(await client.list_topics()):  # noqa: ASYNC110 - the broker's
                await asyncio.sleep(_PAUSE_S)
    except TimeoutError as error:
        raise TopicNotCreated(
            f"{len(names)} topics were created and are not listed after {_LISTED_S:g} s: look at "
            "the broker's log, then run the same again"
        ) from error


async def drift(client: AIOKafkaAdminClient, plans: Mapping[str, Plan]) -> list[Drift]:
    """Return every way in which the topics differ from the plan."""
    there = {t["topic"]: t for t in await client.describe_topics() if not t["error_code"]}
    found = [Drift(n, "topic", "exists", "missing") for n in plans if n not in there]
    present = [name for name in plans if name in there]
    for name in present:
        partitions = len(there[name]["partitions"])
        if partitions != plans[name].partitions:
            found.append(Drift(name, "partitions", str(plans[name].partitions), str(partitions)))
    configs = await _configs(client, present)
    return found + [
        Drift(name, key, value, configs[name].get(key, "unset"))
        for name in present
        for key, value in plans[name].config.items()
        if configs[name].get(key) != value
    ]


async def _configs(client: AIOKafkaAdminClient, names: list[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    responses = await client.describe_configs(
        [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    )
    return {
        resource[3]: {entry[0]: entry[1] for entry in resource[4]}
        for response in responses
        for resource in response.resources
    }
