"""The policy in force: the file that the settings name, else the one shipped."""

from importlib.resources import files
from pathlib import Path

from hoatoc.config import Settings
from hoatoc.domain.policy import Policy, PolicyInvalid, parse_policy


def load_policy(settings: Settings) -> Policy:
    """Read the policy; raises PolicyInvalid when it is missing or cannot be used."""
    if not settings.policy:
        return parse_policy((files("hoatoc.data") / "policy.toml").read_text("utf-8"))
    try:
        return parse_policy(Path(settings.policy).read_text("utf-8"))
    except OSError as error:
        raise PolicyInvalid(f"HOATOC_POLICY: {error}") from error
