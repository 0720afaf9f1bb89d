"""Names of topics, and which partition a record belongs to."""

from collections import Counter
from uuid import UUID, uuid5

import pytest

from hoatoc.domain import topic
from hoatoc.domain.identity import dispatch_id_from

ORGAN = "H01.02-3_A"


def test_an_organ_has_four_topics_of_its_own() -> None:
    names = ("documents.A.1", "handovers.A.1", "reports.A.1", "statuses.A.1")
    assert names == topic.of_organ("A.1")


@pytest.mark.parametrize("name", topic.of_organ(ORGAN))
def test_a_topic_tells_whose_it_is(name: str) -> None:
    assert ORGAN == topic.organ_of(name)


@pytest.mark.parametrize("name", [topic.DELIVERIES, topic.ALERTS, topic.DEAD_LETTERS])
def test_a_shared_topic_is_nobodys(name: str) -> None:
    assert "" == topic.organ_of(name)


def test_the_partitions_are_the_ones_that_existing_logs_were_written_with() -> None:
    of = UUID("0198c5a0-0000-7000-8000-00000000002a")
    assert (10, 2) == (topic.partition_of_dispatch(of, 16), topic.partition_of_dispatch(of, 4))
    assert 0xCBF43926 % 16 == topic.partition_of_key(b"123456789", 16)


def test_dispatches_of_one_moment_spread_over_the_partitions() -> None:
    ids = (dispatch_id_from(1_760_000_000_000, uuid5(UUID(int=1), str(n)).bytes[:10])
           for n in range(1_600))  # fmt: skip
    counts = Counter(topic.partition_of_dispatch(of, 16) for of in ids)
    assert 16 == len(counts)
    assert max(counts.values()) < 150
