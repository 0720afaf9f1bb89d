"""The provincial REST dialect (Lạng Sơn, v2.2): the same, told by other names.

A reply says `success`; of a refusal `data` holds code and text. Its clients take every code for
final, 20 and 21 too, so `message` says when trying again is right.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from hoatoc.domain.page import VIETNAM
from hoatoc.domain.vxp.refusal import BodyInvalid, ErrorCode
from hoatoc.domain.vxp.reply import MAX_DESCRIPTION, Reply

SYSTEM_ID, SECRET = "X-SystemId", "X-SecretKey"
MESSAGE = "OK"
_AGAIN = "Hãy gửi lại sau / try again later. "


def done(**more: Any) -> Reply:
    """Return the reply to a call that was done."""
    return {"success": True, "message": MESSAGE, **more}


def listed(entries: Iterable[Mapping[str, Any]]) -> Reply:
    """Return the reply to a call for a list, with its length."""
    data = [dict(entry) for entry in entries]
    return done(count=len(data), data=data)


def refused(code: ErrorCode, name: str, text: str, document: str = "") -> Reply:
    """Return the reply to a call that was not done; `name` is the refusal's, in kebab case."""
    description = f"{name}: {text}"[:MAX_DESCRIPTION]
    again = code in (ErrorCode.SYSTEM_FAILED, ErrorCode.FILE_UNPROCESSED)
    data = {
        "docId": document,
        "status": "FAIL",
        "errorCode": code.value,
        "errorDesc": description,
    }
    return {"success": False, "message": (_AGAIN if again else "") + description, "data": data}


def read_day(name: str, text: str) -> date:
    """Read a day as YYYY/MM/DD or YYYY-MM-DD; raise `BodyInvalid`."""
    try:
        return date.fromisoformat(text.strip().replace("/", "-"))
    except ValueError as error:
        raise BodyInvalid(name, text, "YYYY/MM/DD") from error


def window(first: date, last: date) -> tuple[datetime, datetime]:
    """Return the instants from the beginning of a day in Vietnam to the end of another."""
    begin, end = (datetime.combine(_possible(day), time(), VIETNAM) for day in (first, last))
    return begin, end + timedelta(days=1)


def _possible(day: date) -> date:
    """Return a day, or the nearest on which something can have been sent."""
    return min(max(day, date(2000, 1, 1)), date(2999, 12, 31))
