"""The relay and the store of large content: waited for when away, and heard when it lost some."""

from dataclasses import dataclass, field, replace

import pytest
from aiokafka import TopicPartition

from bench.sample import claimed
from hoatoc import codec
from hoatoc.config import Settings
from hoatoc.content.error import ContentUnreachable
from hoatoc.domain.content import ClaimCheck, claim_of
from hoatoc.domain.edxml import read_packet
from hoatoc.domain.event import DispatchPublished, DocumentDispatched
from hoatoc.domain.policy import limits_for
from hoatoc.policy_file import load_policy
from hoatoc.ports import Claimed
from hoatoc.testing.agency import letter
from hoatoc.testing.content import MemoryContents
from hoatoc.testing.log import MemoryBroker, MemoryProducer
from producers import publisher
from producers.publisher import Publisher
from tests.contract.test_log_port import Straight

A, B, C = "G01", "G02", "G03"
LARGE = b"a large packet"
LIMITS = limits_for(load_policy(Settings()), 0)


def row() -> Claimed:
    claim = claim_of(LARGE)
    packet = read_packet(letter(A, (B, C), "1"))
    return replace(
        claimed(packet, LIMITS), packet=None, packet_sha256=claim.sha256, packet_bytes=claim.size
    )


@dataclass(slots=True)
class Away(MemoryContents):
    """A store that is away for a while."""

    tries: int = 3
    asked: list[ClaimCheck] = field(default_factory=list)

    async def verify(self, claim: ClaimCheck) -> None:
        self.asked.append(claim)
        if len(self.asked) < self.tries:
            raise ContentUnreachable("away")
        await MemoryContents.verify(self, claim)


def broker() -> MemoryBroker:
    made = MemoryBroker(lambda: 1_760_000_000_000)
    made.create({"deliveries": 1, "dead-letters": 1, f"documents.{B}": 1, f"documents.{C}": 1})
    return made


def said(at: MemoryBroker, topic: str) -> list[object]:
    return [codec.decode(record.value) for record in at.logs[TopicPartition(topic, 0)]]


async def test_a_store_that_is_away_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "_PAUSE_S", 0)
    at, contents = broker(), Away()
    await contents.put(LARGE)
    of = row()
    await Publisher(MemoryProducer(at, Straight()), 1, contents).publish(of)
    assert [claim_of(LARGE)] * 3 == contents.asked
    for code in (B, C):
        (copy,) = said(at, f"documents.{code}")
        assert isinstance(copy, DocumentDispatched)
        assert (None, claim_of(LARGE).name, len(LARGE)) == (
            copy.content,
            copy.claim,
            copy.content_bytes,
        )


async def test_lost_content_is_refused_to_everybody_and_parked_for_each() -> None:
    at = broker()
    await Publisher(MemoryProducer(at, Straight()), 1, MemoryContents()).publish(row())
    assert [] == said(at, f"documents.{B}") + said(at, f"documents.{C}")
    assert 2 == len(said(at, "dead-letters"))
    *_, published = said(at, "deliveries")
    assert isinstance(published, DispatchPublished)
    assert ([], {"ContentMissing"}) == (
        published.confirmed,
        {refusal.reason for refusal in published.refused},
    )


async def test_a_small_packet_asks_no_store() -> None:
    at, contents = broker(), Away()
    packet = read_packet(letter(A, (B, C), "1"))
    await Publisher(MemoryProducer(at, Straight()), 1, contents).publish(claimed(packet, LIMITS))
    assert [] == contents.asked
    (copy,) = said(at, f"documents.{B}")
    assert isinstance(copy, DocumentDispatched)
    assert (None, copy.content_bytes) == (copy.claim, len(copy.content or b""))
