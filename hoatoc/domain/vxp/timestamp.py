"""The timestamp of a call: `ddMMyyyy'T'HHmmss+SSSS` in Vietnam's time.

What stands behind the plus sign is no offset: it is the milliseconds, in four digits. Clients of
other makes write an offset there; both give the same second. The official client writes it once,
when its object is made, and repeats it in every call.
"""

import re
from datetime import datetime, timedelta

from hoatoc.domain.page import VIETNAM
from hoatoc.domain.vxp.refusal import HeaderInvalid, TimestampAhead, TimestampOld

NAME = "timestamp"
_FORM = re.compile(r"([0-9]{8}T[0-9]{6})\+([0-9]{4})", re.ASCII)


def write_timestamp(at: datetime) -> str:
    """Write an instant as the official client does on a machine in Vietnam."""
    local = at.astimezone(VIETNAM)
    return f"{local:%d%m%YT%H%M%S}+{local.microsecond // 1000:04d}"


def read_timestamp(text: str) -> datetime:
    """Read a timestamp, to the second; raise `HeaderInvalid`."""
    match = _FORM.fullmatch(text)
    try:
        naive = datetime.strptime(match[1] if match else "", "%d%m%YT%H%M%S")  # noqa: DTZ007
    except ValueError as error:
        raise HeaderInvalid(NAME, text, "ddMMyyyy'T'HHmmss+SSSS") from error
    return naive.replace(tzinfo=VIETNAM)


def require_fresh(stated: datetime, now: datetime, age: timedelta, ahead: timedelta) -> None:
    """Refuse a call that is older than `age` (zero: however old), or further ahead than `ahead`.

    Raises `TimestampOld` or `TimestampAhead`.
    """
    if stated - now > ahead:
        raise TimestampAhead(write_timestamp(stated), write_timestamp(now))
    if age and now - stated > age:
        raise TimestampOld(write_timestamp(stated), write_timestamp(now))
