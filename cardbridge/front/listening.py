"""The sockets: loopback and nothing else, and a thread for each of a bounded number of callers."""

import errno
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress

from cardbridge.front.http import Gone
from cardbridge.front.peers import is_same_user

MOST_CALLERS = 24
LOOK_SECONDS = 30.0
_LOOPBACK = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))


class Taken(Exception):
    """None of the ports is free."""


def listen(ports: Sequence[int]) -> tuple[int, list[socket.socket]]:
    """Listen on the first port that is free, on both loopback addresses.

    Raises:
        Taken: if there is none.
    """
    for port in ports:
        sockets: list[socket.socket] = []
        try:
            for family, host in _LOOPBACK:
                if one := _bound(family, host, port):
                    sockets.append(one)
            if sockets:
                return port, sockets
        except OSError:
            for one in sockets:
                one.close()
    raise Taken(f"the ports {', '.join(map(str, ports))} are taken")


def _bound(family: socket.AddressFamily, host: str, port: int) -> socket.socket | None:
    try:
        one = socket.socket(family, socket.SOCK_STREAM)
    except OSError:
        return None  # a system without IPv6
    try:
        _own_alone(one)
        one.bind((host, port))
        one.listen(MOST_CALLERS)
    except OSError as error:
        one.close()
        if error.errno == errno.EADDRNOTAVAIL:
            return None  # IPv6 is there, its loopback is not
        raise
    one.setblocking(False)
    return one


def _own_alone(one: socket.socket) -> None:
    """Keep other programs from binding the same port beside us."""
    if one.family == socket.AF_INET6:
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    if os.name == "nt":
        one.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)  # type: ignore[attr-defined,unused-ignore]
    else:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # past connections, not rivals


class Listener:
    """Accepts connections and has each served by a thread."""

    def __init__(
        self, sockets: Sequence[socket.socket], serve: Callable[[socket.socket], None]
    ) -> None:
        self._sockets = sockets
        self._serve = serve
        self._places = threading.BoundedSemaphore(MOST_CALLERS)
        self._over = threading.Event()
        self._woken, self._waker = socket.socketpair()
        self._last_call = time.monotonic()

    def run(self, idle_seconds: float = 0.0) -> None:
        """Accept until :meth:`stop`, or until nobody has called for so long."""
        with selectors.DefaultSelector() as ready:
            for one in (*self._sockets, self._woken):
                ready.register(one, selectors.EVENT_READ)
            while not self._over.is_set() and not self._is_idle(idle_seconds):
                for key, _ in ready.select(LOOK_SECONDS if idle_seconds else None):
                    if key.fileobj is not self._woken:
                        self._accept(key.fileobj)  # type: ignore[arg-type]  # they are sockets
        for one in (*self._sockets, self._woken, self._waker):
            one.close()

    def stop(self) -> None:
        """Have :meth:`run` return, also from a signal's handler."""
        self._over.set()
        self._waker.send(b"!")

    def _is_idle(self, seconds: float) -> bool:
        return bool(seconds) and time.monotonic() - self._last_call > seconds

    def _accept(self, listening: socket.socket) -> None:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        self._last_call = time.monotonic()
        if not self._places.acquire(blocking=False):
            connection.close()
            return
        threading.Thread(target=self._attend, args=(connection,), daemon=True).start()

    def _attend(self, connection: socket.socket) -> None:
        try:
            with closing(connection), suppress(Gone, OSError):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if is_same_user(connection):
                    self._serve(connection)
        finally:
            self._places.release()
