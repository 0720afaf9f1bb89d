"""E-mail: its header, its bodies, its files (RFC 5322, RFC 2045)."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from hoatoc.extract.found import Findings, Gap, Inner, Text


def read_mail(content: bytes) -> Findings:
    """Yield what the header says; each body and file is a file inside."""
    message = message_from_bytes(content, _class=EmailMessage, policy=default)
    for part in message.walk():
        yield Text("\n".join(f"{name}: {value}" for name, value in part.items()))
        if part.is_multipart():
            continue
        body = part.get_payload(decode=True)
        if isinstance(body, bytes):
            yield Inner(body)
        else:
            yield Gap("unreadable-part")
