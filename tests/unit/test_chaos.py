"""How chaos counts: what a commit looks like, when doors are open, how long a recovery took."""

from pathlib import Path

from hoatoc.history.note import Fault
from tests.chaos.door import reached
from tests.chaos.kind import KINDS, LANES, OPENING, mandatory
from tests.chaos.leak import leaks
from tests.chaos.proxy import tells_commit
from tests.chaos.sample import Sample, recovery_s
from tests.chaos.schedule import opening, schedule

IDLE, IN_TRANSACTION = b"Z\x00\x00\x00\x05I", b"Z\x00\x00\x00\x05T"
COMMIT, UPDATE = b"C\x00\x00\x00\x0bCOMMIT\x00", b"C\x00\x00\x00\x0dUPDATE 1\x00"


def fault(target: str, begin_s: int, end_s: int, name: str = "pause") -> Fault:
    return Fault(
        at_ms=begin_s * 1000, until_ms=end_s * 1000, fault=name, target=target, applied=True
    )


def samples(*copies: int, lag: tuple[int, ...] = ()) -> list[Sample]:
    """One a second: copies handed over by the API, records not booked."""
    lags = lag or (0,) * len(copies)
    return [
        Sample(at_ms=n * 1000, copies=c, by_kafka=0, end=waiting, booked=0, outbox=0)
        for n, (c, waiting) in enumerate(zip(copies, lags, strict=True))
    ]


def test_a_commit_is_told_only_when_no_transaction_is_open() -> None:
    assert tells_commit(COMMIT + IDLE)
    assert tells_commit(b"1\x00\x00\x00\x04" + UPDATE + IDLE)
    assert not tells_commit(UPDATE + IN_TRANSACTION)
    assert not tells_commit(b"C\x00\x00\x00\x0dSELECT 1\x00" + IDLE)


def test_time_with_a_closed_door_is_no_time_of_load() -> None:
    found = reached([fault("database", 2, 4)], samples(0, 100, 200, 200, 200, 200, 300), (0, 6000))
    assert (3.0, 3.0, 300) == (found.open_s, found.closed_s, found.copies)
    assert 100.0 == found.rate


def test_a_fault_of_a_program_closes_no_door() -> None:
    found = reached([fault("ledger", 1, 3)], samples(0, 100, 200, 300), (0, 3000))
    assert (3.0, 0.0, 300) == (found.open_s, found.closed_s, found.copies)


def test_recovery_is_over_when_no_more_waits_than_before() -> None:
    some = samples(*range(6), lag=(0, 0, 9000, 9000, 5000, 10))
    assert 2.0 == recovery_s(fault("ledger", 1, 3), some)
    assert recovery_s(fault("ledger", 1, 3), some[:-1]) is None


def test_a_schedule_is_the_seed_s_and_holds_all_that_must_be() -> None:
    assert schedule(7, 10) == schedule(7, 10)
    assert schedule(7, 10) != schedule(8, 10)
    faults = [*opening(7, 10), *(p for lane in schedule(7, 10) for p in lane)]
    planned = {(p.kind.name, p.target) for p in faults}
    planned |= {(name, "") for name, _ in planned}
    assert mandatory() <= planned
    assert {kind.lane for kind in KINDS} == {OPENING, *LANES}


def test_a_mark_is_found_as_text_and_in_base64_but_not_where_its_sender_wrote_it(
    tmp_path: Path,
) -> None:
    record, data = tmp_path / "record", tmp_path / "data"
    record.mkdir()
    note = '{"what":"stopped","at_ms":1,"document_id":"a","sender":"b","marker":"MarkMarkMark"}\n'
    (record / "senders.jsonl").write_text(note)
    for folder in ("handovers.G22-0", "deliveries-0"):
        (data / folder).mkdir(parents=True)
    (data / "handovers.G22-0" / "0.log").write_text("MarkMarkMark")
    assert leaks(record, data) == []
    (data / "deliveries-0" / "0.log").write_text("..TWFya01hcmtNYXJr..")
    (data / "ledger.log").write_text("saw MarkMarkMark")
    assert ["0.log", "ledger.log"] == sorted(leak.place for leak in leaks(record, data))
