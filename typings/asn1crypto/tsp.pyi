from typing import Any

from asn1crypto.core import Sequence

def __getattr__(name: str) -> Any: ...

class TSTInfo(Sequence): ...
