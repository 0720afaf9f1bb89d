"""Checking a run: what the record of a run says of each guarantee."""

from hoatoc.history.record import History
from hoatoc.history.report import Report


def check(history: History) -> Report:
    """Decide G1 to G10 of a run, with counter-examples, in time linear in its record."""
    raise NotImplementedError
