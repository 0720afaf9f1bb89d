"""The suite: every section in the order in which it is run and told."""

from bench import complete, dispatch, domain, idle, ledger
from bench.section import Section

SECTIONS = (
    Section(
        "domain",
        "The domain",
        "Packets, registry, calendars, lifecycle in one process; no store is asked. Those of packets are "
        "in processor time, the best of some turns.",
        300,
        domain.report,
    ),
    Section(
        "ledger",
        "The ledger",
        "The ledger books a ready log of deliveries that all arrive and are accepted. Its floor is the "
        "bare loop of `bench/floor.py` (read, decode, fold, the same statements), on the same log and "
        "tables, in turns.",
        300,
        ledger.report,
    ),
    Section(
        "dispatch",
        "One dispatch",
        "From claimed row to DispatchPublished, one by one. Its floor is its 38 encoded copies, sent and "
        "confirmed, without registration and publication.",
        240,
        dispatch.report,
    ),
    Section(
        "line",
        "Complete deliveries, and the peers on the same work",
        "A delivery is complete when it was handed over through a door, registered, copied, published, "
        "answered with `done`, 01 and 05 by a recipient of its own topic, and stands accepted in the "
        "books with nothing due. Letters of 20 KB to 38 organs each, as fast as the doors take them.",
        1500,
        complete.report,
    ),
    Section(
        "idle",
        "Idle",
        "All programs, nothing handed over. Beside it the share of database and broker.",
        180,
        idle.report,
    ),
)
