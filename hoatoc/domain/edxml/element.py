"""The elements of edXML that we know: which stand where, how often, how wide.

QCVN 102:2016/BTTTT; widths in characters (NFC) of NĐ 30/2020, Phụ lục VI, Phần II, where it names
one, and of QĐ 20/2020, Điều 4 for the code of an organ. In `_MESSAGE` and the other tables a number
is a text of at most that width, a table is a group, and a star marks what may stand many times.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

NAMESPACE = "http://www.mic.gov.vn/TBT/QCVN_102_2016"
MAX_TEXT = 4_096
"""The width, in characters, of a text for which no rule names one."""

MAX_REASON = 1_000  # a refusal's reason, as far as clerks' systems let them write one
MAX_PLACES = 1_000
"""The width, in characters, of all places for information together."""


class Kind(Enum):
    """What the reader does at an element."""

    PASSAGE = "pass through: keep nothing of it, but look inside"
    GROUP = "keep what is inside under its name"
    TEXT = "keep its text"
    SIGNATURE = "a group of a size of its own"
    CONTENT = "decode its text as Base64"
    MARKUP = "refuse: only text may stand here"
    FOREIGN = "refuse: not edXML"


class Children(dict[str, "Element"]):
    """The elements known inside another, by name; any other name gives `otherwise`."""

    __slots__ = ("_fold", "_otherwise")

    def __init__(
        self, known: Mapping[str, "Element"], otherwise: "Element", *, fold: bool = False
    ) -> None:
        super().__init__(known)
        self._otherwise = otherwise
        self._fold = fold

    def __missing__(self, name: str) -> "Element":
        return self.get(name.lower(), self._otherwise) if self._fold else self._otherwise


@dataclass(frozen=True, slots=True, eq=False)
class Element:
    """One element; `width` counts characters, composed.

    A text of `plain_width` is never too wide: composing (NFC) makes one at most three times as long
    (Unicode Standard Annex 15).
    """

    name: str
    kind: Kind
    children: Mapping[str, "Element"]
    repeated: bool = False
    width: int = 0
    plain_width: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "plain_width", self.width // 3)


_BASE64 = 0
_Table = Mapping[str, "int | _Table"]

_PARTY: _Table = {
    "OrganId": 35,
    "OrganizationInCharge": MAX_TEXT,
    "OrganName": 200,
    "OrganAdd": MAX_TEXT,
    "Email": MAX_TEXT,
    "Telephone": MAX_TEXT,
    "Fax": MAX_TEXT,
    "Website": MAX_TEXT,
}
_STAFF: _Table = {
    "Department": MAX_TEXT,
    "Staff": MAX_TEXT,
    "Mobile": MAX_TEXT,
    "Email": MAX_TEXT,
    "DepartmentId": MAX_TEXT,
    "StaffId": MAX_TEXT,
}
_MESSAGE: _Table = {
    "From": _PARTY,
    "To*": _PARTY,
    "DocumentId": MAX_TEXT,
    "Code": {"CodeNumber": 11, "CodeNotation": 30},
    "PromulgationInfo": {"Place": MAX_TEXT, "PromulgationDate": MAX_TEXT},
    "DocumentType": {"Type": MAX_TEXT, "TypeName": 100, "TypeDetail": MAX_TEXT},
    "Subject": 500,
    "Content": 500,
    "SignerInfo": {"Competence": MAX_TEXT, "Position": 100, "FullName": 50},
    "DueDate": MAX_TEXT,
    "ToPlaces": {"Place*": MAX_TEXT},
    "OtherInfo": {
        "Priority": MAX_TEXT,
        "SphereOfPromulgation": MAX_TEXT,
        "TyperNotation": MAX_TEXT,
        "PromulgationAmount": 3,
        "PageAmount": 3,
        "Direction": MAX_TEXT,
        "Appendixes": {"Appendix*": MAX_TEXT},
    },
    "ResponseFor*": {
        "OrganId": 35,
        "Code": MAX_TEXT,
        "PromulgationDate": MAX_TEXT,
        "DocumentId": MAX_TEXT,
    },
    "SteeringType": MAX_TEXT,
    "StaffInfo": _STAFF,
    "StatusCode": MAX_TEXT,
    "Description": MAX_REASON,
    "Timestamp": MAX_TEXT,
}
_BUSINESS: _Table = {
    "DocumentId": MAX_TEXT,
    "BussinessDocType": MAX_TEXT,
    "BussinessDocReason": MAX_TEXT,
    "Paper": MAX_TEXT,
    "StaffInfo": _STAFF,
    "BussinessDocumentInfo": {
        "DocumentInfo": MAX_TEXT,
        "DocumentReceiver": MAX_TEXT,
        "ReceiverList": {"Receiver*": {"OrganId": 35, "ReceiverType": MAX_TEXT}},
    },
    "ReplacementInfoList": {
        "ReplacementInfo*": {"DocumentId": MAX_TEXT, "OrganIdList": {"OrganId*": 35}}
    },
}
_TRACES: _Table = {
    "TraceHeader*": {"OrganId": 35, "Timestamp": MAX_TEXT},
    "Bussiness": _BUSINESS,
}
_MANIFEST: _Table = {"Reference*": {"ContentId": MAX_TEXT}}
_ATTACHMENTS: _Table = {
    "Attachment*": {
        "ContentId": MAX_TEXT,
        "AttachmentName": MAX_TEXT,
        "Description": 500,
        "ContentType": MAX_TEXT,
        "ContentTransferEncoded": _BASE64,
    }
}
_SECTIONS: _Table = {
    "MessageHeader": _MESSAGE,
    "TraceHeaderList": _TRACES,
    "edXMLManifest": _MANIFEST,
    "AttachmentEncoded": _ATTACHMENTS,
}

_MARKUP: Final = Element("", Kind.MARKUP, {})
_FOREIGN: Final = Element("", Kind.FOREIGN, {})
_TEXT_ONLY = Children({}, _MARKUP)


def _passage(known: Mapping[str, Element]) -> Element:
    """Return an element of no meaning; inside it, at any depth, the known ones are found."""
    here = {name.lower(): element for name, element in known.items()}
    passage = Element("", Kind.PASSAGE, children := Children(here, _FOREIGN, fold=True))
    children._otherwise = passage  # noqa: SLF001 - it stands inside itself
    return passage


_IGNORED: Final = _passage({})


def _element(key: str, table: "int | _Table") -> Element:
    name, repeated = key.removesuffix("*"), key.endswith("*")
    if isinstance(table, int):
        kind = Kind.TEXT if table else Kind.CONTENT
        return Element(name, kind, _TEXT_ONLY, repeated, table)
    return Element(name, Kind.GROUP, Children(dict(_elements(table)), _IGNORED), repeated)


def _elements(table: _Table) -> Iterator[tuple[str, Element]]:
    return ((key.removesuffix("*"), _element(key, inside)) for key, inside in table.items())


def _signature(name: str) -> Element:
    """Return the element of a signature, of which only its value is kept, wherever it stands."""
    value = Element("SignatureValue", Kind.TEXT, _TEXT_ONLY, repeated=True, width=MAX_TEXT)
    inside = _passage({value.name: value})
    return Element(name, Kind.SIGNATURE, inside.children, repeated=True)


SIGNATURES = ("Signature", "DigitalSignature")
_WRAPPER: Final = _passage(
    {**dict(_elements(_SECTIONS)), **{name: _signature(name) for name in SIGNATURES}}
)
# Producers differ in the case of the root, and some wrap it in a SOAP envelope.
DOCUMENT: Final = Element(
    "",
    Kind.PASSAGE,
    Children({"edxml": _WRAPPER, "envelope": _WRAPPER}, _FOREIGN, fold=True),
)
"""What stands around the root."""


def _names(table: _Table) -> Iterator[str]:
    for key, inside in table.items():
        yield key.removesuffix("*")
        if not isinstance(inside, int):
            yield from _names(inside)


TAGS: Final = {f"{NAMESPACE}}}{name}": name for name in _names(_SECTIONS)}
"""The local part of each name that we know, by how expat writes it out in our namespace."""
