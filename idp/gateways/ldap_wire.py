"""One conversation with one domain controller, by ldap3: whoever swaps ldap3 changes this alone.

Of ldap3 only what goes over the wire is used. Trust is the standard library's (its own takes any
certificate and sends no SNI); times, referrals, text and threads are as an identity provider
needs them, where the library's defaults are not.
"""

import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from ldap3 import NONE, SAFE_SYNC, Connection, Server, Tls
from ldap3.core.exceptions import LDAPException
from ldap3.core.results import RESULT_CODES
from ldap3.utils.asn1 import decode_message_fast
from pyasn1.error import PyAsn1Error

from idp.gateways import ldap_ber as ber

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
_ENTRY, _DONE, _REFERENCE = 4, 5, 19  # RFC 4511 section 4.5.2: what answers a search
_PARTING_SECONDS = 0.05


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
    """One bind and then searches, on one connection. For one thread at a time."""

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
            read_only=True,
        )
        self._is_bound = False

    def open(self) -> None:
        """Connect and shake hands.

        Raises:
            Broken: nobody there, or not who the certificate has to name.
        """
        with _in_our_words():
            self._connection.open(read_server_info=False)

    def go_on(self, until: float, patience: float) -> None:
        """Give it to another question.

        Args:
            until: the end of that one, on the clock of ``time.monotonic``.
            patience: seconds for the first sign of life, of whom none was seen for a while.
        """
        wire = self._connection.socket
        wire.until, wire.patience = until, patience

    def bind(self, dn: str, password: bytes) -> Answer:
        """Bind, once and for all. Bytes: text goes through SASLprep, and AD does no such thing.

        Raises:
            ValueError: without a name or a password it would prove nothing (RFC 4513 section 5.1);
                and who has been one person is nobody else.
        """
        if not dn or not password:
            raise ValueError("a bind without a name or a password proves nothing")
        if self._is_bound:
            raise ValueError("a conversation is bound once")
        self._is_bound = True
        with _in_our_words():
            self._connection.user, self._connection.password = dn, password
            self._connection.authentication = "SIMPLE"
            try:
                _, result, _, _ = self._connection.bind(read_server_info=False)
            finally:
                self._connection.password = None
            text = (result.get("message") or "").rstrip("\0")  # as AD ends it
            return Answer(int(result["result"]), str(result["description"]), text)

    def search(
        self, base: str, filter_: str, attributes: Sequence[str], *, whole: bool, limit: int
    ) -> tuple[Answer, list[Found]]:
        """Search the whole tree under ``base``, or look at that entry alone."""
        scope = ber.SUBTREE if whole else ber.BASE
        with _in_our_words():
            number = self._connection.server.next_message_id()
            asked = ber.search_request(number, base, filter_, attributes, scope=scope, limit=limit)
            self._connection.socket.sendall(asked)
            return self._heard(number)

    def _heard(self, number: int) -> tuple[Answer, list[Found]]:
        """Read to the end of an answer. What answers something else breaks the conversation."""
        found: list[Found] = []
        while messages := self._connection.strategy.receiving():
            for message in map(decode_message_fast, messages):
                if message["messageID"] != number:
                    raise ValueError(f"message {message['messageID']}, not {number}")
                said = message["payload"]
                if message["protocolOp"] == _DONE:
                    return _done(said), found
                if message["protocolOp"] == _ENTRY:
                    found.append(_entry(said))
                elif message["protocolOp"] != _REFERENCE:  # the top names other domains, too
                    raise ValueError(f"operation {message['protocolOp']}")
        raise ConnectionError("closed by the other side")

    def certificate(self) -> Any:
        """Give what Python reads in the certificate of the other side."""
        return self._connection.socket.getpeercert()

    def close(self) -> None:
        """Say goodbye if there is anybody to say it to."""
        left = self._connection.socket
        with suppress(*_BROKEN):
            self.go_on(time.monotonic() + _PARTING_SECONDS, _PARTING_SECONDS)
            self._connection.unbind()
        if left is not None:
            left.close()

    def abandon(self) -> None:
        """Let go of it without a word: it is another process's as well, which goes on."""
        with suppress(*_BROKEN):
            self._connection.socket.close()


class _Timely(ssl.SSLSocket):
    """Waits for each piece so long, and for all of them no longer than until the end."""

    until = patience = usual = 0.0

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        self.settimeout(self._left())
        piece = super().recv(buflen, flags)
        self.patience = self.usual
        return piece

    def sendall(self, data: Any, flags: int = 0) -> None:
        self.settimeout(self._left())
        super().sendall(data, flags)

    def _left(self) -> float:
        left = min(self.patience, self.until - time.monotonic())
        if left <= 0:
            raise TimeoutError("the time is up")
        return left


class _Verified(Tls):  # type: ignore[misc]  # ldap3 has no types
    """The place where ldap3 lets one put TLS; none of its own is left."""

    def __init__(self, peer: Peer, context: ssl.SSLContext) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED)
        self._peer, self._context = peer, context

    def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:
        raw = connection.socket
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # 45 ms of Nagle a bind
        wrapped: Any = self._context.wrap_socket(  # a _Timely
            raw, server_hostname=self._peer.host, do_handshake_on_connect=False
        )
        connection.socket = wrapped
        wrapped.settimeout(_patience(self._peer, self._peer.connect_seconds))
        wrapped.do_handshake()
        wrapped.usual = wrapped.patience = self._peer.answer_seconds
        wrapped.until = self._peer.until


def trust(ca_file: str) -> ssl.SSLContext:
    """Make the terms of TLS: a certificate of these authorities, and of that name.

    Raises:
        OSError: the file cannot be read, or holds no certificate (``ssl.SSLError`` is one).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # demands both
    context.sslsocket_class = _Timely
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


def _done(said: Any) -> Answer:
    text = said[2][3].decode("utf-8", "replace").rstrip("\0")
    return Answer(said[0][3], RESULT_CODES[said[0][3]], text)


def _entry(said: Any) -> Found:
    (*_, dn), (*_, attributes) = said
    values = {}
    for *_, (name, given) in attributes:
        if given[3]:
            values[name[3].decode()] = [one for *_, one in given[3]]
    return dn.decode(), values
