"""The receipt of a dispatch: a page to print, for the clerk's file."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from hoatoc.domain.packet import PRIORITIES
from hoatoc.domain.page import VIETNAM
from hoatoc.domain.registry import Registry

STATES = {
    "unsent": "chờ phát đi · waiting to be sent",
    "cancelled": "đã hủy trước khi gửi · cancelled before sending",
    "registered": "chờ phát đi · waiting to be sent",
    "published": "đã gửi, chưa có xác nhận · sent, not acknowledged",
    "taken": "đã đến, chưa tiếp nhận · arrived, not accepted",
    "accepted": "đã tiếp nhận · accepted",
    "refused": "từ chối · refused",
    "receive-failed": "nhận lỗi · receiving failed",
    "parked": "gửi lỗi · sending failed",
    "recalled": "đã thu hồi · recalled",
}
_PAGES = Environment(
    loader=PackageLoader("producers.gateway", "page"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def receipt_of(dispatch: Mapping[str, Any], registry: Registry, now: datetime) -> str:
    """Return the page of a dispatch, as it stands at an instant."""
    return _PAGES.get_template("receipt.html").render(
        dispatch=dispatch,
        sender=_named(registry, dispatch["sender"]),
        copies=[
            {
                **copy,
                "name": _named(registry, copy["recipient"]),
                "says": STATES.get(copy["state"], copy["state"]),
            }
            for copy in dispatch["recipients"]
        ],
        priority=PRIORITIES[dispatch["priority"]],
        handed_over=_instant(dispatch["handed_over_at"]),
        sent=_instant(dispatch["sent_at"]),
        printed=_instant(now),
    )


def _named(registry: Registry, code: str) -> str:
    organ = registry.get(code)
    return organ.name if organ else ""


def _instant(at: datetime | None) -> str:
    """Write an instant in the time of Vietnam (QĐ 28/2018, Điều 14.4)."""
    return f"{at.astimezone(VIETNAM):%d/%m/%Y %H:%M:%S} (UTC+7)" if at else "—"
