"""Signatures of webhooks: Standard Webhooks, asymmetric (`v1a`, Ed25519).

The receiver needs the public key only, so nothing that it holds could forge a page.
"""

import base64
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from hoatoc import durable
from hoatoc.domain.error import OurFault


class SigningKeyInvalid(OurFault):
    """The file is not an Ed25519 private key in PEM."""


def signing_key(file: Path) -> Ed25519PrivateKey:
    """Read the key, or make one (mode 0600) when there is no file; raises SigningKeyInvalid."""
    if not file.exists():
        _make(file)
    try:
        key = serialization.load_pem_private_key(file.read_bytes(), None)
    except ValueError as error:
        raise SigningKeyInvalid(f"{file}: not a private key in PEM: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SigningKeyInvalid(f"{file}: expected an Ed25519 key, found {type(key).__name__}")
    return key


def _make(file: Path) -> None:
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    durable.create(file, pem)


def public_key(key: Ed25519PrivateKey) -> str:
    """Return the public key as receivers configure it: `whpk_` and base64."""
    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return "whpk_" + base64.b64encode(raw).decode()


def sign(key: Ed25519PrivateKey, message_id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """Return the headers that sign a webhook."""
    signature = key.sign(f"{message_id}.{timestamp_s}.".encode() + body)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": "v1a," + base64.b64encode(signature).decode(),
    }


def verify(public: str, headers: dict[str, str], body: bytes) -> bool:
    """Tell whether a webhook's headers sign its body by the holder of this public key."""
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public.removeprefix("whpk_")))
    signature = base64.b64decode(headers["webhook-signature"].removeprefix("v1a,"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    try:
        key.verify(signature, signed)
    except InvalidSignature:
        return False
    return True
