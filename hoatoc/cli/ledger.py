"""Commands that read the books."""

import asyncio
import json as text
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, cast
from uuid import UUID

import asyncpg
import typer
from rich.table import Table

from hoatoc import books as proof
from hoatoc import codec
from hoatoc.cli import legal, output
from hoatoc.cli.reach import Data, Json, database, settings_of
from hoatoc.domain.calendar import Calendars
from hoatoc.domain.error import PeerFault
from hoatoc.domain.event import AlertRaised, Limits
from hoatoc.postgres.calendar import CalendarTables
from hoatoc.postgres.query import queries
from hoatoc.replay import replay

SQL = queries("report")
Limit = Annotated[int, typer.Option(min=1, help="Rows at most.")]
AT_RISK_MS = 15 * 60_000


class UnknownDispatch(PeerFault):
    """No dispatch, delivery or document has this name."""


_DELIVERY = {
    "number_notation": "Số, ký hiệu · document",
    "recipient": "Nơi nhận · recipient",
    "state": "Trạng thái · state",
    "overdue": "Quá hạn · overdue",
    "due_kind": "Hạn · due",
    "due_in_s": "Còn (giây) · in s",
    "delivery_id": "Mã gửi nhận · delivery",
}


def deliveries(
    state: Annotated[str | None, typer.Option(help="Only this state.")] = None,
    recipient: Annotated[str | None, typer.Option(help="Only this recipient.")] = None,
    sender: Annotated[str | None, typer.Option(help="Only this sender.")] = None,
    dispatch: Annotated[UUID | None, typer.Option(help="Only this dispatch.")] = None,
    limit: Limit = 200,
    data: Data = None,
    json: Json = False,
) -> None:
    """List deliveries, newest first."""
    _deliveries(data, json, state, recipient, sender, None, dispatch, limit)


def overdue(limit: Limit = 200, data: Data = None, json: Json = False) -> None:
    """List the deliveries with an alert that stands open."""
    _deliveries(data, json, None, None, None, True, None, limit)


def _deliveries(data: Any, json: bool, *filters: Any) -> None:
    async def read() -> list[dict[str, Any]]:
        async with database(settings_of(data)) as connection:
            rows = await connection.fetch(SQL["deliveries"], *filters)
        return [dict(r) | {"number_notation": f"{r['number']}/{r['notation']}"} for r in rows]

    rows = asyncio.run(read())
    if not json:
        for row in rows:
            row["state"] = output.STATES.get(row["state"], row["state"])
    output.table(rows, _DELIVERY, machine=json)


def alerts(
    still_open: Annotated[
        bool | None, typer.Option("--open/--resolved", help="Only open, or only resolved ones.")
    ] = None,
    limit: Limit = 200,
    data: Data = None,
    json: Json = False,
) -> None:
    """List alerts and what became of their pages, newest first."""

    async def read() -> list[dict[str, Any]]:
        async with database(settings_of(data)) as connection:
            booked = await connection.fetch(SQL["alerts"], still_open, limit)
            unsent = await connection.fetch(SQL["unsent"], still_open, limit)
        return [*(_unsent(row) for row in unsent), *(dict(row) for row in booked)]

    rows = [
        row | {"document": f"{row['number']}/{row['notation']}" if row["number"] else "—"}
        for row in asyncio.run(read())
    ]
    headings = {
        "kind": "Cảnh báo · alert",
        "document": "Số, ký hiệu · document",
        "recipient": "Nơi nhận · recipient",
        "since": "Từ lúc · since",
        "resolved": "Đã qua · resolved",
        "found_by": "Do · found by",
        "pages": "Tin báo · pages",
        "reason": "Lý do · reason",
    }
    output.table(rows, headings, machine=json)


def _unsent(row: asyncpg.Record) -> dict[str, Any]:
    """Return an alert of kind `unsent` as a row like those of the books."""
    told = cast("AlertRaised", codec.decode(row["alert"]))
    since = told.since_ms
    return {
        "subject_id": row["subject_id"],
        "kind": told.kind,
        "number": told.number,
        "notation": told.notation,
        "sender": told.sender,
        "recipient": told.recipient or told.sender,
        "found_by": "fact",
        "resolved": row["version"] % 2 == 0,
        "reason": told.reason,
        "dispatch_id": told.dispatch_id,
        "since": None if since is None else datetime.fromtimestamp(since / 1000, UTC),
        "pages": row["pages"],
    }


def show(
    dispatch: Annotated[str, typer.Argument(help="Dispatch id, delivery id, or number/notation.")],
    data: Data = None,
    json: Json = False,
) -> None:
    """Show a dispatch: every recipient, and everything that the log says of it."""
    found = asyncio.run(_found(data, dispatch))
    if json:
        output.as_json(found.as_dict())
        return
    _show(found)


@dataclass(frozen=True, slots=True)
class Found:
    """A dispatch with all that is known of it."""

    head: dict[str, Any]
    recipients: list[dict[str, Any]]
    timeline: list[dict[str, Any]]
    recalls: list[dict[str, Any]]
    calendars: Calendars

    @property
    def limits(self) -> Limits:
        """The limits of its hand-over."""
        return Limits(**text.loads(self.head["limits"]))

    @property
    def copies(self) -> list[legal.Copy]:
        """The copies that the books have."""
        return [legal.Copy.of(row) for row in self.recipients if row["facts"] is not None]

    def as_dict(self) -> dict[str, Any]:
        """Return it all for machines."""
        parsed = {n: text.loads(self.head[n]) for n in ("limits", "signatures", "findings")}
        return (
            self.head
            | parsed
            | {
                "recipients": [
                    dict(row)
                    | {n: text.loads(row[n]) if row[n] else None for n in ("facts", "working")}
                    for row in self.recipients
                ],
                "recalls": [dict(row) for row in self.recalls],
                "deadlines": list(legal.rows_of(self.copies, self.limits)),
                "legal_deadlines": legal.explained(self.head, self.copies, self.calendars),
                "timeline": [dict(row) for row in self.timeline],
            }
        )


async def _found(data: Any, dispatch: str) -> Found:
    async with database(settings_of(data)) as connection:
        found = await connection.fetch(SQL["find"], dispatch)
        if not found:
            raise UnknownDispatch(f"nothing is known of {dispatch}: see `hoatoc deliveries`")
        of = found[0]["dispatch_id"]
        calendars = CalendarTables(connection)
        current = await calendars.current()
        recipients, timeline, recalls = [
            [dict(row) for row in await connection.fetch(SQL[name], of)]
            for name in ("recipients", "timeline", "recalls")
        ]
        return Found(
            dict(await connection.fetchrow(SQL["dispatch"], of)),
            recipients,
            timeline,
            recalls,
            (await calendars.versions({current}))[current],
        )


def _show(found: Found) -> None:
    console = output.screen()
    head = found.head
    console.print(f"[bold]{head['number']}/{head['notation']}[/bold]  {head['subject']}")
    console.print(
        f"{output.PRIORITIES[head['priority']]} · {output.BUSINESS[head['business_type']]} · "
        f"từ/from {head['sender']} · {output.instant(head['handed_over_at'])} · "
        f"cửa/door {head['door']} · outbox {head['outbox']}\ndispatch {head['dispatch_id']}"
    )
    if head["resend_of"]:
        console.print(f"gửi lại của · sent again, of dispatch {head['resend_of']}")
    console.print(f"giá trị pháp lý · legal value: {output.LEGAL_VALUES[head['legal_value']]}")
    if head["cleared_by"]:
        console.print(
            f"người chịu trách nhiệm không có bí mật · cleared by: {head['cleared_by']}",
            markup=False,
        )
    output.table(_signatures(head["signatures"]), _SIGNATURE, machine=False, empty="")
    for line in legal.counted(found.recalls):
        console.print(line, markup=False)
    _show_recipients(found)
    _show_deadlines(found)
    _show_timeline(found)


_SIGNATURE = {
    "file": "Tệp · file",
    "signer": "Người ký · signer",
    "organisation": "Cơ quan · organisation",
    "role": "Vai trò · role",
    "signed_at": "Ký lúc · signed at",
    "verdict": "Kết luận · verdict",
    "reasons": "Lý do · reasons",
}


def _signatures(stored: str) -> Iterator[dict[str, Any]]:
    """Yield each signature that was found at hand-over; the packet's own has no file."""
    for file in text.loads(stored):
        for signature in file["signatures"]:
            reasons = ", ".join(signature["reasons"])
            yield signature | {"file": file["file"] or "edXML", "reasons": reasons}


def _show_recipients(found: Found) -> None:
    rows = [
        dict(r)
        | {
            "state": output.STATES.get(r["state"], r["state"]),
            "again": r["resent_as"] or "",
            "recall": "" if r["recall"] in (None, "not-asked") else r["recall"],
        }
        for r in found.recipients
    ]
    headings = {
        "recipient": "Nơi nhận · recipient",
        "state": "Trạng thái · state",
        "handling": "Xử lý · handling",
        "recall": "Thu hồi · recall",
        "alerts": "Cảnh báo · alerts",
        "due_kind": "Hạn · due",
        "due_in_s": "Còn (giây) · in s",
        "again": "Gửi lại thành · sent again as",
        "delivery_id": "Mã gửi nhận · delivery",
    }
    output.table(rows, headings, machine=False, empty="")


def _show_deadlines(found: Found) -> None:
    if line := legal.factor_line(found.limits):
        output.screen().print(line)
    explained = legal.explained(found.head, found.copies, found.calendars)
    headings = {
        "due": "Hạn theo luật · legal deadline",
        "organs": "Cơ quan · organs",
        "outcome": "Kết quả · outcome",
    }
    output.table(explained, headings, machine=False, empty="")
    runs = {
        "recipient": "Nơi nhận · recipient",
        "kind": "Hạn · deadline",
        "since": "Từ · since",
        "due": "Đến · due",
        "closed": "Xong · closed",
        "outcome": "Kết quả · outcome",
    }
    output.table(legal.rows_of(found.copies, found.limits), runs, machine=False, empty="")


def _show_timeline(found: Found) -> None:
    by_id = {r["delivery_id"]: r["recipient"] for r in found.recipients}
    drawn = Table(title="Diễn biến · timeline", title_justify="left")
    for heading in (
        "Lúc · at",
        "Nơi nhận · recipient",
        "Sự kiện · event",
        "Mã · code",
        "Ghi · note",
    ):
        drawn.add_column(heading, overflow="fold")
    for r in found.timeline:
        who = r["recipient"] or by_id.get(r["delivery_id"], "tất cả · all")
        code = (r["code"] or "") + ("" if r["known"] else " (?)")
        drawn.add_row(output.instant(r["append_ms"]), who, r["type"], code, r["detail"] or "")
    output.screen().print(drawn)


def books(
    verify: Annotated[
        bool, typer.Option("--replay", help="Also replay the log from 0 and compare.")
    ] = False,
    data: Data = None,
    json: Json = False,
) -> None:
    """Prove that nothing fell between: copies handed over = the sum of their states.

    Exit 1 when the books do not balance.
    """
    settings = settings_of(data)

    async def read() -> tuple[proof.Proof, list[str] | None]:
        async with database(settings) as connection:
            found = await proof.prove(connection, settings.kafka)
            return found, await replay(connection, settings.kafka) if verify else None

    found, differences = asyncio.run(read())
    if json:
        output.as_json(found.as_dict() | {"replay_differences": differences})
    else:
        _show_books(found, differences)
    if not found.balanced or differences:
        raise typer.Exit(1)


def _show_books(found: proof.Proof, differences: list[str] | None) -> None:
    console = output.screen()
    drawn = Table(title="Sổ · books", title_justify="left", show_footer=True)
    drawn.add_column("Trạng thái · state", footer="Đã giao · copies handed over")
    drawn.add_column("Bản · copies", justify="right", footer=str(found.handed_over))
    for place, copies in found.copies.items():
        drawn.add_row(proof.PLACES[place], str(copies))
    console.print(drawn)
    console.print(f"khắc phục sau cảnh báo · recovered: {found.recovered}")
    for line in found.faults:
        console.print(f"[red]✗ {line}[/red]")
    log = "không hỏi được · broker away" if found.log_end is None else str(found.log_end)
    console.print(
        f"sổ đã ghi · booked {found.booked} = {found.lines} sự kiện/events + {found.ticks} ticks; "
        f"nhật ký · log {log}"
    )
    if differences is not None:
        verdict = "giống hệt · the same books" if not differences else "KHÁC · DIFFERENT"
        console.print(f"đọc lại nhật ký · replay: {verdict}")
        for line in differences[:20]:
            console.print(f"[red]✗ {line}[/red]")
    balanced = "[green]cân · balanced[/green]" if found.balanced else "[red]LỆCH · UNBALANCED[/red]"
    console.print(balanced)


def lag(data: Data = None, json: Json = False) -> None:
    """Show what waits: records, documents at risk, minutes to the next deadline."""
    settings = settings_of(data)

    async def read() -> dict[str, Any]:
        async with database(settings) as connection:
            found = await proof.prove(connection, settings.kafka)
            risk = await connection.fetchrow(SQL["risk"], AT_RISK_MS)
            waiting = await connection.fetchrow(SQL["waiting"])
        behind = None if found.log_end is None else found.log_end - found.booked
        return {"records": behind, **dict(waiting), **dict(risk)}

    row = asyncio.run(read())
    if row["next_min"] is not None:
        row["next_min"] = round(row["next_min"], 2)
    headings = {
        "records": "Bản ghi chưa ghi sổ · records behind",
        "outbox": "Chờ gửi · outbox",
        "recalls": "Yêu cầu thu hồi chờ gửi · recalls",
        "announcements": "Chờ báo · announcements",
        "pages": "Tin chờ · pages",
        "open": "Đang mở · open",
        "overdue": "Quá hạn · overdue",
        "at_risk": "Đến hạn trong 15 phút · at risk",
        "next_min": "Hạn tới (phút) · next deadline",
    }
    if json:
        output.as_json(row)
        return
    rows = [{"what": heading, "how_many": row[key]} for key, heading in headings.items()]
    output.table(rows, {"what": "Đang chờ · waiting", "how_many": ""}, machine=False)
