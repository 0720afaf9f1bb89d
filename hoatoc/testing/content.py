"""The store of large content in memory: a fake of what the relay sees of it."""

from dataclasses import dataclass, field

from hoatoc.content.error import ContentMissing
from hoatoc.domain.content import ClaimCheck, Content, claim_of


@dataclass(slots=True)
class MemoryContents:
    """Holds what was put, until it is removed."""

    held: set[ClaimCheck] = field(default_factory=set)

    async def put(self, content: Content) -> ClaimCheck:
        """Keep content, and return by what it is claimed."""
        claim = claim_of(content)
        self.held.add(claim)
        return claim

    async def verify(self, claim: ClaimCheck) -> None:
        """Raise ContentMissing when it is not held."""
        if claim not in self.held:
            raise ContentMissing(f"{claim.name} is not held")
