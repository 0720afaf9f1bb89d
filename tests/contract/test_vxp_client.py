"""The client that is as the official one: what it sends, and what it makes of what comes back."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hoatoc.testing.vxp_client import VxpClient

BAD_GATEWAY = b"<html><body><h1>502 Bad Gateway</h1></body></html>"


class Peer:
    """Answers each connection with the next of some bodies, and keeps what it was asked."""

    def __init__(self, *bodies: bytes | None) -> None:
        self.bodies, self.asked = list(bodies), list[bytes]()
        self.listening = socket.create_server(("127.0.0.1", 0))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listening.getsockname()[1]}/vxp"

    def serve(self) -> None:
        for body in self.bodies:
            line, _ = self.listening.accept()
            with line:
                self.asked.append(_request(line))
                if body is not None:
                    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n"
                    line.sendall(head.encode() + body)

    def client(self) -> VxpClient:
        return VxpClient(self.url, "VPCP.G22", "secret", made=datetime(2020, 11, 25, 4, tzinfo=UTC))


def _request(line: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += line.recv(65536)
    length = re.search(rb"(?i)content-length: (\d+)", data)
    while length and len(data.partition(b"\r\n\r\n")[2]) < int(length[1]):
        if b"100-continue" in data and data.endswith(b"\r\n\r\n"):
            line.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        data += line.recv(65536)
    return data


@contextmanager
def peer(*bodies: bytes | None) -> Iterator[Peer]:
    """Serve as many connections as there are bodies; None breaks the connection off."""
    made = Peer(*bodies)
    thread = threading.Thread(target=made.serve)
    thread.start()
    try:
        yield made
    finally:
        thread.join(10)
        made.listening.close()


def test_defect_1_a_page_of_a_proxy_is_taken_for_an_empty_list() -> None:
    with peer(BAD_GATEWAY) as there:
        said = there.client().get_received(messagetype="edoc")
    assert said == {"status": "OK", "ErrorCode": "0", "ErrorDesc": "Success", "data": []}


@pytest.mark.parametrize(
    "body",
    [
        BAD_GATEWAY,
        b"{}",
        b'{"status":"FAIL","ErrorCode":"20"}',
        b'{"status":"OK","ErrorCode":"0","ErrorDesc":null,"data":[]}',
        b'{"status":"OK","ErrorCode":"0","ErrorDesc":"","data":[{"senderDocId":null}]}',
    ],
    ids=["page", "nothing", "no words", "null", "null in a list"],
)
def test_defect_2_of_whatever_it_cannot_read_every_other_call_makes_null(body: bytes) -> None:
    with peer(body) as there:
        assert there.client().get_sent() is None


def test_defect_2_a_refusal_of_a_hand_over_without_an_id_is_null() -> None:
    with peer(b'{"status":"FAIL","ErrorCode":"22","ErrorDesc":"x"}') as there:
        assert there.client().send(b"<edXML/>", from_="G22") is None


def test_defect_3_a_connection_that_breaks_off_is_tried_anew() -> None:
    with peer(None, None, b'{"status":"OK","ErrorCode":"0","ErrorDesc":"","count":3}') as there:
        said = there.client().count_documents()
    assert said is not None
    assert said["count"] == 3
    assert there.asked[0] == there.asked[2]


def test_defect_7_whatever_comes_is_kept_as_the_packet_unless_it_is_empty(tmp_path: Path) -> None:
    with peer(BAD_GATEWAY, b"") as there:
        client = there.client()
        kept = client.download(tmp_path, docId="x")
        assert (kept["status"], Path(kept["filePath"]).read_bytes()) == ("SUCCESS", BAD_GATEWAY)
        assert client.download(tmp_path, docId="x")["status"] == "FAIL"


def test_a_hand_over_stands_on_the_wire_as_java_writes_it() -> None:
    with peer(b'{"status":"OK","ErrorCode":"0","ErrorDesc":"","DocId":"x"}') as there:
        client = there.client()
        client.headers.put("docId", "of an earlier call")
        client.headers.put("docid", "of another")
        client.send(b"<edXML/>", to=["H16"], from_="G22", messagetype="edoc")
    head, _, body = there.asked[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert body == b"<edXML/>\r\n"
    assert lines[0] == "POST /vxp/sendEdoc HTTP/1.1"
    assert lines[1] == "Content-Type: application/octet-stream"
    names = [line.partition(":")[0] for line in lines[1:]]
    assert names[-6:-3] == ["Cache-Control", "Pragma", "Host"]
    assert names[-3:] == ["Accept", "Connection", "Content-Length"]
    assert "XroadVnpt-docId: of another" in lines
    assert 'XroadVnpt-to: ["H16"]' in lines
    assert len(names) == len({name.lower() for name in names})
