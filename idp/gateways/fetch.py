"""The one way out for HTTP: to addresses that whoever gave us the URL may make us call.

A URL in a client's registration is an attacker's wish until proven otherwise. The host is
resolved once and the connection made to that very address, which must be a public one or,
for what an operator registered, in ``allowed_networks``; redirects are answers, not
instructions; time and size are capped.
"""

import http.client
import socket
import ssl
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlencode, urlsplit

from idp.config import FetchSection

DEADLINE_SECONDS = 2.0
BODY_LIMIT = 256 * 1024  # bytes
_FAILURES_BEFORE_PAUSE = 5
_PAUSE_SECONDS = 30.0
_REMEMBERED = 1000  # hosts that did not answer

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], list[str]]
Stopwatch = Callable[[], float]


class Unreachable(Exception):
    """No answer in time, or none that is HTTP."""


class Silent(Unreachable):
    """Nobody is there, or does not finish in time: what a host is left in peace for.

    To answer nonsense is quick, and its sender's own trouble.
    """


class Forbidden(Exception):
    """The URL may not be called: scheme, credentials, or an address that is not public."""


@dataclass(frozen=True, slots=True)
class Errand:
    """What we call for, and for whom: how it goes is remembered for that errand alone.

    Anybody may name anybody's host in a registration. If all errands to it were counted
    together, one client could keep us from another's keys, or from telling it of a sign-out.
    """

    purpose: str = ""
    client_id: str = ""
    stranger: bool = False
    """The client registered itself: nobody of ours has seen where it leads us."""


_OWN = Errand()


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

    def __init__(
        self,
        section: FetchSection,
        resolver: Resolve = resolve,
        stopwatch: Stopwatch = time.monotonic,
    ) -> None:
        self._allowed = [ip_network(one) for one in section.allowed_networks]
        self._strangers_too = section.self_registered_too
        self._resolve = resolver
        self._stopwatch = stopwatch
        # A name server may keep a thread long after we have given up on it: strangers' names
        # have threads of their own.
        self._resolving = {
            stranger: ThreadPoolExecutor(8, thread_name_prefix="resolve")
            for stranger in (False, True)
        }
        self._tls = ssl.create_default_context()
        if section.ca_file:
            self._tls.load_verify_locations(section.ca_file)
        self._tls.minimum_version = ssl.TLSVersion.TLSv1_2
        self._failures: OrderedDict[_Way, tuple[int, float]] = OrderedDict()
        self._lock = threading.Lock()

    def post_form(self, url: str, fields: dict[str, str], *, errand: Errand = _OWN) -> Reply:
        """Post ``fields`` as a form.

        Raises:
            Forbidden: nothing was connected to.
            Unreachable: no answer within two seconds, or the host is being left in peace.
        """
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "*/*"}
        return self._call(errand, url, ("POST", urlencode(fields).encode(), headers))

    def post_json(self, url: str, document: bytes, *, bearer: str, errand: Errand = _OWN) -> Reply:
        """Post JSON with a bearer token; raises as :meth:`post_form` does."""
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {bearer}"}
        return self._call(errand, url, ("POST", document, headers))

    def get(self, url: str, *, accept: str, errand: Errand = _OWN) -> Reply:
        """Get a document of at most 256 kB; raises as :meth:`post_form` does."""
        return self._call(errand, url, ("GET", None, {"Accept": accept}))

    def _call(self, errand: Errand, url: str, question: "_Question") -> Reply:
        target = self._target(url)
        until = time.monotonic() + DEADLINE_SECONDS
        with self._breaker((errand.purpose, errand.client_id, target.host, target.port)):
            address = self._one_address(errand, target, until)
            return self._exchange(target, str(address), until, question)

    def _target(self, url: str) -> "_Target":
        try:
            parts = urlsplit(url)
            port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError:
            raise Forbidden("not a URL") from None
        if not url.isascii() or not url.isprintable() or " " in url:
            raise Forbidden("not a URL")
        if parts.scheme not in {"https", "http"} or not parts.hostname:
            raise Forbidden("scheme")
        if parts.username is not None or parts.password is not None:
            raise Forbidden("credentials in the URL")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return _Target(parts.hostname, port, path, parts.scheme == "https")

    def _one_address(self, errand: Errand, target: "_Target", until: float) -> Address:
        """Resolve once; every address must be allowed, or a rebinding name could choose."""
        resolving = self._resolving[errand.stranger]
        asked = resolving.submit(self._resolve, target.host, target.port)
        try:
            addresses = [ip_address(one) for one in asked.result(_left(until))]
        except (OSError, UnicodeError, ValueError):  # too late is an OSError, too
            raise Silent("name resolution") from None
        inside = self._strangers_too or not errand.stranger
        may_call = [self._may_call(one, target.secure, inside=inside) for one in addresses]
        if not may_call or not all(may_call):
            raise Forbidden("address")
        return addresses[0]

    def _may_call(self, address: Address, secure: bool, *, inside: bool) -> bool:
        plain = getattr(address, "ipv4_mapped", None) or address
        listed = any(plain in one for one in self._allowed if one.version == plain.version)
        public = secure and plain.is_global and not plain.is_multicast
        if isinstance(plain, IPv6Address):
            # is_global also says yes to NAT64, IPv4-compatible and site-local addresses.
            embeds = plain.sixtofour or plain.teredo
            public = public and plain in _GLOBAL_UNICAST and not embeds
        return (listed and inside) or public

    def _exchange(
        self, target: "_Target", address: str, until: float, question: "_Question"
    ) -> Reply:
        method, body, headers = question
        connection = _Pinned(target, address, self._tls if target.secure else None, until)
        fuse = threading.Timer(_left(until), connection.cut)
        fuse.start()
        try:
            connection.connect()
            connection.request(method, target.path, body, headers)
            with connection.getresponse() as answer:
                content = _read(answer, until)
        except (OSError, http.client.HTTPException) as broken:
            late = connection.was_cut or isinstance(broken, TimeoutError)
            silent = late or not connection.is_open
            raise (Silent if silent else Unreachable)(type(broken).__name__) from broken
        finally:
            fuse.cancel()
            connection.close()
        return Reply(answer.status, content, answer.headers.get_content_type())

    @contextmanager
    def _breaker(self, way: "_Way") -> Iterator[None]:
        failures, since = self._failures.get(way, (0, 0.0))
        if failures >= _FAILURES_BEFORE_PAUSE and self._stopwatch() < since + _PAUSE_SECONDS:
            raise Unreachable("left in peace after repeated failures")
        try:
            yield
        except Silent:
            with self._lock:
                # Others may have failed meanwhile: each of them counts.
                failures, _ = self._failures.pop(way, (0, 0.0))
                self._failures[way] = (failures + 1, self._stopwatch())
                while len(self._failures) > _REMEMBERED:
                    self._failures.popitem(last=False)
            raise
        with self._lock:
            self._failures.pop(way, None)


_Question = tuple[str, bytes | None, dict[str, str]]
"""Method, body and headers."""
_Way = tuple[str, str, str, int]
"""Purpose, client, host and port."""


@dataclass(frozen=True, slots=True)
class _Target:
    host: str
    port: int
    path: str
    secure: bool


class _Pinned(http.client.HTTPConnection):
    """Connects to one address, and asks it for the host it was resolved from."""

    def __init__(
        self, target: _Target, address: str, tls: ssl.SSLContext | None, until: float
    ) -> None:
        super().__init__(target.host, target.port)
        self.default_port = 443 if tls else 80  # left out of the Host header
        self._address = address
        self._tls = tls
        self._until = until
        self._wire: socket.socket | None = None
        self.was_cut = False

    @property
    def is_open(self) -> bool:
        """Whether there has been somebody at the other end."""
        return self._wire is not None

    def connect(self) -> None:
        wire = socket.create_connection((self._address, self.port), _left(self._until))
        wire.settimeout(_left(self._until))
        self.sock = self._tls.wrap_socket(wire, server_hostname=self.host) if self._tls else wire
        self._wire = self.sock  # http.client lets go of its own while the answer is being read

    def cut(self) -> None:
        """End the connection under whoever is reading: the time is up."""
        self.was_cut = True
        if self._wire is not None:
            with suppress(OSError):
                socket.socket.shutdown(self._wire, socket.SHUT_RDWR)


def _left(until: float) -> float:
    return max(until - time.monotonic(), 0.001)


def _read(answer: http.client.HTTPResponse, until: float) -> bytes:
    content = b""
    while chunk := answer.read1(16 * 1024):
        content += chunk
        if len(content) > BODY_LIMIT:
            raise http.client.HTTPException("too large")
    if time.monotonic() > until:
        raise TimeoutError
    if answer.length:
        raise http.client.IncompleteRead(content, answer.length)
    return content


_GLOBAL_UNICAST = ip_network("2000::/3")  # all that IANA gives out of IPv6
