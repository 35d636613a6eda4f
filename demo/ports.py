"""Whether the ports a program needs are free, asked before anything starts."""

import errno
import socket
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Port:
    """An address somebody will listen on, and how to move him elsewhere."""

    number: int
    service: str
    setting: str
    """The environment variable that chooses another number."""
    host: str = "127.0.0.1"


def obstacles(ports: Iterable[Port]) -> list[str]:
    """Say for each port that cannot be had why, for whom it was, and what to do about it."""
    wanted = list(ports)
    return [*_twice(wanted), *filter(None, map(_obstacle, wanted))]


def is_free(number: int) -> bool:
    """Tell whether a port of ours can be had now."""
    return _obstacle(Port(number, "", "")) is None


def _twice(ports: list[Port]) -> list[str]:
    first: dict[int, Port] = {}
    return [
        f"Port {port.number} is wanted by {first[port.number].service} and {port.service}: "
        f"choose another for one of them with {port.setting}."
        for port in ports
        if first.setdefault(port.number, port) is not port
    ]


def _obstacle(port: Port) -> str | None:
    family = socket.AF_INET6 if ":" in port.host else socket.AF_INET
    with socket.socket(family) as trial:
        # Connections of the last run that are still closing are no obstacle; a listener is.
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((port.host, port.number))
        except OSError as refused:
            return _advice(port, refused)
    return None


def _advice(port: Port, refused: OSError) -> str:
    elsewhere = f"{port.setting}={_neighbour(port.number)} make run"
    if refused.errno == errno.EADDRINUSE:
        return (
            f"Port {port.number} ({port.service}) is taken by another program.\n"
            f"  Stop it (ss -ltnp 'sport = :{port.number}' names it), or: {elsewhere}"
        )
    return f"Port {port.number} ({port.service}) cannot be used: {refused}.\n  Try: {elsewhere}"


def _neighbour(number: int) -> int:
    return number + 10_000 if number < 50_000 else number - 10_000
