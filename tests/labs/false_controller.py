"""A double of a domain controller: says over TLS whatever real ones here do not say.

It speaks as much BER as a bind takes and a search that finds nothing. A stranger
(:func:`stranger`) speaks nothing and remembers what it was told.
"""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from demo.samba.authority import Leaf

CHANNEL_BINDING = (
    "80090346: LdapErr: DSID-0C090569, comment: AcceptSecurityContext error, data 80090346, v4563"
)
_BIND_REQUEST, _BIND_RESPONSE = 0x60, 0x61
_SEARCH_REQUEST, _SEARCH_DONE = 0x63, 0x65


@dataclass
class FalseController:
    """What it answers, one after the other; the last again and again."""

    port: int
    answers: list[tuple[int, str]]
    """Result codes and texts; with 10 (referral) an address, and with -1 nothing is said."""
    binds: int = 0
    about_searches: tuple[int, str] = (0, "")
    """What it answers those."""
    names_another: bool = False
    """Whether its answers to searches are to another message than was sent."""


@dataclass
class Stranger:
    """Somebody whom nobody should talk to."""

    port: int
    heard: bytearray = field(default_factory=bytearray)
    calls: int = 0


@contextlib.contextmanager
def false_controller(leaf: Leaf, *answers: tuple[int, str]) -> Iterator[FalseController]:
    """Answer on a port of 127.0.0.1."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(leaf.certificate, leaf.key)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        one = FalseController(listening.getsockname()[1], list(answers))

        def serve() -> None:
            while True:
                try:
                    raw, _ = listening.accept()
                except OSError:
                    return
                threading.Thread(target=_serve, args=(context, raw, one), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield one
        listening.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def stranger() -> Iterator[Stranger]:
    """Listen in clear on a port of 127.0.0.1."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        one = Stranger(listening.getsockname()[1])

        def hear() -> None:
            while True:
                try:
                    caller, _ = listening.accept()
                except OSError:
                    return
                one.calls += 1
                with contextlib.suppress(OSError), caller:
                    caller.settimeout(1)
                    one.heard += caller.recv(4096)

        threading.Thread(target=hear, daemon=True).start()
        yield one
        listening.shutdown(socket.SHUT_RDWR)


def _serve(context: ssl.SSLContext, raw: socket.socket, one: FalseController) -> None:
    with contextlib.suppress(OSError), raw, context.wrap_socket(raw, True) as caller:
        while request := caller.recv(4096):
            message_id, operation = _opened(request)
            if operation == _BIND_REQUEST:
                one.binds += 1
                code, text = one.answers[0] if len(one.answers) == 1 else one.answers.pop(0)
                _tell(caller, message_id, _BIND_RESPONSE, code, text)
            elif operation == _SEARCH_REQUEST:
                if one.names_another:
                    message_id = b"\x02\x01\x7f"
                _tell(caller, message_id, _SEARCH_DONE, *one.about_searches)
            else:
                return


def _tell(caller: ssl.SSLSocket, message_id: bytes, operation: int, code: int, text: str) -> None:
    if code >= 0:
        caller.sendall(_value(0x30, message_id + _value(operation, _result(code, text))))


def _result(code: int, text: str) -> bytes:
    told = _value(0x04, text.encode())
    referral = _value(0xA3, told) if code == 10 else b""
    return b"\x0a\x01" + bytes([code]) + b"\x04\x00" + told + referral


def _opened(request: bytes) -> tuple[bytes, int]:
    """Give the message's id as it stands there, and the tag of what is asked."""
    start = 2 if request[1] < 128 else 2 + (request[1] & 127)
    end = start + 2 + request[start + 1]
    return request[start:end], request[end]


def _value(tag: int, content: bytes) -> bytes:
    length = len(content)
    head = bytes([tag, length]) if length < 128 else bytes([tag, 0x82, *length.to_bytes(2, "big")])
    return head + content
