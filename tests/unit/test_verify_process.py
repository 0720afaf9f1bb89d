"""Verifying in a process apart."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from multiprocessing import Pipe
from multiprocessing.connection import Connection

import pytest

from hoatoc.domain.signature_reason import Reason, Verdict
from hoatoc.testing.certificate import Hierarchy, hierarchy
from hoatoc.testing.signed_file import Stamp, plain_pdf, sign_pdf
from hoatoc.verify.pdf import verify_pdf
from hoatoc.verify.process import Verifier

SIGNED = datetime(2026, 1, 15, 3, tzinfo=UTC)
AT = SIGNED + timedelta(hours=1)


@cache
def pki() -> Hierarchy:
    return hierarchy()


@cache
def signed() -> bytes:
    return sign_pdf(plain_pdf(), pki().person, SIGNED, Stamp(pki().stamper, SIGNED))


@pytest.fixture(scope="module")
def verifier() -> Iterator[Verifier]:
    with Verifier(pki().trust(SIGNED)) as opened:
        yield opened


def pid_of(verifier: Verifier) -> int:
    assert verifier._worker
    pid = verifier._worker[0].pid
    assert pid
    return pid


def test_the_answer_is_that_of_verifying_here(verifier: Verifier) -> None:
    expected = verify_pdf(signed(), pki().trust(SIGNED), AT)
    assert Verdict.VALID == expected[0].verdict
    assert expected == verifier.pdf(signed(), AT)
    assert () == verifier.pdf(plain_pdf(), AT)


def test_packets_are_verified_likewise(verifier: Verifier) -> None:
    (signature,) = verifier.packet(b"<edXML><DigitalSignature/></edXML>", AT)
    assert (Reason.EMPTY,) == signature.reasons


def test_a_process_that_died_is_followed_by_another(verifier: Verifier) -> None:
    verifier.pdf(plain_pdf(), AT)
    dead = pid_of(verifier)
    os.kill(dead, signal.SIGKILL)
    assert Verdict.VALID == verifier.pdf(signed(), AT)[0].verdict
    assert dead != pid_of(verifier)


def test_what_the_process_dies_of_is_unreadable(
    verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def die() -> Connection:
        asked.append("again")
        ours, theirs = Pipe()
        theirs.close()
        return ours

    monkeypatch.setattr(verifier, "_running", die)
    (signature,) = verifier.pdf(signed(), AT)
    assert (Reason.UNREADABLE,) == signature.reasons
    assert 2 == len(asked)


def test_what_takes_too_long_is_unreadable_if_it_seems_signed() -> None:
    with Verifier(pki().trust(SIGNED), patience_s=0) as hasty:
        (signature,) = hasty.pdf(signed(), AT)
        assert (Reason.UNREADABLE,) == signature.reasons
        assert () == hasty.pdf(plain_pdf(), AT)


def test_whoever_asks_does_not_load_the_libraries() -> None:
    code = (
        "import sys, hoatoc.verify.process; print({'pyhanko', 'signxml', 'lxml'} & {*sys.modules})"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "set()" == run.stdout.strip()
