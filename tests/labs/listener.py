"""A TCP listener on loopback that counts who comes and answers as it is told."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

Answer = Callable[[socket.socket], None]
"""Says to one caller, whose request has been read, what the caller is to hear."""


@dataclass
class Listener:
    """Who came, and what they asked."""

    port: int
    answer: Answer
    tls: ssl.SSLContext | None = None
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    protocols: list[str | None] = field(default_factory=list)
    """Which version of TLS each caller spoke, where we speak it."""
    heard: threading.Event = field(default_factory=threading.Event)
    closing: threading.Event = field(default_factory=threading.Event)

    def receive(self, caller: socket.socket) -> None:
        """Read one request and answer it; what the caller does then is the caller's matter."""
        with contextlib.suppress(OSError), caller:
            caller.settimeout(10)
            speaking = self.tls.wrap_socket(caller, server_side=True) if self.tls else caller
            if isinstance(speaking, ssl.SSLSocket):
                self.protocols.append(speaking.version())
            with speaking:
                self.requests.append(_request(speaking))
                self.heard.set()
                self.answer(speaking)


def _request(caller: socket.socket) -> bytes:
    read = b""
    while b"\r\n\r\n" not in read:
        chunk = caller.recv(65536)
        if not chunk:
            return read
        read += chunk
    head, _, body = read.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    wanted = int(lengths[0].partition(b":")[2]) if lengths else 0
    while len(body) < wanted:
        body += caller.recv(65536)
    return head + b"\r\n\r\n" + body


@contextlib.contextmanager
def listener(
    answer: Answer, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", port: int = 0
) -> Generator[Listener]:
    """Listen until the block ends."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family, backlog=64) as listening:
        listening.settimeout(0.02)
        one = Listener(int(listening.getsockname()[1]), answer, tls)
        callers: list[threading.Thread] = []

        def accept() -> None:
            while not one.closing.is_set():
                with contextlib.suppress(TimeoutError):
                    caller, _ = listening.accept()
                    one.connections += 1
                    callers.append(threading.Thread(target=one.receive, args=[caller]))
                    callers[-1].start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield one
        finally:
            one.closing.set()
            for thread in (accepting, *callers):
                thread.join()


def says(status: str, body: bytes = b"", *headers: str) -> Answer:
    """Answer with a whole HTTP response."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    whole = "\r\n".join(head).encode() + body
    return lambda caller: caller.sendall(whole)
