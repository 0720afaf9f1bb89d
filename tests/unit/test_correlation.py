"""Which copy a status packet speaks of."""

from dataclasses import replace
from datetime import date

import pytest

from hoatoc.domain.correlation import Meant, meant
from hoatoc.domain.edxml import read_status, write_status
from hoatoc.domain.packet import Party, ResponseFor, StatusPacket

ID = "000.00.00.G22,2021/02/01,807/VPCP-KSTT"


ANSWERED = ResponseFor(organ="G22", code="807/VPCP-KSTT", document_id=ID)


def status(code: str, reporter: str, answered: ResponseFor = ANSWERED) -> StatusPacket:
    return StatusPacket(sender=Party(code=reporter), response_for=answered, code=code)


TAKEN_BACK = status("13", "G22", replace(ANSWERED, organ="H16"))
EXPECTED = Meant(
    sender="G22", recipient="H16", document_id=ID, year=2021, number="807", notation="VPCP-KSTT"
)


@pytest.mark.parametrize("code", ["01", "02", "03", "04", "05", "06", "15", "16", "3", "0", "999"])
def test_a_status_of_the_recipient_names_the_sender(code: str) -> None:
    assert EXPECTED == meant(status(code, "H16"))


def test_status_13_comes_from_the_sender_and_names_the_recipient() -> None:
    assert EXPECTED == meant(TAKEN_BACK)


def test_the_year_is_that_of_the_date_then_that_of_the_document_id_then_none() -> None:
    dated = status("01", "H16", replace(ANSWERED, promulgated=date(2020, 1, 1)))
    assert 2020 == meant(dated).year
    assert 2021 == meant(status("01", "H16")).year
    assert meant(status("01", "H16", replace(ANSWERED, document_id="18661"))).year is None


def test_a_document_named_by_its_id_alone_has_the_number_of_the_id() -> None:
    found = meant(status("01", "H16", replace(ANSWERED, code="")))
    assert ("807", "VPCP-KSTT") == (found.number, found.notation)


def test_a_recall_with_code_and_organ_swapped_means_the_same_copy() -> None:
    written = write_status(TAKEN_BACK)
    swapped = (written.replace(b">H16<", b">@<").replace(b">807/VPCP-KSTT<", b">H16<")).replace(
        b">@<", b">807/VPCP-KSTT<"
    )
    assert swapped != written
    assert EXPECTED == meant(read_status(swapped))
