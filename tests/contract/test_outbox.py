"""The outbox is watched by age: what is accepted and not sent pages us (counter-example 11)."""

import asyncpg

from hoatoc.postgres.outbox import OutboxTables
from hoatoc.postgres.recall import RecallTables

HANDED_OVER = """
WITH taken AS (
    INSERT INTO handover (dispatch_id, issuer, year, number, notation, content_digest, document_id,
                          printed_number, printed_notation, sender, subject, priority, packet,
                          packet_sha256, limits, door, handed_over_at)
    VALUES (gen_random_uuid(), 'S1', 2026, $1, 'CV', '', 'D1', $1, 'CV', 'S1', 'Thử', 3, '', '',
            '{}', 'test', now() - $2::interval)
    RETURNING dispatch_id, handed_over_at
)
INSERT INTO outbox (dispatch_id, priority, created_at, state, claimed_by, claimed_at)
SELECT dispatch_id, 3, handed_over_at, $3, $4, $5 FROM taken
"""


async def test_what_waits_too_long_pages_once_and_is_over_once_when_it_is_sent(
    database_dsn: str,
) -> None:
    connection = await asyncpg.connect(database_dsn)
    try:
        add = HANDED_OVER.replace("$2::interval", "'61 s'::interval")
        await connection.execute(
            add.replace("$5", "NULL").replace("$4", "NULL").replace("$3", "'unsent'"), "1"
        )
        await connection.execute(
            add.replace("$5", "now()").replace("$4", "'dead'").replace("$3", "'claimed'"), "2"
        )
        young = HANDED_OVER.replace("$2::interval", "'1 s'::interval")
        await connection.execute(
            young.replace("$5", "NULL").replace("$4", "NULL").replace("$3", "'unsent'"), "3"
        )
        tables = OutboxTables(connection)
        assert {"1", "2"} == {row.number for row in await tables.aged(60)}
        assert [] == await tables.aged(60)
        assert [] == await tables.aged_over()
        ids = [r[0] for r in await connection.fetch("UPDATE outbox SET state = 'claimed', "
               "claimed_by = 'x', claimed_at = now() RETURNING dispatch_id")]  # fmt: skip
        await tables.mark_sent([(of, 0, n) for n, of in enumerate(ids)])
        assert {"1", "2"} == {row.number for row in await tables.aged_over()}
        assert [] == await tables.aged_over()

        recalls = RecallTables(connection)
        await connection.execute("""
            INSERT INTO recall (recall_id, dispatch_id, form, reason, requested_by, requested_at)
            SELECT gen_random_uuid(), dispatch_id, 'status-13', 'x', 'S1', now() - '61 s'::interval
            FROM outbox""")
        assert [] == await recalls.aged(60)  # they wait since their dispatch has left
        await connection.execute("UPDATE outbox SET sent_at = now() - '61 s'::interval")
        assert {"1", "2", "3"} == {row.number for row in await recalls.aged(60)}
        assert [] == await recalls.aged(60)
        assert [] == await recalls.aged_over()
        claimed = await connection.fetch("UPDATE recall SET state = 'claimed', claimed_by = 'x', "
                  "claimed_at = now() RETURNING recall_id")  # fmt: skip
        await recalls.mark_sent([row["recall_id"] for row in claimed])
        assert {"1", "2", "3"} == {row.number for row in await recalls.aged_over()}
        assert [] == await recalls.aged_over()
    finally:
        await connection.close()
