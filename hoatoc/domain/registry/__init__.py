"""The registry: which organs there are, on which day, under which codes."""

from hoatoc.domain.registry.fault import Fault, RegistryInvalid
from hoatoc.domain.registry.file import parse_organs
from hoatoc.domain.registry.group import Group
from hoatoc.domain.registry.organ import Certainty, Organ, is_code, is_topic_safe
from hoatoc.domain.registry.resolving import (
    GroupUnknown,
    Notice,
    OrganUnknown,
    Reason,
    Registry,
    Resolved,
)

__all__ = [
    "Certainty",
    "Fault",
    "Group",
    "GroupUnknown",
    "Notice",
    "Organ",
    "OrganUnknown",
    "Reason",
    "Registry",
    "RegistryInvalid",
    "Resolved",
    "is_code",
    "is_topic_safe",
    "parse_organs",
]
