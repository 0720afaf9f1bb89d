"""Commands that read the books."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any, cast
from uuid import UUID

import asyncpg
import typer
from rich.table import Table

from hoatoc import books as proof
from hoatoc import codec
from hoatoc.cli import output
from hoatoc.cli.reach import Data, Json, database, settings_of
from hoatoc.domain.error import PeerFault
from hoatoc.domain.event import AlertRaised
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

    async def read() -> tuple[asyncpg.Record, list[asyncpg.Record], list[asyncpg.Record]]:
        async with database(settings_of(data)) as connection:
            found = await connection.fetch(SQL["find"], dispatch)
            if not found:
                raise UnknownDispatch(f"nothing is known of {dispatch}: see `hoatoc deliveries`")
            of = found[0]["dispatch_id"]
            return (
                await connection.fetchrow(SQL["dispatch"], of),
                await connection.fetch(SQL["recipients"], of),
                await connection.fetch(SQL["timeline"], of),
            )

    head, recipients, timeline = asyncio.run(read())
    if json:
        listed = {"recipients": map(dict, recipients), "timeline": map(dict, timeline)}
        output.as_json(dict(head) | {name: list(rows) for name, rows in listed.items()})
        return
    _show(head, recipients, timeline)


def _show(
    head: asyncpg.Record, recipients: list[asyncpg.Record], timeline: list[asyncpg.Record]
) -> None:
    console = output.screen()
    console.print(f"[bold]{head['number']}/{head['notation']}[/bold]  {head['subject']}")
    console.print(
        f"{output.PRIORITIES[head['priority']]} · từ/from {head['sender']} · "
        f"{output.instant(head['handed_over_at'])} · cửa/door {head['door']} · "
        f"outbox {head['outbox']}\ndispatch {head['dispatch_id']}"
    )
    rows = [dict(r) | {"state": output.STATES.get(r["state"], r["state"])} for r in recipients]
    headings = {
        "recipient": "Nơi nhận · recipient",
        "state": "Trạng thái · state",
        "alerts": "Cảnh báo · alerts",
        "due_kind": "Hạn · due",
        "due_in_s": "Còn (giây) · in s",
        "delivery_id": "Mã gửi nhận · delivery",
    }
    output.table(rows, headings, machine=False, empty="")
    by_id = {r["delivery_id"]: r["recipient"] for r in recipients}
    drawn = Table(title="Diễn biến · timeline", title_justify="left")
    for heading in (
        "Lúc · at",
        "Nơi nhận · recipient",
        "Sự kiện · event",
        "Mã · code",
        "Ghi · note",
    ):
        drawn.add_column(heading, overflow="fold")
    for r in timeline:
        who = r["recipient"] or by_id.get(r["delivery_id"], "tất cả · all")
        code = (r["code"] or "") + ("" if r["known"] else " (?)")
        drawn.add_row(output.instant(r["append_ms"]), who, r["type"], code, r["detail"] or "")
    console.print(drawn)


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
