"""The checks before sending: what a clerk would look at before a document goes out."""

from hoatoc.domain.check.rule import Severity
from hoatoc.domain.check.table import (
    RULES,
    SHIPPED_POLICY,
    CheckFailed,
    CheckPolicy,
    CheckPolicyInvalid,
    Finding,
    check,
    parse_check_policy,
    require,
)

__all__ = [
    "RULES",
    "SHIPPED_POLICY",
    "CheckFailed",
    "CheckPolicy",
    "CheckPolicyInvalid",
    "Finding",
    "Severity",
    "check",
    "parse_check_policy",
    "require",
]
