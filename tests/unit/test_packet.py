"""Faults of packets: they name element, found and expected; what was found can be withheld."""

import pytest

from hoatoc.domain.packet import ArchiveReason, ArchiveRefused, PacketFault

FOUND = "nội dung của văn bản"


def faults() -> list[PacketFault]:
    """Return one fault of each kind, about the same text."""
    kinds = [kind for kind in PacketFault.__subclasses__() if kind is not ArchiveRefused]
    archive = ArchiveRefused("a.zip", ArchiveReason.DAMAGED, FOUND, "ZIP")
    return [*(kind("MessageHeader/Subject", FOUND, "text") for kind in kinds), archive]


@pytest.mark.parametrize("fault", faults(), ids=lambda fault: type(fault).__name__)
def test_what_was_found_is_withheld_and_nothing_else_of_the_fault(fault: PacketFault) -> None:
    assert FOUND not in fault.withheld()
    assert str(fault).replace(FOUND, "…") == fault.withheld()
    assert FOUND == fault.found
