"""The gateway over TLS: organs that show a certificate instead of a key."""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from hoatoc.client import AsyncClient, GatewayAway, Patience, Unauthenticated
from hoatoc.domain.access import Role
from hoatoc.domain.credential import Certificate
from hoatoc.domain.identity import OrganCode
from hoatoc.postgres.credential import CredentialTables, Terms
from hoatoc.seal import Seal
from hoatoc.testing.agency import letter
from hoatoc.testing.certificate import name_of
from hoatoc.testing.gateway import gateway_on, issued
from hoatoc.testing.line import ORGANS, Line

pytestmark = pytest.mark.timeout(180)
A, B = (organ.code for organ in ORGANS[:2])
SHORT = Patience(total_s=1, first_s=0.1, longest_s=0.2)


@dataclass(frozen=True, slots=True)
class Held:
    """A certificate with its key, in one PEM file."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    file: Path

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)


def made(folder: Path, name: str, issuer: Held | None = None) -> Held:
    """Make a certificate for 127.0.0.1; without an issuer it is an authority."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name_of(CN=name))
        .issuer_name(issuer.certificate.subject if issuer else name_of(CN=name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(address, critical=False)
        .sign(issuer.key if issuer else key, hashes.SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file = folder / f"{name}.pem"
    file.write_bytes(secret + certificate.public_bytes(Encoding.PEM))
    return Held(certificate, key, file)


async def test_an_organ_is_known_by_its_certificate_and_nobody_else_is(
    fresh: Line, tmp_path: Path
) -> None:
    authority, stranger = made(tmp_path, "authority"), made(tmp_path, "stranger")
    server, of_a = made(tmp_path, "server", authority), made(tmp_path, "a", authority)
    unknown, foreign = made(tmp_path, "unknown", authority), made(tmp_path, "foreign", stranger)
    terms = Terms(organ=OrganCode(A), roles=frozenset((Role.SENDER,)), by="test")
    tables = CredentialTables(fresh.database, Seal(fresh.settings.seal_key))
    credential = await tables.issue(terms, Certificate.of(of_a.der))
    key = await issued(fresh.database, fresh.settings, B)
    tls = {
        "certfile": str(server.file),
        "keyfile": str(server.file),
        "client_ca": str(authority.file),
    }

    def client(url: str, shown: Held | None, key: str = "") -> AsyncClient:
        pem = shown.file if shown else None
        return AsyncClient(url, key, certificate=pem, authority=authority.file, patience=SHORT)

    async with gateway_on(fresh.settings, **tls) as url:
        assert url.startswith("https://")
        async with client(url, of_a) as sender:
            handed = await sender.hand_over(letter(A, (B,), "701"))
            assert (A, True) == (handed.sender, handed.new)
        async with client(url, None, key) as recipient:
            assert () == (await recipient.inbox()).entries
        for nobody in (unknown, None):
            async with client(url, nobody) as anonymous:
                with pytest.raises(Unauthenticated):
                    await anonymous.counts()
        async with client(url, foreign) as refused:
            with pytest.raises(GatewayAway):
                await refused.counts()
        trusting_another = AsyncClient(url, key, authority=stranger.file, patience=SHORT)
        async with trusting_another as distrusting:
            with pytest.raises(GatewayAway):
                await distrusting.counts()
        await tables.revoke(credential.credential_id, "lộ khóa", "test")
        async with client(url, of_a) as former:
            with pytest.raises(Unauthenticated):
                await former.counts()
