"""What can be wrong with content that was kept."""

from hoatoc.domain.error import OurFault, Unavailable


class ContentMissing(OurFault):
    """Content that was taken into the store is not there."""


class ContentAltered(OurFault):
    """Content is not what was taken into the store."""


class ContentUnreachable(Unavailable):
    """The store of content does not answer; nothing is lost, and trying again is safe."""
