"""The rules of secrecy that are shipped with the program."""

from functools import cache
from importlib.resources import files

from hoatoc.domain.secrecy import SecrecyRules, parse_secrecy


@cache
def load_secrecy() -> SecrecyRules:
    """Read the rules; raises SecrecyInvalid when they cannot be used."""
    return parse_secrecy((files("hoatoc.data") / "secrecy.toml").read_text("utf-8"))
