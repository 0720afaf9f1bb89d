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
from producers.gateway.facade.calling import Speaking
from producers.gateway.state import Gateway


def today() -> date:
    """Return the day in Vietnam."""
    return datetime.now(VIETNAM).date()


def listed(speaking: Speaking) -> list[dict[str, Any]]:
    """Return the agencies under the codes of QCVN 102:2016."""
    speaking.permit(Action.REGISTRY_READ)
    return list(entry.agencies(speaking.registry, today()))


def listed_of_2020(speaking: Speaking) -> list[dict[str, Any]]:
    """Return the agencies under the codes of QĐ 20/2020."""
    speaking.permit(Action.REGISTRY_READ)
    return list(entry.agencies_of_2020(speaking.registry, today()))


async def units(here: Gateway, speaking: Speaking) -> list[dict[str, Any]]:
    """Return every organ, also those that have ended, with the version of the registry."""
    speaking.permit(Action.REGISTRY_READ)
    async with here.connection() as connection:
        version = await RegistryTables(connection).version()
    return list(entry.units(speaking.registry, today(), version))


async def register(here: Gateway, speaking: Speaking, body: bytes) -> None:
    """Add an agency below another, or change what is known of one.

    Raises BodyInvalid, RegistryInvalid, OrganUnknown, AccessDenied.
    """
    told = _object(body)
    above = told["pcode"] or speaking.caller.organ
    parent = speaking.registry[above]
    speaking.permit(Action.REGISTRY_WRITE, parent.code)
    texts = {"code": told["code"], "name": told["name"], "parent": parent.code}
    texts |= {"email": told["mail"], "telephone": told["mobile"]}
    known = speaking.registry.get(told["code"])
    if known is None:
        hub = speaking.registry.connection(parent)
        texts |= {"hub": hub, "certainty": Certainty.SINGLE_SOURCE}
    else:
        speaking.permit(Action.REGISTRY_WRITE, known.code)
        texts["code"] = known.code
    await _change(here, speaking, "registerAgency", sheet_of(texts), body)


async def end(here: Gateway, speaking: Speaking, code: str) -> None:
    """Let an agency end today; nothing is deleted. One that has ended stays as it is.

    Raises OrganUnknown, AccessDenied, RegistryInvalid.
    """
    known = speaking.registry.get(code)
    if known is None:
        raise OrganUnknown(code)
    speaking.permit(Action.REGISTRY_WRITE, known.code)
    if known.valid_to is None or known.valid_to > today():
        sheet = sheet_of({"code": known.code, "valid_to": today().isoformat()})
        await _change(here, speaking, "deleteAgency", sheet, code.encode())


async def _change(here: Gateway, speaking: Speaking, call: str, sheet: Sheet, told: bytes) -> None:
    who = f"vxp {speaking.caller.credential}"
    origin = Origin(who=who, file=call, sha256=sha256(told).digest())
    async with here.connection() as connection:
        await RegistryTables(connection).change(sheet, origin, complete=False, today=today())


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
    for name in ("code", "name"):
        if not texts[name].strip():
            raise BodyInvalid(name, "", "text")
    return {name: text.strip() for name, text in texts.items()}
