"""The guards, and how each is removed: a text of the code, and what stands there without the guard.

`found_by` is what must go red: histories of the simulation, or, for a guard that lies in SQL or
needs a log that no history holds, a file of tests. A guard in SQL is removed twice: there, where the
contract suite must see it, and in the fake that passes the same suite, where histories must.
"""

from dataclasses import dataclass

HISTORIES = "histories"


@dataclass(frozen=True, slots=True)
class Edit:
    """One text of one file, and what replaces it."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Mutant:
    """A guard that is removed."""

    name: str
    guard: str
    edits: tuple[Edit, ...]
    found_by: str = HISTORIES


def _mutant(
    name: str, guard: str, file: str, old: str, new: str, found_by: str = HISTORIES
) -> Mutant:
    return Mutant(name, guard, (Edit(file, old, new),), found_by)


LEDGER_TESTS = "tests/contract/test_ledger_tables.py"
COUNTER_EXAMPLES = "tests/simulation/test_counter_examples.py"
CURRENT = "tests/unit/test_intake_current.py"
WORKING_DUES = "tests/simulation/test_working_dues.py"
SWEEPS = "tests/contract/test_content_machine.py"

MUTANTS = (
    _mutant(
        "identity-reservation",
        "a document's identity is reserved with its hand-over",
        "hoatoc/testing/handover.py",
        "        if known is not None:\n",
        "        if False:\n",
    ),
    _mutant(
        "marked-before-confirmed",
        "an outbox row is marked only when every copy is confirmed",
        "producers/relay.py",
        "            for row in rows:\n",
        "            await self.outbox.mark_sent([(row.dispatch_id, 0, 0) for row in rows])\n"
        "            for row in rows:\n",
    ),
    _mutant(
        "registered-first",
        "a delivery is tracked before it can be seen",
        "producers/publisher.py",
        "        await self.log(registration(row))\n        if row.resend_of",
        "        if row.resend_of",
    ),
    _mutant(
        "published-record",
        "DispatchPublished tells when the recipients' clocks begin",
        "producers/publisher.py",
        "        place = await self.log(published(row, refused))\n",
        "        place = await self.log(registration(row))\n",
    ),
    _mutant(
        "guarded-position-in-the-fake",
        "the first statement of a batch moves the position only from where the batch began",
        "hoatoc/testing/ledger.py",
        "if book is None or book.next_offset != walked.before.next_offset:",
        "if book is None:",
    ),
    _mutant(
        "guarded-position",
        "the same, in SQL",
        "hoatoc/postgres/queries/ledger.sql",
        "WHERE b.partition = n.partition AND b.next_offset = n.start",
        "WHERE b.partition = n.partition",
        LEDGER_TESTS,
    ),
    _mutant(
        "merged-not-overwritten",
        "new facts are joined with those in the books",
        "hoatoc/domain/book.py",
        "    facts = merge(known.facts, touched.facts)\n",
        "    facts = {**known.facts, **touched.facts}\n",
    ),
    _mutant(
        "lowest-offset",
        "of equal facts the one at the lowest offset counts",
        "hoatoc/domain/delivery.py",
        "    for position in sorted(positions):\n",
        "    for position in sorted(positions, reverse=True):\n",
    ),
    _mutant(
        "service-time",
        "a deadline is judged by service time, not by the broker's clock",
        "hoatoc/domain/deadline.py",
        "        late = deadline.closing.service_ms > deadline.due_ms\n",
        "        took = deadline.closing.append_ms - deadline.start.append_ms\n"
        "        late = took > deadline.due_ms - deadline.start.service_ms\n",
    ),
    _mutant(
        "nothing-over-a-gap",
        "service time stands still while a path was away",
        "hoatoc/domain/service_time.py",
        "    return min(appended, clocked) if believable else 0\n",
        "    return min(appended, clocked) if believable else min(max(appended, 0), tick.max_gap_ms)\n",
    ),
    _mutant(
        "smaller-step",
        "service time advances by the smaller of two clocks' steps",
        "hoatoc/domain/service_time.py",
        "    return min(appended, clocked) if believable else 0\n",
        "    return max(appended, clocked) if believable else 0\n",
    ),
    _mutant(
        "every-shard-served",
        "service time advances only while every path in force is served",
        "hoatoc/domain/service_time.py",
        "    if tick.writer in writers and _all_served(shards, tick, append_ms):\n",
        "    if tick.writer in writers:\n",
        "tests/unit/test_service_time.py",
    ),
    _mutant(
        "one-verdict",
        "a deadline has one verdict, the first",
        "hoatoc/domain/book.py",
        "        known = alerts.get(deadline.kind)\n        if known:\n",
        "        known = alerts.get(deadline.kind)\n        if known and known.closing:\n",
    ),
    _mutant(
        "backstop",
        "the ledger finds what no tracker proposed",
        "consumers/ledger.py",
        "            if service_ms > walked.before.clock.service_ms:\n",
        "            if service_ms < 0:\n",
    ),
    _mutant(
        "time-before-version",
        "a tick first advances time, then names the calendar version",
        "hoatoc/domain/working_due.py",
        "            if due.due_ms < tick.service_ms:\n"
        "                due = self._passing(due, version, tick)\n"
        "            if tick.version != version and not due.passed:\n"
        "                due = self._recomputed(due, tick)\n",
        "            if tick.version != version and not due.passed:\n"
        "                due = self._recomputed(due, tick)\n"
        "            if due.due_ms < tick.service_ms:\n"
        "                due = self._passing(due, version, tick)\n",
        WORKING_DUES,
    ),
    _mutant(
        "alert-versions",
        "an alert that stands again has a version of its own",
        "hoatoc/domain/book.py",
        "    return 2 * alert.episode + (1 if alert.closing is None else 2)\n",
        "    return 1 if alert.closing is None else 2\n",
    ),
    _mutant(
        "claimed-is-not-cancelled-in-the-fake",
        "a claim is committed before anything is sent, and what is claimed is never cancelled",
        "hoatoc/testing/handover.py",
        '        if row.state != "unsent" or any(',
        '        if row.state == "sent" or any(',
    ),
    _mutant(
        "claimed-is-not-cancelled",
        "the same, in SQL",
        "hoatoc/postgres/queries/recall.sql",
        "WHERE o.dispatch_id = $1 AND o.state = 'unsent'\n",
        "WHERE o.dispatch_id = $1 AND o.state IN ('unsent', 'claimed')\n",
        "tests/contract/test_outbox_machine.py",
    ),
    _mutant(
        "announced-content-stays",
        "content that a door is about to put is not taken away",
        "hoatoc/postgres/content.py",
        '            await self._connection.execute(SQL["stays"], claim.sha256)\n'
        "            return int(",
        "            return int(",
        SWEEPS,
    ),
    _mutant(
        "one-after-another-about-one-content",
        "a door waits for a removal that is under way",
        "hoatoc/postgres/content.py",
        '            await self._connection.execute(SQL["lock"], claim.sha256)\n',
        "",
        SWEEPS,
    ),
    _mutant(
        "verified-before-published",
        "content that is missing or altered is never published as if it were there",
        "producers/publisher.py",
        "        lost = await self.lost(row.claim)\n",
        "        lost = None\n",
        "tests/unit/test_publisher.py",
    ),
    _mutant(
        "recall-behind-its-dispatch",
        "a recall leaves only behind what it recalls",
        "hoatoc/testing/outbox.py",
        '            and self.tables.outbox[row.dispatch_id].state == "sent"\n',
        "",
    ),
    _mutant(
        "put-back-claims-no-time",
        "a put-back counts at its own place",
        "hoatoc/domain/walk.py",
        "    of, touched = _touch(result, event.dispatch_id, event.recipient)\n"
        "    code, said = answer_words(event)\n",
        "    of, touched = _touch(result, event.dispatch_id, event.recipient)\n"
        "    if event.put_back_of is not None:\n"
        "        at = at._replace(service_ms=0)\n"
        "    code, said = answer_words(event)\n",
    ),
    _mutant(
        "put-back-where-its-alert-stands",
        "a put-back is told in the partition of the alert that it resolves",
        "producers/intake.py",
        "        return [self._about(event, event.dispatch_id), self._of_organ(over)]\n",
        "        return [self._about(event, event.dispatch_id)]\n",
    ),
    _mutant(
        "gap-is-an-error",
        "a gap in the offsets is a loss",
        "hoatoc/domain/walk.py",
        "        if entry.offset != expected:\n",
        "        if entry.offset < 0:\n",
        "tests/unit/test_book.py",
    ),
    _mutant(
        "dead-letter-first",
        "what cannot be read is parked as it was before anything goes on",
        "producers/intake.py",
        "        return [letter, self._of_organ(event)]\n",
        "        return [self._of_organ(event)]\n",
    ),
    _mutant(
        "unreadable-in-its-place",
        "an unreadable answer takes its place in the log",
        "producers/intake.py",
        "            return [letter, self._about(event, dispatch_id)]\n",
        "            return [letter]\n",
    ),
    _mutant(
        "who-may-speak",
        "an answer counts only for a copy that was handed over for who answers",
        "producers/intake.py",
        "                if fault is not None:\n",
        "                if fault is not None and report.answer is None:\n",
    ),
    _mutant(
        "ticks-wait-for-answers",
        "no time passes while an answer lies unread in its topic",
        "producers/intake.py",
        "        return bool(feeds) and all(one.within(now_ms, self.max_gap_ms) for one in horizons)\n",
        "        return True\n",
    ),
    _mutant(
        "horizon-never-steps",
        "how long an answer lies unread goes by a clock that never steps",
        "producers/intake.py",
        "        now_ms = int(asyncio.get_running_loop().time() * 1000)\n",
        "        now_ms = self.now_ns() // 1_000_000\n",
        CURRENT,
    ),
    _mutant(
        "answers-before-commit",
        "intake commits an answer only when the log has it",
        "producers/intake.py",
        "                await self._forward([record for place in fetched for record in fetched[place]])\n"
        "                await self._done(fetched)\n",
        "                await self._done(fetched)\n"
        "                await self._forward([record for place in fetched for record in fetched[place]])\n",
    ),
    _mutant(
        "told-when-confirmed",
        "an announcement is forgotten only when the broker has confirmed it",
        "consumers/alerts.py",
        "        refusals = await offer_all(to, records)\n",
        "        await self.announcements.told([queued.id for queued in waiting])\n"
        "        refusals = await offer_all(to, records)\n",
    ),
    _mutant(
        "alerts-taken-before-commit",
        "an alert is in the database before its offset is committed",
        "consumers/pager.py",
        "                await self._take(records, to)\n"
        "                with suppress(CommitFailedError):  # assigned anew: a repeat changes nothing\n"
        "                    await reader.commit()\n",
        "                with suppress(CommitFailedError):  # assigned anew: a repeat changes nothing\n"
        "                    await reader.commit()\n"
        "                await self._take(records, to)\n",
    ),
    _mutant(
        "position-with-the-hand-over",
        "intake's position moves in the transaction of the hand-over",
        "producers/taking.py",
        "        async with connection.transaction():\n"
        "            tables = self.handovers(connection)\n"
        "            if not await tables.move_intake(record.topic, record.partition, record.offset):\n"
        "                return\n",
        "        tables = self.handovers(connection)\n"
        "        if not await tables.move_intake(record.topic, record.partition, record.offset):\n"
        "            return\n"
        "        async with connection.transaction():\n",
    ),
    _mutant(
        "history-with-the-books",
        "history, state, alerts and position are one transaction",
        "consumers/ledger.py",
        "        async with connection.transaction():\n"
        "            await tables.move(walks)\n"
        "            await self._write(tables, walks, parked)\n",
        "        await tables.move(walks)\n"
        "        async with connection.transaction():\n"
        "            await self._write(tables, walks, parked)\n",
    ),
    _mutant(
        "clock-from-publication",
        "a recipient's clock begins with the publication",
        "hoatoc/domain/deadline.py",
        "    Kind.ARRIVE: (Fact.PUBLISHED,),\n",
        "    Kind.ARRIVE: (Fact.REGISTERED,),\n",
    ),
    _mutant(
        "allowance",
        "every due has max_gap in hand, for an interruption of ours",
        "hoatoc/domain/deadline.py",
        "        elapsed = start.service_ms + limit_ms + limits.allowance_ms\n",
        "        elapsed = start.service_ms + limit_ms\n",
    ),
    _mutant(
        "recall-stops-nothing",
        "13 alone stops no clock",
        "hoatoc/domain/deadline.py",
        "        answered = _recalled(facts, RECALL_ANSWERS[:1])\n    elif",
        "        answered = first(facts, Fact.RECALL_REQUESTED)\n    elif",
    ),
)
