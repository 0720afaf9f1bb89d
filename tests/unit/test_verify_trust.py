"""The folder of trusted certificates."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_crl

from hoatoc.testing.certificate import Hierarchy, Kind, hierarchy, issue, name_of, status_answer
from hoatoc.verify import trust as module
from hoatoc.verify.trust import Trust, TrustInvalid, load_trust

AT = datetime(2026, 1, 15, tzinfo=UTC)


@cache
def pki() -> Hierarchy:
    return hierarchy()


def test_a_folder_is_read_by_content_and_whatever_its_files_are_called(tmp_path: Path) -> None:
    root, issuing = pki().root, pki().issuing
    lists = pki().trust(AT).crls
    answer = status_answer(pki().person, at=AT)
    both = issuing.certificate.public_bytes(Encoding.PEM) + root.certificate.public_bytes(
        Encoding.PEM
    )
    (tmp_path / "a.pem").write_bytes(both)
    (tmp_path / "b.crl").write_bytes(lists[0])
    (tmp_path / "c").write_bytes(load_der_x509_crl(lists[1]).public_bytes(Encoding.PEM))
    (tmp_path / "d.der").write_bytes(answer)
    (tmp_path / "e.cer").write_bytes(root.der)
    (tmp_path / ".keep").write_bytes(b"")
    expected = Trust(roots=(root.der,), intermediates=(issuing.der,), crls=lists, ocsps=(answer,))
    assert expected == load_trust(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"x", b"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"]
)
def test_a_file_that_is_none_of_these_is_named_with_the_remedy(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "root.pem").write_bytes(pki().root.der)
    (tmp_path / "what.pem").write_bytes(content)
    with pytest.raises(TrustInvalid, match=r"what.pem.*CRL.* / .*what.pem.*revocation lists"):
        load_trust(tmp_path)


def test_a_signers_certificate_is_never_trusted_as_a_root(tmp_path: Path) -> None:
    (tmp_path / "person.pem").write_bytes(issue(None, name_of(CN="A"), Kind.SIGNER).der)
    with pytest.raises(TrustInvalid, match=r"person.pem: .*CN=A.*: CA:FALSE"):
        load_trust(tmp_path)


def test_a_folder_without_a_root_or_without_a_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrustInvalid, match="no root certificate"):
        load_trust(tmp_path)
    with pytest.raises(TrustInvalid, match="gone: No such file"):
        load_trust(tmp_path / "gone")


def test_a_file_beyond_all_lists_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 10)
    (tmp_path / "root.pem").write_bytes(pki().root.der)
    with pytest.raises(TrustInvalid, match="> 10 bytes"):
        load_trust(tmp_path)


def test_what_others_know_is_never_trusted() -> None:
    other = Trust(roots=(b"r",), intermediates=(b"i",), crls=(b"c",), ocsps=(b"o",))
    known = Trust(roots=(b"root",)).known(other)
    assert (b"root",) == known.roots
    assert ((b"i", b"r"), (b"c",), (b"o",)) == (known.intermediates, known.crls, known.ocsps)
