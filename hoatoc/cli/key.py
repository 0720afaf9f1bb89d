"""Commands about credentials: issue, rotate, revoke, list them; read who did what."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from getpass import getuser
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hoatoc.cli import output
from hoatoc.cli.reach import Data, Json, database, settings_of
from hoatoc.domain.access import ROLES_VI, Role
from hoatoc.domain.credential import Certificate, Kind
from hoatoc.domain.error import PeerFault
from hoatoc.domain.page import VIETNAM
from hoatoc.postgres.access_audit import AuditTables, Wanted
from hoatoc.postgres.connection import Connection
from hoatoc.postgres.credential import (
    CredentialTables,
    Issued,
    Means,
    NewKey,
    NewPair,
    Rotation,
    Terms,
)
from hoatoc.postgres.registry import RegistryTables
from hoatoc.seal import Seal

key = typer.Typer(
    help="Credentials of organs: issue, rotate, revoke, list; who did what.", no_args_is_help=True
)
T = TypeVar("T")

By = Annotated[str, typer.Option("--by", help="Who makes the change (default: the OS user).")]
Until = Annotated[
    datetime | None,
    typer.Option(
        "--until", formats=["%Y-%m-%d", "%d/%m/%Y"], help="Last day in Vietnam (default: none)."
    ),
]
CertificateFile = Annotated[
    Path | None,
    typer.Option("--certificate", help="PEM or DER file of a client certificate.", dir_okay=False),
]
SecretIn = Annotated[
    bool,
    typer.Option("--secret-stdin", help="Take the pair's secret from standard input, not a new."),
]
_KINDS = {
    Kind.API_KEY: "khóa API · API key",
    Kind.HMAC_PAIR: "cặp systemid/secret · HMAC pair",
    Kind.CERTIFICATE: "chứng thư · certificate",
}
_STATES = {
    "valid": "còn hiệu lực · valid",
    "replaced": "đang được thay · being replaced",
    "expired": "hết hạn · expired",
    "revoked": "đã thu hồi · revoked",
}
_OUTCOMES = {
    "done": "đã làm · done",
    "repeated": "đã làm trước đó · done before",
    "refused": "từ chối · refused",
}


class CertificateUnreadable(PeerFault):
    """A file holds no X.509 certificate."""


class MeansMixed(PeerFault):
    """A credential is shown in one way: two were named."""


@key.command()
def issue(
    organ: Annotated[str, typer.Argument(help="Whose credential: the organ's code.")],
    *,
    role: Annotated[
        list[Role] | None, typer.Option(help="What for; several times for several.")
    ] = None,
    system_id: Annotated[
        str, typer.Option(help="Issue an HMAC pair for this systemid, instead of an API key.")
    ] = "",
    secret_stdin: SecretIn = False,
    certificate: CertificateFile = None,
    label: Annotated[str, typer.Option(help="What uses it: the name of a software, say.")] = "",
    until: Until = None,
    by: By = "",
    data: Data = None,
    json: Json = False,
) -> None:
    """Issue a credential; its secret is shown once and cannot be read again."""
    if (certificate is not None and system_id) or (secret_stdin and not system_id):
        raise MeansMixed(
            "chọn một trong hai: --system-id (kèm --secret-stdin nếu có), hoặc --certificate / "
            "name one: --system-id (with --secret-stdin, if any), or --certificate"
        )
    shown, ends = _certificate(certificate) if certificate else (None, None)
    means: Means = shown or NewKey()
    if system_id:
        means = NewPair(system_id, _secret_in() if secret_stdin else "")

    async def write(connection: Connection, tables: CredentialTables) -> Issued:
        registered = (await RegistryTables(connection).registry())[organ].code
        terms = Terms(
            organ=registered,
            roles=frozenset(role or (Role.SENDER, Role.RECIPIENT)),
            by=by or getuser(),
            label=label,
            valid_until=_end_of(until) or ends,
        )
        return await tables.issue(terms, means)

    _tell(_run(data, write), machine=json)


@key.command()
def rotate(
    credential: Annotated[str, typer.Argument(help="Id of the credential.")],
    *,
    overlap_days: Annotated[
        float, typer.Option(min=0, max=90, help="How long the old one stays valid too.")
    ] = 7,
    secret_stdin: SecretIn = False,
    certificate: CertificateFile = None,
    until: Until = None,
    by: By = "",
    data: Data = None,
    json: Json = False,
) -> None:
    """Issue the next credential; both are valid until the old one's time is over."""
    shown, ends = _certificate(certificate) if certificate else (None, None)
    rotation = Rotation(
        by=by or getuser(),
        overlap=timedelta(days=overlap_days),
        valid_until=_end_of(until) or ends,
        certificate=shown,
        secret=_secret_in() if secret_stdin else "",
    )
    issued = _run(data, lambda _, tables: tables.rotate(credential, rotation))
    _tell(issued, machine=json)


@key.command()
def revoke(
    credential: Annotated[str, typer.Argument(help="Id of the credential.")],
    why: Annotated[str, typer.Option("--reason", help="Why; it stands in the audit.")],
    by: By = "",
    data: Data = None,
) -> None:
    """End a credential at once."""
    _run(data, lambda _, tables: tables.revoke(credential, why, by or getuser()))
    typer.echo(f"đã thu hồi · revoked: {credential}")


@key.command("list")
def list_credentials(
    organ: Annotated[str, typer.Argument(help="Of this organ only.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    data: Data = None,
    json: Json = False,
) -> None:
    """List credentials; never what they hold."""
    found = _run(data, lambda _, tables: tables.credentials(organ, everything=everything))
    rows = [dict(row) for row in found]
    headings = {
        "credential_id": "Mã khóa · credential",
        "organ": "Cơ quan · organ",
        "kind": "Loại · kind",
        "shown_by": "Nhận diện · known by",
        "roles": "Vai trò · roles",
        "label": "Dùng cho · used by",
        "state": "Tình trạng · state",
        "valid_until": "Đến · until",
        "last_used_at": "Dùng lần cuối · last used",
    }
    output.table(rows if json else map(_listed, rows), headings, machine=json)


@key.command()
def audit(
    organ: Annotated[str, typer.Option(help="By or for this organ.")] = "",
    who: Annotated[str, typer.Option(help="By this credential, or person.")] = "",
    subject: Annotated[str, typer.Option(help="On this: an id.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="Rows at most.")] = 100,
    data: Data = None,
    json: Json = False,
) -> None:
    """List who did what at which door, the newest first."""
    wanted = Wanted(organ=organ, who=who, subject=subject, limit=limit)
    found = _run(data, lambda connection, _: AuditTables(connection).rows(wanted))
    rows = [dict(row) for row in found]
    for row in rows if not json else ():
        row["outcome"] = _OUTCOMES[row["outcome"]]
    headings = {
        "at": "Lúc · at",
        "who": "Ai · who",
        "organ": "Cơ quan · organ",
        "door": "Cửa · door",
        "action": "Việc · action",
        "for_organ": "Cho cơ quan · for organ",
        "subject": "Đối tượng · subject",
        "outcome": "Kết quả · outcome",
        "detail": "Ghi · note",
    }
    output.table(rows, headings, machine=json)


def _run(data: Path | None, work: Callable[[Connection, CredentialTables], Awaitable[T]]) -> T:
    settings = settings_of(data)

    async def body() -> T:
        async with database(settings) as connection:
            return await work(connection, CredentialTables(connection, Seal(settings.seal_key)))

    return asyncio.run(body())


def _end_of(day: datetime | None) -> datetime | None:
    """Return the end of a day in Vietnam."""
    return None if day is None else day.replace(tzinfo=VIETNAM) + timedelta(days=1)


def _secret_in() -> str:
    return sys.stdin.readline().rstrip("\r\n")


def _certificate(file: Path) -> tuple[Certificate, datetime]:
    """Return a certificate and its end."""
    try:
        held = file.read_bytes()
        pem = held.lstrip().startswith(b"-----BEGIN")
        read = x509.load_pem_x509_certificate(held) if pem else x509.load_der_x509_certificate(held)
    except (OSError, ValueError) as error:
        raise CertificateUnreadable(
            f"{file}: không phải chứng thư X.509 (PEM hoặc DER): {error} / not an X.509 "
            "certificate in PEM or DER"
        ) from error
    return Certificate.of(read.public_bytes(Encoding.DER)), read.not_valid_after_utc


def _tell(issued: Issued, *, machine: bool) -> None:
    if machine:
        output.as_json(
            {
                "credential_id": issued.credential_id,
                "kind": issued.kind,
                "secret": issued.secret,
                "system_id": issued.system_id,
                "replaces": issued.replaces,
                "old_valid_until": issued.old_valid_until,
            }
        )
        return
    typer.echo(f"mã khóa truy cập · credential: {issued.credential_id}")
    if issued.system_id:
        typer.echo(f"systemid: {issued.system_id}")
    if issued.secret:
        typer.echo(f"secret: {issued.secret}")
        typer.echo("chỉ hiện một lần, hãy cất giữ ngay · shown once, keep it now")
    if issued.old_valid_until is not None:
        until = output.instant(issued.old_valid_until)
        typer.echo(f"khóa cũ {issued.replaces} còn dùng được đến · old one valid until: {until}")


def _listed(row: dict[str, Any]) -> dict[str, Any]:
    return row | {
        "kind": _KINDS[row["kind"]],
        "shown_by": row["system_id"] or (row["fingerprint"] or "")[:16],
        "roles": ", ".join(f"{ROLES_VI[Role(role)]} · {role}" for role in row["roles"]),
        "state": _STATES[row["state"]],
    }
