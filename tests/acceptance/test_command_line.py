import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from aiokafka import AIOKafkaProducer

from hoatoc import codec
from hoatoc.domain.edxml import read_packet, write_packet
from hoatoc.domain.event import StatusReported
from hoatoc.domain.identity import OrganCode
from hoatoc.domain.packet import Attachment
from hoatoc.domain.registry import Certainty, Organ
from hoatoc.embedded.stack import running
from hoatoc.postgres.registry import RegistryTables

EXAMPLE = Path(__file__).parents[2] / "examples" / "packets" / "quang-tri-1473.edxml"
Hoatoc = Callable[..., Any]


def packet(folder: Path, number: str, subject: str = "Thử nghiệm", file: str = "") -> Path:
    """Write a packet to two organs, G14 and G18."""
    letter = read_packet(EXAMPLE.read_bytes())
    two = tuple(party for party in letter.recipients if party.code in ("G14", "G18"))
    out = folder / f"{file or number}.edxml"
    out.write_bytes(write_packet(replace(letter, number=number, subject=subject, recipients=two)))
    return out


def until(check: Callable[[], Any], within_s: float = 60) -> Any:
    """Ask until there is an answer; each question is a command of its own."""
    end = monotonic() + within_s
    while not (found := check()):
        assert monotonic() < end, "it did not come"
    return found


def delivery(hoatoc: Hoatoc, organ: str, mark: str) -> str:
    """Return the delivery of a document to an organ, once it is in its inbox."""

    def look() -> str | None:
        inbox = hoatoc("inbox", organ, "--json")
        return next((row["delivery_id"] for row in inbox if row["document"] == mark), None)

    return str(until(look))


def alerts(hoatoc: Hoatoc, of: str, *, resolved: bool) -> list[str]:
    """Return the kinds of a delivery's alerts."""
    rows = hoatoc("alerts", "--json")
    return [r["kind"] for r in rows if r["subject_id"] == of and r["resolved"] is resolved]


def test_the_silent_one_is_alerted_and_recovers_whatever_is_killed(
    hoatoc: Hoatoc, folder: Path
) -> None:
    hoatoc("send", packet(folder, "21"))
    prompt = delivery(hoatoc, "G14", "21/UBND-VX")
    late = delivery(hoatoc, "G18", "21/UBND-VX")
    for answer in ("done", "01", "03"):
        hoatoc("answer", prompt, answer)
    for name in ("ledger", "tracker", "intake", "relay", "alerts", "pager"):
        os.kill(hoatoc("status", "--json")["children"][name]["pid"], signal.SIGKILL)
    until(lambda: alerts(hoatoc, late, resolved=False) == ["arrive"])
    assert alerts(hoatoc, prompt, resolved=False) == []
    hoatoc("answer", late, "03")
    until(lambda: alerts(hoatoc, late, resolved=True) == ["arrive"])
    books = until(lambda: b if (b := hoatoc("books", "--replay", "--json"))["recovered"] else None)
    assert books["balanced"]
    assert books["replay_differences"] == []
    assert "DeadlinePassed" in hoatoc("show", "21/UBND-VX")


def test_the_packet_comes_out_as_it_went_in(hoatoc: Hoatoc, folder: Path) -> None:
    sent = packet(folder, "22")
    hoatoc("send", sent)
    taken = folder / "taken.edxml"
    hoatoc("take", delivery(hoatoc, "G14", "22/UBND-VX"), "--out", taken)
    assert taken.read_bytes() == sent.read_bytes()
    assert "--force" in hoatoc("take", delivery(hoatoc, "G14", "22/UBND-VX"), "-o", taken, status=4)


def test_the_same_again_is_the_same_dispatch_and_other_content_is_refused(
    hoatoc: Hoatoc, folder: Path
) -> None:
    sent = packet(folder, "23")
    (first,) = hoatoc("send", "--json", sent)
    (again,) = hoatoc("send", "--json", sent)
    assert (first["new"], again["new"]) == (True, False)
    assert first["dispatch_id"] == again["dispatch_id"]
    other = packet(folder, "023", "Nội dung khác", file="other")
    assert first["dispatch_id"] in hoatoc("send", other, status=4)


def test_one_bad_packet_does_not_hold_back_the_next(hoatoc: Hoatoc, folder: Path) -> None:
    bad = folder / "bad.edxml"
    bad.write_text("not XML")
    said = hoatoc("send", bad, packet(folder, "24"), status=4)
    assert "NotXml" in said
    assert "24/UBND-VX → 2" in said


def test_an_answer_that_no_recipient_can_give_is_refused(hoatoc: Hoatoc, folder: Path) -> None:
    hoatoc("send", packet(folder, "25"))
    of = delivery(hoatoc, "G14", "25/UBND-VX")
    assert "'07'" in hoatoc("answer", of, "07", status=4)
    assert "--reason" in hoatoc("answer", of, "02", status=4)
    assert "hoatoc inbox" in hoatoc("answer", "nobody", "01", status=4)


def test_a_new_organ_gets_its_topics_and_its_documents(hoatoc: Hoatoc, folder: Path) -> None:
    hoatoc("registry", "add", "H50.99", "Sở Thử nghiệm", "--email", "thu@h50.example")
    assert "all as they must be" in hoatoc("topics")
    letter = read_packet(EXAMPLE.read_bytes())
    party = replace(letter.recipients[0], code="H50.99")
    out = folder / "26.edxml"
    out.write_bytes(write_packet(replace(letter, number="26", recipients=(party,))))
    hoatoc("send", out)
    of = delivery(hoatoc, "H50.99", "26/UBND-VX")
    hoatoc("answer", of, "03")
    until(lambda: hoatoc("deliveries", "--recipient", "H50.99", "--state", "accepted", "--json"))


def test_a_copy_that_the_broker_refused_is_put_back_and_its_alert_is_over(
    hoatoc: Hoatoc, folder: Path
) -> None:
    organ = Organ(
        code=OrganCode("H50.98"),
        code102="",
        name="Sở chưa có chủ đề",
        email="",
        telephone="",
        certainty=Certainty.VERIFIED,
    )
    asyncio.run(register_without_topics(folder, organ))
    letter = read_packet(EXAMPLE.read_bytes())
    party = replace(letter.recipients[0], code=organ.code)
    out = folder / "27.edxml"
    out.write_bytes(write_packet(replace(letter, number="27", recipients=(party,))))
    hoatoc("send", out)
    (letter_id,) = until(lambda: [r["id"] for r in hoatoc("dead-letters", "list", "--json")])
    (row,) = until(lambda: hoatoc("deliveries", "--recipient", organ.code, "--json"))
    until(lambda: alerts(hoatoc, row["delivery_id"], resolved=False) == ["send-failed"])
    hoatoc("topics", "--create")
    hoatoc("dead-letters", "put-back", letter_id)
    assert "already" in hoatoc("dead-letters", "put-back", letter_id, status=4)
    until(lambda: alerts(hoatoc, row["delivery_id"], resolved=True) == ["send-failed"])
    hoatoc("answer", delivery(hoatoc, organ.code, "27/UBND-VX"), "03")
    until(lambda: hoatoc("deliveries", "--recipient", organ.code, "--state", "accepted", "--json"))


async def register_without_topics(folder: Path, organ: Organ) -> None:
    """Add an organ to the registry and leave its topics out."""
    state = running(folder / "data")
    assert state is not None
    connection = await asyncpg.connect(state.dsn)
    await RegistryTables(connection).add_organs([organ])
    await connection.close()


def test_a_copy_is_asked_back_and_only_then_sent_again(hoatoc: Hoatoc, folder: Path) -> None:
    (sent,) = hoatoc("send", packet(folder, "31"), "--json")
    of = delivery(hoatoc, "G14", "31/UBND-VX")
    assert "--reason" in hoatoc("recall", of, status=4)
    assert "NoCopy" in hoatoc("recall", of, "--to", "H16", "--reason", "x", status=4)
    assert "OrganUnknown" in hoatoc("recall", of, "--to", "H99.99", "--reason", "x", status=4)
    assert "hoatoc deliveries" in hoatoc("recall", "31/VP", "--reason", "x", status=4)
    assert "loại 2" in hoatoc("resend", of, "--to", "H16", status=4)
    assert "đang ở trạng thái" in hoatoc("resend", of, "--to", "G14", status=4)
    asked = hoatoc("recall", of, "--to", "G14", "--reason", "Gửi nhầm", "--json")
    assert (sent["dispatch_id"], ["G14"]) == (asked["dispatch_id"], asked["asked"])
    until(lambda: "Gửi nhầm" in {row["recall"] for row in hoatoc("inbox", "G14", "--json")})
    hoatoc("answer", of, "15")
    until(lambda: hoatoc("deliveries", "--state", "recalled", "--recipient", "G14", "--json"))
    assert "recalled at 1/1" in hoatoc("show", "31/UBND-VX")
    again = hoatoc("resend", of, "--to", "G14", "--json")
    assert "đã gửi lại rồi" in hoatoc("resend", of, "--to", "G14", status=4)
    shown = hoatoc("show", again["dispatch_id"])
    assert f"sent again, of dispatch {sent['dispatch_id']}" in shown
    several = hoatoc("recall", "31/UBND-VX", "--reason", "x", status=4)
    assert all(each["dispatch_id"] in several for each in (sent, again))


def test_a_code_that_no_table_knows_is_in_quarantine_and_moves_nothing(
    hoatoc: Hoatoc, folder: Path
) -> None:
    (sent,) = hoatoc("send", packet(folder, "32"), "--json")
    of = delivery(hoatoc, "G14", "32/UBND-VX")
    asyncio.run(report(folder, "G14", UUID(sent["dispatch_id"]), "999"))

    def quarantined() -> list[dict[str, Any]]:
        rows = hoatoc("quarantine", "--json")
        return [row for row in rows if row["delivery_id"] == of]

    (row,) = until(quarantined)
    assert ("999", "32/UBND-VX", "G14") == (row["code"], row["document"], row["recipient"])
    (copy,) = hoatoc(
        "deliveries", "--recipient", "G14", "--dispatch", sent["dispatch_id"], "--json"
    )
    assert "published" == copy["state"]
    assert "999 (?)" in hoatoc("show", of)


async def report(folder: Path, organ: str, dispatch: UUID, code: str) -> None:
    """Report a status as an organ's own client does, whatever the code."""
    state = running(folder / "data")
    assert state is not None
    event = StatusReported(event_id=uuid4(), dispatch_id=dispatch, recipient=organ, code=code)
    async with AIOKafkaProducer(bootstrap_servers=state.bootstrap_servers) as to:
        await to.send_and_wait(f"reports.{organ}", codec.encode(event))


def test_a_stamped_document_is_stopped_noted_and_dealt_with(hoatoc: Hoatoc, folder: Path) -> None:
    letter = read_packet(packet(folder, "33").read_bytes())
    text = "MẬT\n\nKế hoạch".encode()
    file = Attachment(name="a.txt", content_type="text/plain", content=text)
    stamped = folder / "stamped.edxml"
    stamped.write_bytes(write_packet(replace(letter, attachments=(file,))))
    for _ in range(2):
        assert "SecretSuspected" in hoatoc("send", stamped, status=4)
    (note,) = hoatoc("secrets", "--json")
    assert sha256(stamped.read_bytes()).hexdigest() == note["sha256"]
    until(lambda: hoatoc("lag", "--json")["announcements"] == 0)
    assert "hoatoc deliveries" in hoatoc("show", "33/UBND-VX", status=4)
    close = ("secrets", "close", note["note_id"], "--outcome", "Chuyển theo đường mật")
    assert "noted" in hoatoc(*close)
    assert "hoatoc secrets" in hoatoc(*close, status=4)
    assert [] == hoatoc("secrets", "--json")
    assert "declared-secret" in hoatoc("check", "--secret", packet(folder, "34"), status=4)
    subject = b"<edXML:Subject>"
    flagged = packet(folder, "34").read_bytes().replace(subject, b"<DoMat>1</DoMat>" + subject)
    stamped.write_bytes(flagged)
    assert "declared-secret" in hoatoc("check", stamped, status=4)


def test_a_packet_is_checked_and_nothing_of_it_is_kept(hoatoc: Hoatoc, folder: Path) -> None:
    good, bad = packet(folder, "35"), folder / "35-bad.edxml"
    bad.write_text("not XML")
    (found,) = hoatoc("check", good, "--json")
    assert not found["refused"]
    assert "XML" in hoatoc("check", good, bad, status=4)
    assert "hoatoc deliveries" in hoatoc("show", "35/UBND-VX", status=4)
    hoatoc("check", folder / "nowhere.edxml", status=2)


def test_a_legal_deadline_is_told_by_the_calendar(hoatoc: Hoatoc) -> None:
    said = hoatoc("deadline", "acknowledge", "--arrived", "05/03/2021 17:30")
    assert "08/03/2021" in said  # a Friday evening counts to the Monday
    assert "NĐ 30/2020" in said
    assert "dd/MM/yyyy HH:mm" in hoatoc("deadline", "acknowledge", "--arrived", "soon", status=2)


def test_a_code_is_resolved_to_the_organ_that_it_means(hoatoc: Hoatoc) -> None:
    found = hoatoc("registry", "resolve", "G14", "000.00.00.G18", "--json")
    assert [("G14", "G14"), ("G18", "G18")] == [(r["code"], r["connection"]) for r in found]
    assert "H99.99" in hoatoc("registry", "resolve", "H99.99", status=4)


def test_deliveries_are_listed_by_what_is_asked(hoatoc: Hoatoc, folder: Path) -> None:
    (sent,) = hoatoc("send", packet(folder, "36"), "--json")
    delivery(hoatoc, "G18", "36/UBND-VX")

    def both() -> list[dict[str, Any]]:
        return list(hoatoc("deliveries", "--dispatch", sent["dispatch_id"], "--json"))

    assert {"G14", "G18"} == {row["recipient"] for row in until(both)}
    assert {"G18"} == {
        row["recipient"] for row in hoatoc("deliveries", "--recipient", "G18", "--json")
    }
    assert "none" in hoatoc("deliveries", "--recipient", "H16")
    hoatoc("deliveries", "--dispatch", "36/UBND-VX", status=2)
    hoatoc("deliveries", "--limit", "0", status=2)


def test_what_is_not_there_is_said_with_its_remedy(hoatoc: Hoatoc, folder: Path) -> None:
    assert "hoatoc deliveries" in hoatoc("show", "no-such-thing", status=4)
    assert "hoatoc up" in hoatoc("lag", "--data", folder / "nowhere", status=3)
    assert "pid" in hoatoc("up", status=1)
    assert "records" in hoatoc("lag", "--json")
