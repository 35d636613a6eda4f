"""A card in a virtual reader: present while its connection to vpcd stands, gone when it falls."""

import contextlib
import socket
import struct
import threading
from dataclasses import dataclass, field

from tests.labs.reader.piv import PivCard

FIRST_PORT = 35963
_GIVE_ATR = 4
_MORE = b"\x61\xff"
ANY = -1
"""Stands for every instruction."""


def _atr() -> bytes:
    """Say what card this is; the historical bytes claim chained commands."""
    historical = bytes.fromhex("8073C0211308")
    body = bytes([0x80 | len(historical), 0x01]) + historical
    check = 0
    for octet in body:
        check ^= octet
    return b"\x3b" + body + bytes([check])


@dataclass
class Tricks:
    """What the card does to whoever talks to it, by instruction."""

    delays: dict[int, float] = field(default_factory=dict)
    """Seconds before the answer."""
    instead: dict[int, bytes] = field(default_factory=dict)
    """These octets, status word and all, instead of the answer."""
    vanish_on: set[int] = field(default_factory=set)
    """Pulled out while this instruction is at work; once."""
    hang_on: set[int] = field(default_factory=set)
    """No answer, and no end."""
    endless: set[int] = field(default_factory=set)
    """There is always more to fetch."""


@dataclass
class Plug:
    """One reader of vpcd, with the card that may be in it."""

    card: PivCard
    port: int
    tricks: Tricks = field(default_factory=Tricks)
    _wire: socket.socket | None = None
    _gone: threading.Event = field(default_factory=threading.Event)

    @property
    def is_in(self) -> bool:
        """Whether the card is in the reader."""
        return self._wire is not None

    def insert(self) -> None:
        """Put the card in."""
        if self._wire is not None:
            return
        self.card.reset()
        self._gone = threading.Event()
        self._wire = socket.create_connection(("127.0.0.1", self.port))
        self._wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        words = (self._wire, self._gone)
        threading.Thread(target=self._talk, args=words, daemon=True).start()

    def remove(self) -> None:
        """Pull the card out, whatever it is doing."""
        wire, self._wire = self._wire, None
        self._gone.set()
        if wire is not None:
            with contextlib.suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)
            wire.close()

    def _talk(self, wire: socket.socket, gone: threading.Event) -> None:
        with contextlib.suppress(OSError, EOFError):
            while True:
                message = _receive(wire)
                said = self._control(message) if len(message) == 1 else self._obey(message, gone)
                if said is not None:
                    wire.sendall(struct.pack(">H", len(said)) + said)
        if self._wire is wire:
            self.remove()

    def _control(self, message: bytes) -> bytes | None:
        if message[0] == _GIVE_ATR:
            return _atr()
        self.card.reset()
        return None

    def _obey(self, message: bytes, gone: threading.Event) -> bytes | None:
        tricks, ins = self.tricks, message[1]
        known = {ins, ANY}
        if known & tricks.vanish_on:
            tricks.vanish_on -= known
            self.remove()
            return None
        if known & tricks.hang_on:
            gone.wait()
            return None
        gone.wait(tricks.delays.get(ins, tricks.delays.get(ANY, 0)))
        if known & tricks.endless:
            return b"\0" * 254 + _MORE
        answer = self.card.answer(message)
        return tricks.instead.get(ins, tricks.instead.get(ANY, answer))


def _receive(wire: socket.socket) -> bytes:
    return _read(wire, struct.unpack(">H", _read(wire, 2))[0])


def _read(wire: socket.socket, count: int) -> bytes:
    read = b""
    while len(read) < count:
        # vpcd writes a length and its body apart; acknowledging late costs 40 ms a command.
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        chunk = wire.recv(count - len(read))
        if not chunk:
            raise EOFError
        read += chunk
    return read
