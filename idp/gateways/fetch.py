"""The one way out for HTTP: to addresses that whoever gave us the URL may make us call.

A URL in a client's registration is an attacker's wish until proven otherwise. The host is
resolved once and the connection made to that very address, which must be a public one or
in ``allowed_networks``; redirects are answers, not instructions; time and size are capped.
"""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlencode, urlsplit

from idp.config import FetchSection

DEADLINE_SECONDS = 2.0
BODY_LIMIT = 256 * 1024  # bytes
_FAILURES_BEFORE_PAUSE = 5
_PAUSE_SECONDS = 30.0

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], list[str]]


class Unreachable(Exception):
    """No answer in time, or none that is HTTP."""


class Forbidden(Exception):
    """The URL may not be called: scheme, credentials, or an address that is not public."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, whatever its status."""

    status: int
    body: bytes
    content_type: str


def resolve(host: str, port: int) -> list[str]:
    """Ask the system's resolver for the addresses of a host."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[4][0]) for address in found]


class Fetcher:
    """Calls URLs for the provider; thread-safe, remembers hosts that do not answer."""

    def __init__(self, section: FetchSection, resolver: Resolve = resolve) -> None:
        self._allowed = [ip_network(one) for one in section.allowed_networks]
        self._resolve = resolver
        self._tls = ssl.create_default_context()
        if section.ca_file:
            self._tls.load_verify_locations(section.ca_file)
        self._tls.minimum_version = ssl.TLSVersion.TLSv1_2
        self._failures: dict[str, tuple[int, float]] = {}
        self._lock = threading.Lock()

    def post_form(self, url: str, fields: dict[str, str]) -> Reply:
        """Post ``fields`` as a form.

        Raises:
            Forbidden: nothing was connected to.
            Unreachable: no answer within two seconds, or the host is being left in peace.
        """
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "*/*"}
        return self._call("POST", url, urlencode(fields).encode(), headers)

    def get(self, url: str, *, accept: str) -> Reply:
        """Get a document of at most 256 kB; raises as :meth:`post_form` does."""
        return self._call("GET", url, None, {"Accept": accept})

    def _call(self, method: str, url: str, body: bytes | None, headers: dict[str, str]) -> Reply:
        target = self._target(url)
        with self._breaker(f"{target.host}:{target.port}"):
            address = self._one_address(target.host, target.port, secure=target.secure)
            return self._exchange(target, address, method, body, headers)

    def _target(self, url: str) -> "_Target":
        try:
            parts = urlsplit(url)
            port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError:
            raise Forbidden("not a URL") from None
        if parts.scheme not in {"https", "http"} or not parts.hostname:
            raise Forbidden("scheme")
        if parts.username is not None or parts.password is not None:
            raise Forbidden("credentials in the URL")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return _Target(parts.hostname, port, path, parts.scheme == "https")

    def _one_address(self, host: str, port: int, *, secure: bool) -> Address:
        """Resolve once; every address must be allowed, or a rebinding name could choose."""
        try:
            addresses = [ip_address(one) for one in self._resolve(host, port)]
        except (OSError, UnicodeError, ValueError):
            raise Unreachable("name resolution") from None
        if not addresses or not all(self._may_call(one, secure=secure) for one in addresses):
            raise Forbidden("address")
        return addresses[0]

    def _may_call(self, address: Address, *, secure: bool) -> bool:
        plain = getattr(address, "ipv4_mapped", None) or address
        listed = any(plain in one for one in self._allowed if one.version == plain.version)
        public = secure and plain.is_global and not plain.is_multicast
        embeds = isinstance(plain, IPv6Address) and (plain.sixtofour or plain.teredo)
        translated = plain.version == 6 and plain in _NAT64
        return listed or (public and not embeds and not translated)

    def _exchange(
        self,
        target: "_Target",
        address: Address,
        method: str,
        body: bytes | None,
        headers: dict[str, str],
    ) -> Reply:
        until = time.monotonic() + DEADLINE_SECONDS
        connection = _Pinned(target, str(address), self._tls if target.secure else None)
        try:
            connection.request(method, target.path, body, headers)
            answer = connection.getresponse()
            content = _read(answer, until)
        except (OSError, http.client.HTTPException) as broken:
            raise Unreachable(type(broken).__name__) from broken
        finally:
            connection.close()
        return Reply(answer.status, content, answer.headers.get_content_type())

    @contextmanager
    def _breaker(self, host: str) -> Iterator[None]:
        failures, since = self._failures.get(host, (0, 0.0))
        if failures >= _FAILURES_BEFORE_PAUSE and time.monotonic() < since + _PAUSE_SECONDS:
            raise Unreachable("left in peace after repeated failures")
        try:
            yield
        except Unreachable:
            with self._lock:
                self._failures[host] = (failures + 1, time.monotonic())
            raise
        with self._lock:
            self._failures.pop(host, None)


@dataclass(frozen=True, slots=True)
class _Target:
    host: str
    port: int
    path: str
    secure: bool


class _Pinned(http.client.HTTPConnection):
    """Connects to one address, and asks it for the host it was resolved from."""

    def __init__(self, target: _Target, address: str, tls: ssl.SSLContext | None) -> None:
        super().__init__(target.host, target.port, timeout=DEADLINE_SECONDS)
        self._address = address
        self._tls = tls

    def connect(self) -> None:
        plain = socket.create_connection((self._address, self.port), DEADLINE_SECONDS)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host) if self._tls else plain


def _read(answer: http.client.HTTPResponse, until: float) -> bytes:
    content = b""
    while chunk := answer.read1(16 * 1024):
        content += chunk
        if len(content) > BODY_LIMIT:
            raise http.client.HTTPException("too large")
        if time.monotonic() > until:
            raise TimeoutError
    return content


_NAT64 = ip_network("64:ff9b::/96")
