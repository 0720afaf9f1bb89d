"""What was found in packets, as a clerk reads it and as a machine does."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from hoatoc.cli import output
from hoatoc.domain.check import Finding, Severity
from hoatoc.domain.identity import DocumentKey
from hoatoc.domain.packet import Packet, PacketFault
from hoatoc.domain.secret import Suspicion
from hoatoc.domain.signature import LegalValue

_MARKS = {
    Severity.REFUSE: Text("✗ từ chối\n  refused", "red"),
    Severity.WARN: Text("! cảnh báo\n  warning", "yellow"),
}
_PASSED = "đạt · passed"
_HELD = "dừng tại cửa bí mật nhà nước, không kiểm tra tiếp · held by the gate against state secrets"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a door would make of one packet; `fault` is why it cannot even be read.

    What the gate against state secrets holds back is not looked at any further.
    """

    name: str
    sha256: str
    size: int
    fault: PacketFault | None = None
    packet: Packet | None = None
    key: DocumentKey | None = None
    legal_value: LegalValue | None = None
    suspicions: tuple[Suspicion, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def found(self) -> list[Finding | Suspicion]:
        """Return all that was found, what refuses first."""
        every: list[Finding | Suspicion] = [*self.suspicions, *self.findings]
        return sorted(every, key=lambda each: list(Severity).index(each.severity))

    @property
    def is_refused(self) -> bool:
        """Tell whether a door would refuse it."""
        return self.fault is not None or any(
            each.severity is Severity.REFUSE for each in self.found
        )


def show(checked: Sequence[Checked], *, machine: bool) -> None:
    """Print what was found: a panel for each packet, or all of it as JSON."""
    if machine:
        output.as_json([_row(each) for each in checked])
        return
    console = output.screen()
    for each in checked:
        console.print(_panel(each))


def _row(checked: Checked) -> dict[str, Any]:
    return {
        "packet": checked.name,
        "sha256": checked.sha256,
        "size": checked.size,
        "refused": checked.is_refused,
        "fault": checked.fault
        and {"code": type(checked.fault).__name__, "text": str(checked.fault)},
        "document": checked.key and asdict(checked.key),
        "legal_value": checked.legal_value,
        "suspicions": [asdict(each) for each in checked.suspicions],
        "findings": [asdict(each) for each in checked.findings],
    }


def _panel(checked: Checked) -> Panel:
    refused = checked.is_refused
    verdict = "từ chối · refused" if refused else _PASSED
    return Panel(
        Group(*_parts(checked)),
        title=Text(f"{checked.name}: {verdict}"),
        title_align="left",
        border_style="red" if refused else "green",
    )


def _parts(checked: Checked) -> Iterable[RenderableType]:
    yield from _identity(checked)
    if checked.fault:
        texts = (checked.fault.vietnamese, checked.fault.english)
        yield _lines(*(text.format(fault=checked.fault) for text in texts))
    else:
        yield _gate(checked)
    if checked.found:
        yield _table(checked.found)
    elif not checked.fault:
        yield Text(_PASSED, "green")


def _identity(checked: Checked) -> Iterable[RenderableType]:
    key, packet = checked.key, checked.packet
    if key and packet:
        business = output.BUSINESS[packet.business_type]
        mark = f"{packet.number}/{packet.notation}, {packet.promulgated:%d/%m/%Y}"
        yield Text(f"{mark} · {packet.type_name or '?'} · {business}")
        identity = f"{key.issuer} · {key.year} · {key.number} · {key.notation}"
        yield Text(f"định danh · identity: {identity}")
    if checked.legal_value:
        worth = output.LEGAL_VALUES.get(checked.legal_value, checked.legal_value)
        yield Text(f"giá trị pháp lý · legal value: {worth}")
    yield Text(f"sha256 {checked.sha256}, {checked.size} bytes", "dim")


def _gate(checked: Checked) -> RenderableType:
    if any(each.severity is Severity.REFUSE for each in checked.suspicions):
        return Text(_HELD, "red")
    signs = (
        "xem bên dưới · see below" if checked.suspicions else "không thấy dấu hiệu · no sign found"
    )
    return Text(f"bí mật nhà nước · state secrets: {signs}")


def _table(found: Iterable[Finding | Suspicion]) -> Table:
    table = Table(show_lines=True)
    for heading in ("Mức · severity", "Phần tử · element", "Nội dung · what", "Cách sửa · remedy"):
        table.add_column(heading, overflow="fold")
    table.add_column("Căn cứ · article", overflow="fold", style="dim")
    for each in found:
        remedy = (each.remedy_vi, each.remedy_en) if isinstance(each, Finding) else ("", "")
        table.add_row(
            _MARKS[each.severity],
            Text.assemble(
                each.path if isinstance(each, Finding) else each.where, "\n", (each.code, "dim")
            ),
            _lines(each.text_vi, each.text_en),
            _lines(*remedy),
            Text(each.article),
        )
    return table


def _lines(vietnamese: str, english: str = "") -> Text:
    return Text.assemble(vietnamese, "\n" if english else "", (english, "dim"))
