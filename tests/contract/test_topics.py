"""The topics that a prepared broker has are the topics of the plan."""

from dataclasses import replace

import asyncpg

from hoatoc.config import Settings
from hoatoc.domain import topic
from hoatoc.kafka.topic import Drift, admin, drift
from hoatoc.postgres.registry import RegistryTables
from hoatoc.prepare import plan_topics


async def test_a_prepared_broker_is_as_planned_and_a_drift_is_named(
    stack_settings: Settings,
) -> None:
    connection = await asyncpg.connect(stack_settings.postgres.dsn)
    try:
        organs = await RegistryTables(connection).organs()
    finally:
        await connection.close()
    plans = plan_topics(stack_settings, organs)
    deliveries = plans[topic.DELIVERIES]
    frozen = {topic.DELIVERIES: replace(deliveries, partitions=17)}
    async with admin(stack_settings.kafka) as client:
        assert [] == await drift(client, plans)
        assert [Drift("deliveries", "partitions", "17", "16")] == await drift(client, frozen)
