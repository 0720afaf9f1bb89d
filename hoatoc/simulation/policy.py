"""The policy of the simulated world: limits of seconds, legal clocks whose days take seconds."""

from hoatoc.domain.policy import Demonstration, Policy, Stages
from hoatoc.domain.working_due import NEXT_WORKING_DAY, RECEIPT_DAY

FACTOR = 12_000
"""how much faster calendar time runs: a tick a second is more than three hours"""
_SPANS = Stages(publish_ms=4_000, arrive_ms=6_000, accept_ms=8_000, recall_ms=6_000)
POLICY = Policy(
    name="simulation",
    max_gap_ms=4_000,
    grace_ms=2_000,
    stages=(
        Stages(
            publish_ms=4_000,
            arrive_ms=6_000,
            accept_clock=RECEIPT_DAY,
            handle_clock=NEXT_WORKING_DAY,
            recall_ms=6_000,
        ),
        _SPANS,
        Stages(
            publish_ms=3_000, arrive_ms=4_000, accept_ms=5_000, handle_ms=8_000, recall_ms=5_000
        ),
        _SPANS,
        _SPANS,
    ),
    demonstration=Demonstration(factor=FACTOR),
)
