"""Commands that ask copies back, and that send a document again."""

import asyncio
import getpass
from datetime import datetime
from typing import Annotated

import asyncpg
import typer

from hoatoc.cli import output
from hoatoc.cli.ledger import UnknownDispatch
from hoatoc.cli.reach import Data, Json, database, settings_of
from hoatoc.domain.error import PeerFault
from hoatoc.domain.identity import OrganCode
from hoatoc.domain.page import VIETNAM
from hoatoc.domain.registry import Registry
from hoatoc.domain.sending import Form
from hoatoc.policy_file import load_policy
from hoatoc.ports import Asking, Recalled
from hoatoc.postgres.handover import HandoverTables
from hoatoc.postgres.query import queries
from hoatoc.postgres.registry import RegistryTables

SQL = queries("report")
Dispatch = Annotated[str, typer.Argument(help="Dispatch id, delivery id, or number/notation.")]
To = Annotated[
    list[str] | None, typer.Option("--to", help="Only this organ or @group; may be repeated.")
]


class ReasonMissing(PeerFault):
    """A recall without a reason: its recipients must be told one."""


class NoCopy(PeerFault):
    """An organ that got no copy of this dispatch."""


async def found_dispatch(connection: asyncpg.Connection, name: str) -> asyncpg.Record:
    """Return the one dispatch of this name; raises UnknownDispatch when none or several match."""
    rows = await connection.fetch(SQL["find"], name)
    if len(rows) == 1:
        return rows[0]
    if not rows:
        raise UnknownDispatch(f"nothing is known of {name}: see `hoatoc deliveries`")
    several = ", ".join(f"{r['dispatch_id']} ({output.instant(r['handed_over_at'])})" for r in rows)
    raise UnknownDispatch(
        f"«{name}» có nhiều lần gửi, hãy nêu mã lần gửi / {name} was sent several times, name the "
        f"dispatch: {several}"
    )


def canonical(registry: Registry, names: list[str]) -> list[OrganCode]:
    """Return the registered codes of organs and groups (`@name`) as written.

    Raises OrganUnknown or GroupUnknown.
    """
    today = datetime.now(VIETNAM).date()
    return sorted({each.organ.code for each in registry.recipients(names, today)})


def recall(
    dispatch: Dispatch,
    reason: Annotated[str, typer.Option(help="Why; its recipients read it.")] = "",
    to: To = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Ask copies back (status 13), from all recipients or some; each answers 15 or 16."""
    if not reason.strip():
        raise ReasonMissing(
            "nêu lý do thu hồi: --reason «…» (QĐ 28/2018, Điều 8.2) / give the reason: "
            "--reason TEXT"
        )
    settings = settings_of(data)

    async def ask() -> Recalled:
        async with database(settings) as connection:
            row = await found_dispatch(connection, dispatch)
            tables = HandoverTables(connection)
            copies = await tables.copies(row["dispatch_id"])
            organs = canonical(await RegistryTables(connection).registry(), to or [])
            missing = set(organs) - {copy.recipient for copy in copies}
            if missing:
                raise NoCopy(
                    f"{', '.join(sorted(missing))}: không có trong nơi nhận của lần gửi này / got "
                    "no copy of this dispatch"
                )
            wanted = [copy for copy in copies if not organs or copy.recipient in organs]
            sender = await tables.sender(row["dispatch_id"]) or getpass.getuser()
            asking = Asking(form=Form.STATUS_13, reason=reason.strip(), requested_by=sender)
            (asked,) = await tables.ask_back(wanted, asking)
            return asked

    asked = asyncio.run(ask())
    if json:
        output.as_json(
            {
                "dispatch_id": asked.dispatch_id,
                "recall_id": asked.recall_id,
                "asked": asked.asked,
                "again": asked.again,
                "unsent": asked.unsent,
            }
        )
        return
    show_recall(asked)


def show_recall(asked: Recalled) -> None:
    """Print what became of asking back."""
    console = output.screen()
    console.print(f"dispatch {asked.dispatch_id}", soft_wrap=True)
    if asked.unsent:
        console.print("  chưa gửi đi, đã hủy · had not left, and never will")
    elif asked.asked:
        names = ", ".join(asked.asked)
        console.print(f"  yêu cầu thu hồi · asked back: {len(asked.asked)} ({names})")
        console.print("  xem trả lời 15/16 · see the answers: `hoatoc show`")
    if asked.again:
        names = ", ".join(asked.again)
        console.print(f"  đã yêu cầu từ trước · was asked before: {names}")


def resend(
    dispatch: Dispatch,
    to: To = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Send a document again to some of its recipients: those who do not have it."""
    settings = settings_of(data)
    policy = load_policy(settings)

    async def again() -> tuple[str, list[OrganCode]]:
        async with database(settings) as connection:
            row = await found_dispatch(connection, dispatch)
            registry = await RegistryTables(connection).registry()
            organs = canonical(registry, to or [])
            if not organs:
                raise NoCopy("nêu nơi nhận: --to MÃ / name the recipients: --to CODE")
            connections = {code: registry.connection(registry[code]) for code in organs}
            tables = HandoverTables(connection)
            new = await tables.resend(row["dispatch_id"], organs, connections, policy, "cli")
            return str(new), organs

    new, organs = asyncio.run(again())
    if json:
        output.as_json({"dispatch_id": new, "recipients": organs})
        return
    console = output.screen()
    console.print(f"gửi lại cho · sent again to: {', '.join(organs)}\n  dispatch {new}")
