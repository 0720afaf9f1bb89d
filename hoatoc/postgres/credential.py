"""Credentials in PostgreSQL: issued, rotated, revoked; and who it is that shows one at a door."""

import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

import asyncpg

from hoatoc.domain.access import Action, Role, shown
from hoatoc.domain.credential import (
    ID_DIGITS,
    SECRET_BYTES,
    ApiKey,
    Certificate,
    Kind,
    is_secret,
    is_system_id,
)
from hoatoc.domain.error import PeerFault
from hoatoc.domain.identity import OrganCode
from hoatoc.domain.registry import OrganUnknown
from hoatoc.domain.registry.organ import is_alias
from hoatoc.postgres.access_audit import AuditTables, Deed
from hoatoc.postgres.connection import Connection
from hoatoc.postgres.query import queries
from hoatoc.seal import Seal

SQL = queries("credential")
DOOR: Final = "cli"
LONGEST_OVERLAP: Final = timedelta(days=90)


class CredentialUnknown(PeerFault):
    """No credential has this id."""


class CredentialOver(PeerFault):
    """A credential is revoked, expired or replaced, so it cannot be rotated or revoked again."""


class MeansTaken(PeerFault):
    """Another credential has this system id or this certificate."""


class MeansInvalid(PeerFault):
    """A system id, a secret, or a time of validity cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Whom a credential is for, what for, until when, and who issues it."""

    organ: OrganCode
    roles: frozenset[Role]
    by: str
    label: str = ""
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewKey:
    """An API key is to be made."""


@dataclass(frozen=True, slots=True)
class NewPair:
    """An HMAC pair is to be made; `secret` is one brought along, empty: a new one."""

    system_id: str
    secret: str = field(default="", repr=False)


Means = NewKey | NewPair | Certificate
"""What a new credential is shown by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """How a credential gives way to the next: by whom, how long both are valid.

    A certificate gives way to another one. An HMAC pair may get a secret that is brought along.
    """

    by: str
    overlap: timedelta
    valid_until: datetime | None = None
    certificate: Certificate | None = None
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Issued:
    """A new credential; `secret` is told once and kept nowhere in this form."""

    credential_id: str
    kind: Kind
    secret: str = field(repr=False)
    system_id: str = ""
    replaces: str = ""
    old_valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is written of a credential's means."""

    issued: Issued
    verifier: bytes | None = None
    sealed: bytes | None = None


class CredentialTables:
    """Changes and lists of credentials on one connection; every change is audited with it."""

    def __init__(self, connection: Connection, seal: Seal) -> None:
        self._connection, self._seal = connection, seal
        self._audit = AuditTables(connection)

    async def issue(self, terms: Terms, means: Means) -> Issued:
        """Make a credential.

        Raises OrganUnknown, MeansTaken or MeansInvalid; nothing is written then.
        """
        kept = self._made(means)
        async with self._connection.transaction():
            if await self._connection.fetchval(SQL["system_taken"], kept.issued.system_id):
                raise _taken(kept.issued)
            await self._add(terms, kept)
            await self._note(Action.KEY_ISSUE, terms, kept.issued.credential_id)
        return kept.issued

    async def rotate(self, credential_id: str, rotation: Rotation) -> Issued:
        """Make the next credential; the old one stays valid for a while, and none before it.

        It is shown as the old one was: another key, another certificate, another secret of the
        same system id. Raises CredentialUnknown, CredentialOver, MeansTaken or MeansInvalid.
        """
        _require(
            timedelta(0) <= rotation.overlap <= LONGEST_OVERLAP,
            f"thời gian gối đầu phải từ 0 đến {LONGEST_OVERLAP.days} ngày / the overlap must be "
            f"between 0 and {LONGEST_OVERLAP.days} days",
        )
        async with self._connection.transaction():
            old = await self._lock_usable(credential_id)
            kept = self._made(_next(old, rotation))
            made = kept.issued
            until = await self._give_way(credential_id, made.credential_id, rotation.overlap)
            terms = _same_terms(old, rotation)
            await self._add(terms, kept)
            await self._note(Action.KEY_ROTATE, terms, credential_id, f"→ {made.credential_id}")
        return replace(made, replaces=credential_id, old_valid_until=until)

    async def _give_way(self, old: str, new: str, overlap: timedelta) -> datetime:
        await self._connection.execute(SQL["end_older"], old)
        until: datetime = await self._connection.fetchval(SQL["replace"], old, new, overlap)
        return until

    async def revoke(self, credential_id: str, why: str, by: str) -> None:
        """End a credential at once; raises CredentialUnknown or CredentialOver.

        One that has expired can be revoked, so that its system id is free again.
        """
        async with self._connection.transaction():
            old = await self._lock(credential_id)
            if old["revoked"]:
                raise _over(credential_id, "đã bị thu hồi", "was revoked already")
            terms = Terms(organ=old["organ"], roles=frozenset(), by=by)
            why = shown(why, 200)
            await self._connection.execute(SQL["revoke"], credential_id, shown(by), why)
            await self._note(Action.KEY_REVOKE, terms, credential_id, why)

    async def credentials(self, organ: str = "", *, everything: bool) -> list[asyncpg.Record]:
        """Return credentials of an organ or of all; `everything`: those that are over too."""
        return list(await self._connection.fetch(SQL["listed"], shown(organ), everything))

    def _made(self, means: Means) -> _Kept:
        credential_id = secrets.token_hex(ID_DIGITS // 2)
        if isinstance(means, Certificate):
            issued = Issued(credential_id, Kind.CERTIFICATE, "")
            return _Kept(issued, verifier=means.sha256)
        secret = secrets.token_urlsafe(SECRET_BYTES)
        if isinstance(means, NewKey):
            key = ApiKey(credential_id, secret)
            return _Kept(Issued(credential_id, Kind.API_KEY, str(key)), verifier=key.verifier)
        _require_pair(means)
        secret = means.secret or secret
        sealed = self._seal.close(credential_id, secret.encode())
        issued = Issued(credential_id, Kind.HMAC_PAIR, secret, means.system_id)
        return _Kept(issued, sealed=sealed)

    async def _add(self, terms: Terms, kept: _Kept) -> None:
        if not is_alias(terms.organ):
            raise OrganUnknown(shown(terms.organ))
        _require(bool(terms.roles), "phải có ít nhất một vai trò / at least one role is needed")
        issued = kept.issued
        row = (
            *(issued.credential_id, issued.kind, terms.organ, sorted(terms.roles)),
            *(shown(terms.label), kept.verifier, issued.system_id or None, kept.sealed),
            *(shown(terms.by), terms.valid_until),
        )
        try:
            async with self._connection.transaction():
                await self._connection.execute(SQL["add"], *row)
        except asyncpg.ForeignKeyViolationError as error:
            raise OrganUnknown(terms.organ) from error
        except asyncpg.UniqueViolationError as error:
            raise _taken(issued) from error

    async def _lock(self, credential_id: str) -> asyncpg.Record:
        row = await self._connection.fetchrow(SQL["lock"], shown(credential_id))
        if row is None:
            raise CredentialUnknown(
                f"Không có khóa truy cập «{shown(credential_id)}»; xem `hoatoc key list --all`. / "
                f"There is no credential “{shown(credential_id)}”: see `hoatoc key list --all`."
            )
        return row

    async def _lock_usable(self, credential_id: str) -> asyncpg.Record:
        row = await self._lock(credential_id)
        if row["replaced_by"] is not None:
            raise _replaced(credential_id, row["replaced_by"])
        if row["revoked"]:
            raise _over(credential_id, "đã bị thu hồi", "was revoked")
        if row["expired"]:
            raise _over(credential_id, "đã hết hạn", "has expired")
        return row

    async def _note(
        self, action: Action, terms: Terms, credential_id: str, detail: str = ""
    ) -> None:
        roles = detail or ", ".join(sorted(terms.roles))
        deed = Deed(
            door=DOOR, action=action, organ=terms.organ, subject=credential_id, detail=roles
        )
        await self._audit.note_person(terms.by, deed)


def _same_terms(old: asyncpg.Record, rotation: Rotation) -> Terms:
    return Terms(
        organ=old["organ"],
        roles=frozenset(map(Role, old["roles"])),
        by=rotation.by,
        label=old["label"],
        valid_until=rotation.valid_until,
    )


def _next(old: asyncpg.Record, rotation: Rotation) -> Means:
    _require(
        (rotation.certificate is not None) == (old["kind"] == Kind.CERTIFICATE),
        "chứng thư chỉ được thay bằng chứng thư khác (--certificate TỆP), và chỉ chứng thư / a "
        "certificate gives way to another one (--certificate FILE), and nothing else does",
    )
    _require(
        not rotation.secret or old["kind"] == Kind.HMAC_PAIR,
        "chỉ cặp systemid/secret mới nhận secret mang theo / only an HMAC pair takes a secret that "
        "is brought along",
    )
    if rotation.certificate is not None:
        return rotation.certificate
    if old["kind"] == Kind.HMAC_PAIR:
        return NewPair(old["system_id"], rotation.secret)
    return NewKey()


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise MeansInvalid(otherwise)


def _require_pair(pair: NewPair) -> None:
    _require(
        is_system_id(pair.system_id),
        f"systemid «{shown(pair.system_id)}» không dùng được: 2 đến 64 ký tự trong 0-9 A-Z a-z . _ "
        f": @ / - / the system id “{shown(pair.system_id)}” cannot be used: 2 to 64 of 0-9 A-Z a-z "
        ". _ : @ / -",
    )
    _require(
        not pair.secret or is_secret(pair.secret),
        "secret mang theo phải có 16 đến 512 ký tự ASCII không có khoảng trắng / a secret that is "
        "brought along must have 16 to 512 letters of ASCII without blanks",
    )


def _taken(issued: Issued) -> MeansTaken:
    what = f"systemid {issued.system_id}" if issued.system_id else "chứng thư này · certificate"
    return MeansTaken(
        f"{what}: đã thuộc một khóa truy cập khác. Thay khóa đó bằng `hoatoc key rotate`, hoặc thu "
        "hồi nó trước. / Another credential has it. Rotate that one by `hoatoc key rotate`, or "
        "revoke it first."
    )


def _replaced(credential_id: str, by: str) -> CredentialOver:
    return CredentialOver(
        f"Khóa truy cập {credential_id} đã được thay bằng {by}: thao tác trên khóa {by}. / The "
        f"credential {credential_id} was replaced by {by}: rotate that one."
    )


def _over(credential_id: str, vi: str, en: str) -> CredentialOver:
    return CredentialOver(
        f"Khóa truy cập {credential_id} {vi}; cấp khóa mới bằng `hoatoc key issue`. / The "
        f"credential {credential_id} {en}: issue another by `hoatoc key issue`."
    )
