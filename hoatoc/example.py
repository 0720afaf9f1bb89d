"""The example letters: real letters of 2020-2021 about electronic documents, as packets.

`python -m hoatoc.example OUT_DIR` writes them as `.edxml`; see `examples/README.md` for what in
them is true and what illustrative.
"""

import sys
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

from hoatoc.domain.edxml import write_packet
from hoatoc.domain.packet import Attachment, Packet, Party, Signer
from hoatoc.domain.registry import Organ, Registry, parse_organs

LETTERS = Path(__file__).parents[1] / "examples" / "letters"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """An example letter; `illustrative` names the fields that its source does not give."""

    name: str
    packet: Packet
    illustrative: tuple[str, ...]


def load_letters(folder: Path, organs: Iterable[Organ]) -> tuple[Letter, ...]:
    """Load every `*/letter.toml` below a folder with its `text.txt`, in order of name."""
    registry = Registry(organs)
    return tuple(_letter(path, registry) for path in sorted(folder.glob("*/letter.toml")))


def _letter(path: Path, registry: Registry) -> Letter:
    fields = tomllib.loads(path.read_text(encoding="utf-8"))
    text = path.with_name("text.txt").read_bytes()
    return Letter(
        name=path.parent.name,
        packet=_packet(fields, text, registry),
        illustrative=tuple(fields["illustrative"]),
    )


def _packet(fields: dict[str, Any], text: bytes, registry: Registry) -> Packet:
    day: date = fields["date"]
    number, notation = fields["number"], fields["notation"]
    return Packet(
        sender=_party(registry[fields["sender"]]),
        recipients=_recipients(fields, registry),
        document_id=f"{fields['sender']},{day:%Y/%m/%d},{number}/{notation}",
        number=number,
        notation=notation,
        place=fields["place"],
        promulgated=day,
        type_code="18",
        type_name="Công văn",
        subject=fields["subject"],
        content=fields["subject"],
        signer=Signer(**fields["signer"]),
        places=tuple(fields["places"]),
        priority=fields["priority"],
        attachments=(_attachment(fields["attachment"], text),),
    )


def _recipients(fields: dict[str, Any], registry: Registry) -> tuple[Party, ...]:
    listed = fields["recipients"]
    organs = registry.organs if listed == "all" else [registry[code] for code in listed]
    return tuple(_party(organ) for organ in organs if organ.code != fields["sender"])


def _party(organ: Organ) -> Party:
    return Party(code=organ.code, name=organ.name, email=organ.email, telephone=organ.telephone)


def _attachment(name: str, text: bytes) -> Attachment:
    return Attachment(name=name, content_type="text/plain", content=text, content_id=name)


def main(out: Path) -> None:
    """Write every example letter into a folder, which must exist, as `<name>.edxml`."""
    organs = parse_organs((files("hoatoc") / "data" / "organs.csv").read_text(encoding="utf-8"))
    for letter in load_letters(LETTERS, organs):
        (out / f"{letter.name}.edxml").write_bytes(write_packet(letter.packet))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
