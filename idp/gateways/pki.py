"""Calls to certificate authorities: plain HTTP, as their world has it.

What comes back is signed, so nobody on the way can change it. Where we call is written in a
certificate, and whoever made it may have written anything: only named hosts are called, and
only after the path to an installed authority was proven.
"""

import http.client
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import IO
from urllib.parse import urlsplit

from idp.gateways.fetch import resolve

ANSWER_LIMIT = 64 * 1024  # bytes of an OCSP response
PART_LIMIT = 4 * 1024 * 1024  # bytes of a part of a list
_CHUNK = 64 * 1024
_FAILURES_BEFORE_PAUSE = 3
_PAUSE_SECONDS = 15.0


class Unreachable(Exception):
    """No answer in time, none that is HTTP, another status than 200, or too much of it."""


class Forbidden(Exception):
    """The address leads where we do not call: another host, another scheme."""


class PkiGateway:
    """Asks responders and fetches lists; thread-safe, leaves silent hosts in peace for a while."""

    def __init__(
        self, deadline_seconds: float, stopwatch: Callable[[], float] = time.monotonic
    ) -> None:
        self._deadline = deadline_seconds
        self._stopwatch = stopwatch
        self._silent: dict[str, tuple[int, float]] = {}
        self._lock = threading.Lock()
        # A name server may keep a thread long after we have given up on it.
        self._resolving = ThreadPoolExecutor(4, thread_name_prefix="resolve-pki")

    def ask(self, url: str, question: bytes, hosts: Collection[str]) -> bytes:
        """Post an OCSP request.

        Raises:
            Forbidden: nothing was connected to.
            Unreachable: nothing came of it before the deadline.
        """
        headers = {"Content-Type": "application/ocsp-request"}
        parts: list[bytes] = []
        self._call(url, hosts, ("POST", question, headers), parts.append, ANSWER_LIMIT)
        return b"".join(parts)

    def fetch(self, url: str, hosts: Collection[str]) -> bytes:
        """Get a part of a list; raises as :meth:`ask` does."""
        parts: list[bytes] = []
        self._call(url, hosts, ("GET", None, {}), parts.append, PART_LIMIT)
        return b"".join(parts)

    def download(self, url: str, hosts: Collection[str], into: IO[bytes], *, limit: int) -> int:
        """Get a whole list into a file, for a round that nobody waits for; gives its bytes.

        Raises:
            Forbidden: nothing was connected to.
            Unreachable: it broke off, or is longer than ``limit`` bytes.
        """
        patient = PkiGateway(60 * self._deadline, self._stopwatch)
        return patient._call(url, hosts, ("GET", None, {}), into.write, limit)

    def _call(
        self,
        url: str,
        hosts: Collection[str],
        question: tuple[str, bytes | None, dict[str, str]],
        take: Callable[[bytes], object],
        limit: int,
    ) -> int:
        host, port, path = _target(url, hosts)
        self._mind_silence(host)
        method, body, headers = question
        until = self._stopwatch() + self._deadline
        connection = http.client.HTTPConnection("", port, timeout=self._deadline)
        fuse = threading.Timer(self._deadline, _cut, [connection])
        fuse.start()
        try:
            connection.host = self._address(host, port)
            connection.connect()
            connection.request(method, path, body, {"Host": _named(host, port), **headers})
            size = _read(connection.getresponse(), take, limit)
            if self._stopwatch() > until:
                raise TimeoutError
        except (OSError, http.client.HTTPException, ValueError) as broken:
            self._note(host, silent=isinstance(broken, OSError))
            raise Unreachable(type(broken).__name__) from broken
        finally:
            fuse.cancel()
            connection.close()
        self._note(host, silent=False)
        return size

    def _address(self, host: str, port: int) -> str:
        return self._resolving.submit(resolve, host, port).result(self._deadline)[0]

    def _mind_silence(self, host: str) -> None:
        failures, since = self._silent.get(host, (0, 0.0))
        if failures >= _FAILURES_BEFORE_PAUSE and self._stopwatch() < since + _PAUSE_SECONDS:
            raise Unreachable("left in peace after repeated failures")

    def _note(self, host: str, *, silent: bool) -> None:
        with self._lock:
            failures, _ = self._silent.pop(host, (0, 0.0))
            if silent:
                self._silent[host] = (failures + 1, self._stopwatch())


def _target(url: str, hosts: Collection[str]) -> tuple[str, int, str]:
    try:
        parts = urlsplit(url)
        port = parts.port or 80
    except ValueError:
        raise Forbidden("not a URL") from None
    if not url.isascii() or not url.isprintable() or " " in url or parts.scheme != "http":
        raise Forbidden("not a URL of an authority")
    host = parts.hostname or ""
    if parts.username is not None or parts.password is not None or host not in hosts:
        raise Forbidden("another host")
    return host, port, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _named(host: str, port: int) -> str:
    shown = f"[{host}]" if ":" in host else host
    return shown if port == 80 else f"{shown}:{port}"


def _read(answer: http.client.HTTPResponse, take: Callable[[bytes], object], limit: int) -> int:
    if answer.status != 200:
        raise http.client.HTTPException(str(answer.status))
    size = 0
    while chunk := answer.read1(_CHUNK):
        size += len(chunk)
        if size > limit:
            raise http.client.HTTPException("too large")
        take(chunk)
    if answer.length:
        raise OSError("broken off")
    return size


def _cut(connection: http.client.HTTPConnection) -> None:
    """End the connection under whoever is reading: the time is up."""
    if connection.sock is not None:
        with suppress(OSError):
            connection.sock.shutdown(2)
