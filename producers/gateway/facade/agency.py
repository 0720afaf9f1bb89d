"""The agencies: their lists, and what those who keep the registry change in it."""

import json
from collections.abc import Mapping
from datetime import date, datetime
from hashlib import sha256
from typing import Any

from hoatoc.domain.access import Action
from hoatoc.domain.page import VIETNAM
from hoatoc.domain.registry import Certainty, OrganUnknown
from hoatoc.domain.registry.file import Sheet, sheet_of
from hoatoc.domain.vxp import entry
from hoatoc.domain.vxp.refusal import BodyInvalid
from hoatoc.postgres.registry import Origin, RegistryTables
from producers.gateway.facade.calling import Known
from producers.gateway.state import Gateway

_DOTS_OF_2016 = 3
_COLUMNS = {"mail": "email", "mobile": "telephone"}


def today() -> date:
    """Return the day in Vietnam."""
    return datetime.now(VIETNAM).date()


def listed(known: Known) -> list[dict[str, Any]]:
    """Return the agencies under the codes of QCVN 102:2016."""
    known.permit(Action.REGISTRY_READ)
    return list(entry.agencies(known.registry, today()))


def listed_of_2020(known: Known) -> list[dict[str, Any]]:
    """Return the agencies under the codes of QĐ 20/2020."""
    known.permit(Action.REGISTRY_READ)
    return list(entry.agencies_of_2020(known.registry, today()))


async def units(here: Gateway, known: Known) -> list[dict[str, Any]]:
    """Return every organ, also those that have ended, with the version of the registry."""
    known.permit(Action.REGISTRY_READ)
    async with here.connection() as connection:
        version = await RegistryTables(connection).version()
    return list(entry.units(known.registry, today(), version))


async def register(here: Gateway, known: Known, body: bytes) -> None:
    """Add an agency below another, or change what is told of one: what is empty stays.

    Raises BodyInvalid, RegistryInvalid, OrganUnknown, AccessDenied.
    """
    told = _object(body)
    there = known.registry.get(told["code"])
    texts = {"code": told["code"], "name": told["name"]}
    texts |= {_COLUMNS[name]: told[name] for name in _COLUMNS if told[name]}
    if there is None or told["pcode"]:
        parent = known.registry[told["pcode"] or known.caller.organ]
        known.permit(Action.REGISTRY_WRITE, parent.code)
        texts["parent"] = parent.code
    if there is None:
        _require_below(told["code"], parent.code)
        hub = known.registry.connection(parent)
        texts |= {"hub": hub, "certainty": Certainty.SINGLE_SOURCE}
    else:
        known.permit(Action.REGISTRY_WRITE, there.code)
        texts["code"] = there.code
    await _change(here, known, "registerAgency", sheet_of(texts), body)


def _require_below(code: str, parent: str) -> None:
    """Raise BodyInvalid for a code that is not of the parent's own, in the form of 2020 or 2016.

    Who keeps one organ's part of the registry gives out no code of another's.
    """
    root = parent.partition(".")[0]
    of_2016 = code.count(".") == _DOTS_OF_2016 and code.endswith(f".{root}")
    if not (code.startswith(f"{parent}.") or of_2016):
        raise BodyInvalid("code", code, f"{parent}.<…>, <…>.{root}")


async def end(here: Gateway, known: Known, code: str) -> None:
    """Let an agency end today; nothing is deleted. One that has ended stays as it is.

    Raises OrganUnknown, AccessDenied, RegistryInvalid.
    """
    there = known.registry.get(code)
    if there is None:
        raise OrganUnknown(code)
    known.permit(Action.REGISTRY_WRITE, there.code)
    if there.valid_to is None or there.valid_to > today():
        sheet = sheet_of({"code": there.code, "valid_to": today().isoformat()})
        await _change(here, known, "deleteAgency", sheet, code.encode())


async def _change(here: Gateway, known: Known, call: str, sheet: Sheet, told: bytes) -> None:
    who = f"vxp {known.caller.credential}"
    origin = Origin(who=who, file=call, sha256=sha256(told).digest())
    async with here.connection() as connection:
        await RegistryTables(connection).change(sheet, origin, complete=False, today=today())
        code = sheet.columns["code"][0]
        await known.note(connection, Action.REGISTRY_WRITE, code, call)


def _object(body: bytes) -> Mapping[str, str]:
    """Read the agency that a body tells; raises BodyInvalid."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BodyInvalid("JSON", "?", "{id, pcode, code, name, mail, mobile, fax}") from error
    if not isinstance(told, dict):
        raise BodyInvalid("JSON", type(told).__name__, "{id, pcode, code, name, mail, mobile, fax}")
    texts = {name: told.get(name) or "" for name in ("pcode", "code", "name", "mail", "mobile")}
    for name, text in texts.items():
        if not isinstance(text, str):
            raise BodyInvalid(name, str(text), "text")
        if text != text.encode(errors="replace").decode():
            raise BodyInvalid(name, "?", "text")
    for name in ("code", "name"):
        if not texts[name].strip():
            raise BodyInvalid(name, "", "text")
    return {name: text.strip() for name, text in texts.items()}
