from typing import Any

from asn1crypto.core import Sequence

def __getattr__(name: str) -> Any: ...

class SignedDigestAlgorithm(Sequence):
    @property
    def hash_algo(self) -> str: ...
