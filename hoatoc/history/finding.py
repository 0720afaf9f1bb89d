"""Findings as they are gathered: how much was looked at of each guarantee, and what is wrong."""

from collections import Counter, defaultdict
from uuid import UUID

from hoatoc.history.report import CounterExample, Guarantee


class Findings:
    """Counts what was looked at, and keeps counter-examples."""

    def __init__(self) -> None:
        self.looked_at: dict[Guarantee, Counter[str]] = defaultdict(Counter)
        self.wrong: list[CounterExample] = []

    def join(self, other: "Findings") -> None:
        """Take in what was found elsewhere."""
        for guarantee, counts in other.looked_at.items():
            self.looked_at[guarantee].update(counts)
        self.wrong += other.wrong

    def look(self, guarantee: Guarantee, what: str, count: int = 1) -> None:
        """Note that so many things that could have broken a guarantee were looked at."""
        self.looked_at[guarantee][what] += count

    def refute(
        self,
        guarantee: Guarantee,
        sentence: str,
        delivery_id: UUID | None = None,
        partition: int | None = None,
        offset: int | None = None,
    ) -> None:
        """Keep a counter-example."""
        self.wrong.append(CounterExample(guarantee, sentence, delivery_id, partition, offset))
