"""The lab's answers about revocation, over HTTP on loopback.

One thread a connection: a caller who is kept waiting keeps nobody else waiting.
"""

import contextlib
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cardbridge.lab.faults import Faults
from cardbridge.lab.pki import LabPki
from cardbridge.lab.publishing import Publication, Reply

_LOOPBACK = {"127.0.0.1", "::1"}
_LONGEST_QUESTION = 16 * 1024
_HUGE = 64 * 1024 * 1024
_BLOCK = b"\0" * 65536
_PATIENCE_SECONDS = 120


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # A crowd that arrives at once is queued, not turned away after the default of five.
    request_queue_size = 256
    allow_reuse_address = True

    def __init__(self, host: str, port: int) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)
        self.publication: Publication | None = None
        self.asked: list[str] = []
        self.closing = threading.Event()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep quiet about callers who went away; they often do on purpose here."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    # Without it every answer on a kept connection waits 40 ms for an acknowledgement.
    disable_nagle_algorithm = True
    timeout = _PATIENCE_SECONDS

    def do_GET(self) -> None:
        """Answer what is fetched."""
        self._answer(b"")

    def do_POST(self) -> None:
        """Answer a question."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > _LONGEST_QUESTION:
            self.close_connection = True
            self._send(Reply(413))
            return
        self._answer(self.rfile.read(int(length)))

    def _answer(self, body: bytes) -> None:
        path = self.path.partition("?")[0]
        self.server.asked.append(f"{self.command} {path}")
        publication = self.server.publication
        self._send(publication.answer(self.command, path, body) if publication else Reply(503))

    def _send(self, reply: Reply) -> None:
        fault = reply.fault
        if fault.slow and self.server.closing.wait(fault.slow):
            return
        if fault.transport == "silent":
            self.close_connection = True
            self.server.closing.wait(_PATIENCE_SECONDS)
            return
        self._head(reply)
        if fault.transport == "drip":
            self._drip(reply.body)
        elif fault.transport == "huge":
            for _ in range(_HUGE // len(_BLOCK)):
                self.wfile.write(_BLOCK)
        else:
            self.wfile.write(_body(reply))

    def _head(self, reply: Reply) -> None:
        size = _HUGE if reply.fault.transport == "huge" else len(_body(reply))
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(size))
        if reply.fault.redirect:
            self.send_header("Location", reply.fault.redirect)
        self.end_headers()

    def _drip(self, body: bytes) -> None:
        for octet in body:
            if self.server.closing.wait(0.1):
                return
            self.wfile.write(bytes([octet]))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the library's name
        """Keep quiet; what was asked stands in ``asked``."""


def _body(reply: Reply) -> bytes:
    match reply.fault.transport:
        case "garbage":
            return b"<html>Service Unavailable</html>"
        case "empty":
            return b""
        case "truncated":
            return reply.body[: len(reply.body) // 2]
        case _:
            return reply.body


class Responder:
    """A listener that is bound at once, so that certificates can name its port, and serves later.

    Until it serves, callers wait in its queue.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        if host not in _LOOPBACK:
            raise ValueError(f"{host} is not loopback: the keys of a lab guard nothing")
        self.faults = Faults()
        self.instead: dict[str, bytes] = {}
        """What to serve at a path instead of what stands there, for a list made elsewhere."""
        self._server = _Server(host, port)

    @property
    def base_url(self) -> str:
        """What :meth:`LabPki.create` wants as ``base_url``."""
        host, port = map(str, self._server.server_address[:2])
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    @property
    def asked(self) -> list[str]:
        """Every request so far, as ``METHOD /path``."""
        return self._server.asked

    def reset(self) -> None:
        """Forget faults, replacements and requests, as if it had just begun."""
        self.faults.clear()
        self.instead.clear()
        self.asked.clear()

    @contextlib.contextmanager
    def serving(self, pki: LabPki) -> Iterator["Responder"]:
        """Serve in a thread until the block ends; then the listener is closed."""
        thread = threading.Thread(target=self.serve_forever, args=[pki], name="responder")
        thread.start()
        try:
            yield self
        finally:
            self.stop()
            thread.join()

    def serve_forever(self, pki: LabPki) -> None:
        """Serve in this thread until :meth:`stop` is called from another."""
        self._server.publication = Publication(pki, self.faults, self.instead)
        with self._server:
            self._server.serve_forever(poll_interval=0.05)

    def stop(self) -> None:
        """Stop serving, and let go of those who are kept waiting."""
        self._server.closing.set()
        self._server.shutdown()
