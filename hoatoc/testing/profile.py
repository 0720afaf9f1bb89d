"""How far Hypothesis goes in state machines over real stores, in one place.

The same examples at every run: a machine that fails in one place fails in all of them, and an
example that failed becomes a test of its own.
"""

from hypothesis import HealthCheck, Phase, settings

BOUNDED = settings(
    max_examples=25,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),  # to shrink over real stores takes minutes
    suppress_health_check=[HealthCheck.too_slow],
)
"""Over a database: a step is a statement or two."""

DOMAIN = settings(max_examples=100, stateful_step_count=30, derandomize=True, database=None)
"""Over values alone."""
