"""The suite: every section in the order in which it is run and told."""

from bench import (
    burst,
    checker,
    complete,
    deadline,
    dispatch,
    domain,
    fanout,
    gateway,
    growth,
    idle,
    latency,
    ledger,
    parts,
    restart,
    snapshot,
    soak,
    traffic,
)
from bench.section import Section

SECTIONS = (
    Section(
        "domain",
        "The domain",
        "Packets, registry, calendars, lifecycle in one process; no store is asked. Those of "
        "packets are in processor time, the best of some turns.",
        300,
        domain.report,
    ),
    Section(
        "parts",
        "The parts alone",
        "What broker, client, stream library, partial index and wheel give by themselves, one "
        "process each: nothing built on them can be faster.",
        300,
        parts.report,
    ),
    Section(
        "ledger",
        "The ledger",
        "The ledger books a ready log of deliveries that all arrive and are accepted. Its floor is "
        "the bare loop of `bench/floor.py` (read, decode, fold, the same statements), on the same "
        "log and tables, in turns.",
        300,
        ledger.report,
    ),
    Section(
        "dispatch",
        "One dispatch",
        "From claimed row to DispatchPublished, one by one. Its floor is its 38 encoded copies, "
        "sent and confirmed, without registration and publication.",
        240,
        dispatch.report,
    ),
    Section(
        "topics",
        "From 1 to 5,000 recipient topics",
        "A dispatch to 38 recipients behind so many topics of one small broker, one by one, and "
        "many in flight. The floor sends the same encoded copies.",
        600,
        fanout.report,
    ),
    Section(
        "line",
        "Complete deliveries, and the peers on the same work",
        "A delivery is complete when it was handed over through a door, registered, copied, "
        "published, answered with `done`, 01 and 05 by a recipient of its own topic, and stands "
        "accepted in the books with nothing due. Letters of 20 KB to 38 organs each, as fast as "
        "the doors take them.",
        1500,
        complete.report,
    ),
    Section(
        "gateway",
        "The gateway",
        "One process, with database, broker and a relay. Its floor: the same framework and server "
        "answer with one durable insert, in turns. Then hand-overs and answers at instants drawn "
        "beforehand, large uploads at once, and recipients that wait for nothing.",
        900,
        gateway.report,
    ),
    Section(
        "traffic",
        "Traffic as it is",
        "`hoatoc traffic` on the whole stack: agencies behind gateway, façade, spool and Kafka, "
        "with the sizes, recipients and statuses of real traffic, in an open loop.",
        900,
        traffic.report,
    ),
    Section(
        "idle",
        "Idle",
        "All programs, nothing handed over. Beside it the share of database and broker.",
        180,
        idle.report,
    ),
    Section(
        "latency",
        "From hand-over to visible",
        "An open loop: the instants of hand-overs are drawn beforehand, and a copy is measured "
        "from the instant meant for its hand-over to the moment at which an observer that reads "
        "all recipients' topics has it, so a stall is charged for all that it delays. The "
        "recipients answer meanwhile. The floor: one bare producer sends as many encoded copies at "
        "instants drawn the same way.",
        500,
        latency.report,
    ),
    Section(
        "deadline",
        "From a broken deadline to its alert",
        "Some recipients never answer. A due is an instant of service time, which only ticks, one "
        "a second, carry; it is reached between two of them. Measured from there: the tick that "
        "shows it (the floor: nobody can know before), the record in `alerts` at an observer, the "
        "page at a webhook.",
        480,
        deadline.report,
    ),
    Section(
        "burst",
        "100,000 deadlines in one second",
        "The books are filled with deliveries that were published at one instant and never "
        "answered; then the whole stack runs until every alert is in `alerts`, measured from the "
        "instant at which the first due is reached. The floor writes and sends as many encoded "
        "alerts, with nobody to decide.",
        900,
        burst.report,
    ),
    Section(
        "restart",
        "Restart with a million open deliveries",
        "From exec to ready, each program alone, on books filled in PostgreSQL; memory above a "
        "start with few (resident, settled, and the most it had). The floor reads the tracker's "
        "rows and throws them away.",
        1200,
        restart.report,
    ),
    Section(
        "books",
        "The cost of an event by the size of the books",
        "The books are filled to each size; then fresh logs of the same mix are booked, by the "
        "ledger and by its floor in turns, and taken out again. The median of the turns.",
        1800,
        growth.report,
    ),
    Section(
        "snapshot",
        "A held snapshot",
        "The whole line under an open-loop load in which some recipients never answer, while "
        "another session holds a REPEATABLE READ transaction open for minutes. Beside each figure "
        "stands the one before.",
        600,
        snapshot.report,
    ),
    Section(
        "history",
        "The history checker",
        "A stretch of a log, booked by the ledger's own code, is repeated under other ids and at "
        "later times and written as the record of a run; then it is checked, and must be found "
        "good. The floor reads every note, record and row, and judges nothing.",
        900,
        checker.report,
    ),
    Section(
        "soak",
        "Soak",
        "The whole line at a moderate load for half an hour (`SOAK_MINUTES`); the memory of each "
        "part every five seconds.",
        4 * 3600,
        soak.report,
    ),
)
