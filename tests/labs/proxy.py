"""A TCP proxy on loopback that can be slow, or swallow everything without a word."""

import contextlib
import queue
import socket
import threading
import time
from collections.abc import Generator
from dataclasses import dataclass, field

_CHUNK = 65536


@dataclass
class Proxy:
    """What stands between a client and its server."""

    port: int
    upstream: int
    host: str = "127.0.0.1"
    """Where the server is."""
    delay: float = 0.0
    """Seconds that every piece of data takes, in either direction; none overtakes another."""
    swallows: bool = False
    """Keep every connection open, old or new, and let nothing through."""
    closing: threading.Event = field(default_factory=threading.Event)
    _sockets: list[socket.socket] = field(default_factory=list)

    def connect(self, caller: socket.socket) -> None:
        """Tie a caller to the server."""
        self._sockets.append(caller)
        with contextlib.suppress(OSError):
            server = socket.create_connection((self.host, self.upstream))
            self._sockets.append(server)
            for one in (caller, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for source, target in ((caller, server), (server, caller)):
                underway: queue.Queue[tuple[float, bytes]] = queue.Queue()
                self._start(self._take, source, underway)
                self._start(self._give, underway, target)

    def _start(self, work: "object", *words: object) -> None:
        threading.Thread(target=work, args=words, daemon=True).start()  # type: ignore[arg-type]

    def _take(self, source: socket.socket, underway: "queue.Queue[tuple[float, bytes]]") -> None:
        data = b"-"
        while data:
            try:
                data = source.recv(_CHUNK)
            except OSError:
                data = b""
            if not self.swallows:
                underway.put((time.monotonic() + self.delay, data))

    def _give(self, underway: "queue.Queue[tuple[float, bytes]]", target: socket.socket) -> None:
        while True:
            due, data = underway.get()
            self.closing.wait(max(0.0, due - time.monotonic()))
            with contextlib.suppress(OSError):
                if not data:
                    target.shutdown(socket.SHUT_WR)
                    return
                if not self.swallows:
                    target.sendall(data)

    def close(self) -> None:
        """Break off every connection."""
        self.closing.set()
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@contextlib.contextmanager
def proxy(upstream: int, host: str = "127.0.0.1") -> Generator[Proxy]:
    """Stand in front of a port on loopback until the block ends."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        listening.settimeout(0.1)
        one = Proxy(int(listening.getsockname()[1]), upstream, host)

        def accept() -> None:
            while not one.closing.is_set():
                with contextlib.suppress(TimeoutError):
                    caller, _ = listening.accept()
                    one.connect(caller)

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield one
        finally:
            one.close()
            accepting.join()
