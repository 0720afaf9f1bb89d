"""The tracked work on Quix Streams: a log of events, state by delivery, a table in PostgreSQL.

    stream.py fill SERVERS TOPIC PARTITIONS DELIVERIES
    stream.py work SERVERS TOPIC FOLDER HOST_OF_THE_DATABASE DATABASE

Of each delivery the log holds `registered` with its deadline, then `done`, 01 and 05. The state of
a delivery is what was seen of it; each change is upserted. Spared: hand-over, copies, recipients.
Tuned: commits by time, so that a batch of the sink is a second's worth; no metadata columns.
"""

import json
import sys
import time
from pathlib import Path
from uuid import uuid4

from confluent_kafka import Producer  # type: ignore[import-not-found]
from quixstreams import Application  # type: ignore[import-not-found]
from quixstreams.sinks.community.postgresql import PostgreSQLSink  # type: ignore[import-not-found]

WAVE = 6_000
STATES = {"registered": "registered", "done": "taken", "01": "taken", "05": "accepted"}
TABLE = "tracked"


def fill(servers: str, topic: str, partitions: str, deliveries: str) -> None:
    """Write the log: waves in which all are registered, then all answer, and answer again."""
    to = Producer(
        {"bootstrap.servers": servers, "enable.idempotence": True, "linger.ms": 20, "acks": "all"}
    )
    for begin in range(0, int(deliveries), WAVE):
        ids = [str(uuid4()) for _ in range(begin, min(begin + WAVE, int(deliveries)))]
        for what in STATES:
            for number, of in enumerate(ids):
                event = {"delivery_id": of, "what": what, "due_ms": time.time_ns() // 10**6}
                place = number % int(partitions)
                to.produce(topic, json.dumps(event).encode(), of.encode(), place)
                to.poll(0)
        to.flush()


def track(event, state):  # type: ignore[no-untyped-def]
    """Join an event with what is known of its delivery; return the row for the table."""
    known = state.get("facts") or {}
    known.setdefault(event["what"], event["due_ms"])
    state.set("facts", known)
    stands = next(s for fact, s in reversed(STATES.items()) if fact in known)
    return {
        "delivery_id": event["delivery_id"],
        "state": stands,
        "facts": json.dumps(known),
        "due_ms": 0 if stands == "accepted" else known.get("registered", 0),
    }


def work(servers: str, topic: str, folder: str, host: str, database: str) -> None:
    """Track until ended."""
    app = Application(
        broker_address=servers,
        consumer_group="bench-peer",
        auto_offset_reset="earliest",
        commit_interval=1.0,
        state_dir=Path(folder),
        loglevel="WARNING",
    )
    sink = PostgreSQLSink(
        host=host,
        port=5432,
        dbname=database,
        user="hoatoc",
        password="",
        table_name=TABLE,
        primary_key_columns="delivery_id",
        upsert_on_primary_key=True,
        include_metadata=False,
        schema_auto_update=False,
    )
    frame = app.dataframe(app.topic(topic, key_deserializer="str"))
    frame.apply(track, stateful=True).sink(sink)
    print("ready", flush=True)
    app.run()


if __name__ == "__main__":
    doing = fill if sys.argv[1] == "fill" else work
    doing(*sys.argv[2:])
