"""Ports that nobody uses."""

import socket


def free_port() -> int:
    """Find a free port on loopback."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
