"""Seal: secrets that must be read back, kept closed under a key file of the installation.

The file holds Fernet keys, one a line: the first one closes, every one opens, so that a key is
changed by writing a new one above. What was closed for one credential opens for no other.
"""

from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from hoatoc import durable
from hoatoc.domain.error import OurFault


class SealKeyInvalid(OurFault):
    """The key file is missing where secrets were sealed, or holds no key."""


class SealBroken(OurFault):
    """A sealed secret opens with no key of the file, or belongs to another credential."""


class Seal:
    """Closes and opens secrets with the keys of a file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._keys: MultiFernet | None = None

    def close(self, credential_id: str, secret: bytes) -> bytes:
        """Return a secret, sealed for a credential; makes the key file (0600) if there is none."""
        if not self._file.exists():
            _make(self._file)
        self._keys = self._read()
        return self._keys.encrypt(_bound(credential_id) + secret)

    def open(self, credential_id: str, sealed: bytes) -> bytes:
        """Return the secret of a credential; raises SealKeyInvalid or SealBroken."""
        opened = self._opened(sealed)
        mark = _bound(credential_id)
        if not opened.startswith(mark):
            raise self._broken(credential_id)
        return opened.removeprefix(mark)

    def _opened(self, sealed: bytes) -> bytes:
        """Open with the keys as they were read, and once more as the file has them now."""
        for keys in (self._keys, self._read()):
            if keys is None:
                continue
            try:
                opened = keys.decrypt(sealed)
            except InvalidToken:
                continue
            self._keys = keys
            return opened
        return b""

    def _read(self) -> MultiFernet:
        try:
            lines = self._file.read_text("ascii").split()
            return MultiFernet([Fernet(line) for line in lines])
        except (OSError, ValueError) as error:
            raise SealKeyInvalid(
                f"{self._file}: không đọc được khóa niêm phong ({error}). Chép lại tệp từ bản sao "
                "lưu, hoặc cấp lại các cặp systemid/secret. / The key that seals secrets cannot be "
                "read. Restore the file from a backup, or issue the HMAC pairs anew."
            ) from error

    def _broken(self, credential_id: str) -> SealBroken:
        return SealBroken(
            f"Secret của khóa truy cập {credential_id} không mở được bằng {self._file}. Dùng đúng "
            "tệp khóa của hệ thống, hoặc cấp lại khóa bằng `hoatoc key rotate`. / The secret of "
            f"the credential {credential_id} does not open with {self._file}. Use the key file of "
            "this installation, or issue the pair anew by `hoatoc key rotate`."
        )


def _bound(credential_id: str) -> bytes:
    return credential_id.encode() + b"\0"


def _make(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    durable.create(file, Fernet.generate_key() + b"\n")
