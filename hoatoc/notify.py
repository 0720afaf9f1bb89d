"""Readiness of a program, told to whoever started it (the sd_notify protocol of systemd)."""

import os
import socket


def ready() -> None:
    """Tell the supervisor that this program does its work; do nothing without one."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):  # a name in Linux's abstract namespace
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.connect(address)
        sock.sendall(b"READY=1")
