"""One conversation with one domain controller, by ldap3: whoever swaps ldap3 changes this alone.

Of ldap3 only what goes over the wire is used. Trust is the standard library's (its own takes any
certificate and sends no SNI); times, referrals, text and threads are as an identity provider
needs them, where the library's defaults are not.
"""

import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from ldap3 import BASE, NONE, SAFE_SYNC, SUBTREE, Connection, Server, Tls
from ldap3.core.exceptions import LDAPException
from pyasn1.error import PyAsn1Error

# ldap3 lets through what its decoder stumbles over, and what a cut connection does to it.
_BROKEN = (
    LDAPException,
    PyAsn1Error,
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
)


class Broken(Exception):
    """Nothing came of it in time, or nothing that is LDAP."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is spoken to, and how long anything may take."""

    host: str
    """What the certificate has to name."""
    address: str
    port: int
    connect_seconds: float
    answer_seconds: float
    until: float
    """On the clock of ``time.monotonic``: the end of everything."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of an operation (RFC 4511 section 4.1.9)."""

    code: int
    name: str
    text: str


Found = tuple[str, dict[str, list[bytes]]]
"""The DN of an entry and its attributes, named as the server names them."""


class Conversation:
    """Binds and searches on one connection. For one thread."""

    def __init__(self, peer: Peer, context: ssl.SSLContext) -> None:
        server = Server(
            peer.address,
            port=peer.port,
            use_ssl=True,
            get_info=NONE,
            connect_timeout=_patience(peer, peer.connect_seconds),
            allowed_referral_hosts=[],
            tls=_Verified(peer, context),
        )
        self._connection = Connection(
            server,
            client_strategy=SAFE_SYNC,
            auto_referrals=False,  # else the DN and the password go wherever a referral says
            check_names=False,
            auto_range=True,
            return_empty_attributes=False,
            read_only=True,
        )
        self._peer = peer
        self._fuse = threading.Timer(max(0.0, peer.until - time.monotonic()), self._cut)
        self._fuse.daemon = True

    def open(self) -> None:
        """Connect and shake hands.

        Raises:
            Broken: nobody there, or not who the certificate has to name.
        """
        with _in_our_words():
            self._fuse.start()
            self._connection.open(read_server_info=False)

    def bind(self, dn: str, password: bytes) -> Answer:
        """Bind once. Bytes: what is text goes through SASLprep, and AD does no such thing."""
        if not dn or not password:
            raise ValueError("a bind without a name or a password proves nothing")  # RFC 4513 5.1
        with _in_our_words():
            self._connection.user, self._connection.password = dn, password
            self._connection.authentication = "SIMPLE"
            _, result, _, _ = self._connection.bind(read_server_info=False)
            return _answer(result)

    def search(
        self, base: str, filter_: str, attributes: Sequence[str], *, whole: bool, limit: int
    ) -> tuple[Answer, list[Found]]:
        """Search the whole tree under ``base``, or look at that entry alone."""
        with _in_our_words():
            _, result, response, _ = self._connection.search(
                base,
                filter_,
                search_scope=SUBTREE if whole else BASE,
                attributes=list(attributes),
                size_limit=limit,
            )
            found = [
                (str(one["dn"]), dict(one["raw_attributes"]))
                for one in response or ()
                if one["type"] == "searchResEntry"  # a search from the top names other domains, too
            ]
            return _answer(result), found

    def certificate(self) -> Any:
        """Give what Python reads in the certificate of the other side."""
        return self._connection.socket.getpeercert()

    def close(self) -> None:
        """Say goodbye if there is anybody to say it to."""
        self._fuse.cancel()
        with suppress(*_BROKEN):
            self._connection.unbind()
        if (left := self._connection.socket) is not None:
            left.close()

    def _cut(self) -> None:
        """End the connection under whoever is reading: the time is up."""
        if (open_one := self._connection.socket) is not None:
            with suppress(OSError):
                socket.socket.shutdown(open_one, socket.SHUT_RDWR)


class _Verified(Tls):  # type: ignore[misc]  # ldap3 has no types
    """The place where ldap3 lets one put TLS; none of its own is left."""

    def __init__(self, peer: Peer, context: ssl.SSLContext) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED)
        self._peer, self._context = peer, context

    def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:
        raw = connection.socket
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # 45 ms of Nagle a bind
        connection.socket = wrapped = self._context.wrap_socket(
            raw, server_hostname=self._peer.host, do_handshake_on_connect=False
        )
        wrapped.settimeout(_patience(self._peer, self._peer.connect_seconds))
        wrapped.do_handshake()
        wrapped.settimeout(self._peer.answer_seconds)


def trust(ca_file: str) -> ssl.SSLContext:
    """Make the terms of TLS: a certificate of these authorities, and of that name.

    Raises:
        OSError: the file cannot be read, or holds no certificate (``ssl.SSLError`` is one).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # demands both
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file:
        context.load_verify_locations(ca_file)
    else:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    return context


def _patience(peer: Peer, seconds: float) -> float:
    """Give what is left; a socket takes 0 for "do not wait at all"."""
    return max(0.001, min(seconds, peer.until - time.monotonic()))


@contextmanager
def _in_our_words() -> Iterator[None]:
    try:
        yield
    except _BROKEN as broken:
        raise Broken(f"{type(broken).__name__}: {broken}") from broken


def _answer(result: Any) -> Answer:
    text = (result.get("message") or "").rstrip("\0")  # as AD ends it
    return Answer(int(result["result"]), str(result["description"]), text)
