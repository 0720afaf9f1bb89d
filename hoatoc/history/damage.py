"""Damage: why a record of a run cannot be read."""


class RecordDamaged(ValueError):
    """The record of a run cannot be read; the message names the place and the remedy."""
