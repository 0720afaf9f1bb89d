"""An entry of an inbox, for tests."""

from uuid import UUID

from hoatoc.client.value import Entry

ENTRY = Entry(
    cursor="1",
    type="document",
    delivery_id=UUID(int=1),
    dispatch_id=UUID(int=2),
    sender="A",
    recipient="B",
)
