"""TCP ports that are free on this machine."""

import random
import socket
from collections.abc import Iterator

# Below the range that the kernel gives to outgoing connections: those would take a port of ours.
_RANGE = range(20000, 32000)


def is_free(host: str, port: int) -> bool:
    """Tell whether a program could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def free_ports(host: str) -> Iterator[int]:
    """Yield free ports in random order, each once."""
    for port in random.sample(_RANGE, len(_RANGE)):
        if is_free(host, port):
            yield port
