"""One request in, one response out, then the connection ends. h11 reads; nothing is guessed.

A browser needs no more of HTTP than this, so there is no more of it to attack: no chunks, no
second request, no upgrade, no header twice, and a whole request within seconds.
"""

import json
import select
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import h11

MOST_BODY_BYTES = 16 * 1024
MOST_HEAD_BYTES = 8 * 1024
READ_SECONDS = 5.0
WRITE_SECONDS = 5.0
LINGER_SECONDS = 1.0


class Unreadable(Exception):
    """Bytes that are no request of the sort that is answered here."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Gone(Exception):
    """The caller has left, or takes too long."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request whose head has been read."""

    method: str
    target: str
    headers: Mapping[str, str]
    """Names in lower case, each once."""

    @property
    def origin(self) -> str:
        """The origin the browser names, or nothing."""
        return self.headers.get("origin", "")


@dataclass(frozen=True, slots=True)
class Response:
    """What is sent back."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def says(message: object, status: int = 200) -> Response:
    """Answer in JSON."""
    body = json.dumps(message, separators=(",", ":")).encode()
    return Response(status, body, {"Content-Type": "application/json"})


_ALWAYS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Connection": "close",
}


class Exchange:
    """A request and its response over one connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._until = time.monotonic() + READ_SECONDS
        self._parser = h11.Connection(h11.SERVER, max_incomplete_event_size=MOST_HEAD_BYTES)
        self._length = 0

    def read_head(self) -> Request:
        """Read the request line and the headers, and nothing of a body.

        Raises:
            Unreadable: if they are malformed, ambiguous or announce too much.
            Gone: if they do not arrive whole in time.
        """
        event = self._next_event()
        if not isinstance(event, h11.Request):
            raise Gone
        headers = _each_once(event.headers)
        self._length = _announced_length(headers)
        try:
            return Request(event.method.decode("ascii"), event.target.decode("ascii"), headers)
        except UnicodeDecodeError:
            raise Unreadable(400, "a request line that is not ASCII") from None

    def read_body(self) -> bytes:
        """Read the body that was announced.

        Raises:
            Unreadable: if it is not what was announced.
            Gone: if it does not arrive whole in time.
        """
        body = bytearray()
        while len(body) < self._length:
            event = self._next_event()
            if not isinstance(event, h11.Data):
                raise Unreadable(400, "a body cut short")
            body += event.data
        return bytes(body)

    def send(self, response: Response) -> None:
        """Send the response, in one piece, and say that no more follows.

        Raises:
            Gone: if nobody takes it.
        """
        headers = _ALWAYS | dict(response.headers) | {"Content-Length": str(len(response.body))}
        lines = [f"HTTP/1.1 {response.status} ", *(f"{k}: {v}" for k, v in headers.items())]
        head = "\r\n".join([*lines, "", ""]).encode("ascii")
        try:
            self._socket.settimeout(WRITE_SECONDS)
            self._socket.sendall(head + response.body)
            self._socket.shutdown(socket.SHUT_WR)
            self._let_it_arrive()
        except OSError:
            raise Gone from None

    def wait_for_leaving(self, waker: socket.socket) -> bool:
        """Wait until the caller leaves, or until there is something to read from ``waker``.

        A caller that sends more than its request has given up on it as well.

        Returns:
            Whether the caller left.
        """
        ready, _, _ = select.select([self._socket, waker], [], [])
        return waker not in ready

    def _let_it_arrive(self) -> None:
        """Take in what is under way: closing over it destroys the answer (RFC 9112 section 9.6)."""
        until = time.monotonic() + LINGER_SECONDS
        while (left := until - time.monotonic()) > 0:
            self._socket.settimeout(left)
            if not self._socket.recv(64 * 1024):
                return

    def _next_event(self) -> object:
        try:
            while (event := self._parser.next_event()) is h11.NEED_DATA:
                self._parser.receive_data(self._receive())
        except h11.RemoteProtocolError as error:
            raise Unreadable(error.error_status_hint, "malformed") from None
        return event

    def _receive(self) -> bytes:
        left = self._until - time.monotonic()
        if left <= 0:
            raise Gone
        try:
            self._socket.settimeout(left)
            return self._socket.recv(16 * 1024)
        except OSError:
            raise Gone from None


def _each_once(pairs: h11._headers.Headers) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in pairs:
        name = raw_name.decode("ascii")
        if name in headers:
            raise Unreadable(400, f"{name} occurs twice")
        try:
            headers[name] = raw_value.decode("ascii")
        except UnicodeDecodeError:
            raise Unreadable(400, f"{name} is not ASCII") from None
    return headers


def _announced_length(headers: Mapping[str, str]) -> int:
    if "transfer-encoding" in headers or "upgrade" in headers or "expect" in headers:
        raise Unreadable(400, "no more than a plain request is taken")
    length = int(headers.get("content-length", "0"))  # h11 has seen that these are digits
    if length > MOST_BODY_BYTES:
        raise Unreadable(413, "too large")
    return length
