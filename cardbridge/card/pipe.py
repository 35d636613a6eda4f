"""What passes between front and card worker: messages in JSON, and PINs that are none.

A frame is a kind (one byte), a length (four) and that many bytes. A PIN travels in a frame of
its own, read into memory that is overwritten afterwards, and is never part of a message.
"""

import json
import struct
from typing import IO, Any

MESSAGE = b"M"
PIN = b"P"
MOST_BYTES = 256 * 1024
_HEAD = struct.Struct(">cI")


class Ended(Exception):
    """The other side is gone."""


class Garbled(Exception):
    """The other side does not keep to the frames."""


def send_message(stream: IO[bytes], message: dict[str, Any]) -> None:
    """Send a message.

    Raises:
        Ended: if nobody reads.
    """
    _send(stream, MESSAGE, json.dumps(message).encode())


def send_pin(stream: IO[bytes], pin: bytearray) -> None:
    """Send a PIN; nothing of it stays in a buffer of ours.

    Raises:
        Ended: if nobody reads.
    """
    _send(stream, PIN, pin)


def _send(stream: IO[bytes], kind: bytes, body: bytes | bytearray) -> None:
    try:
        for part in (_HEAD.pack(kind, len(body)), body):
            rest = memoryview(part)
            while rest:
                rest = rest[stream.write(rest) :]
        stream.flush()
    except (OSError, ValueError):
        raise Ended from None


def receive_message(stream: IO[bytes]) -> dict[str, Any]:
    """Wait for a message.

    Raises:
        Ended: if none comes any more.
        Garbled: if something else comes.
    """
    message = json.loads(bytes(_receive(stream, MESSAGE)))
    if not isinstance(message, dict):
        raise Garbled
    return message


def receive_pin(stream: IO[bytes]) -> bytearray:
    """Wait for a PIN. Who takes it overwrites it: :func:`wipe`.

    Raises:
        Ended: if none comes any more.
        Garbled: if something else comes.
    """
    return _receive(stream, PIN)


def _receive(stream: IO[bytes], wanted: bytes) -> bytearray:
    kind, length = _HEAD.unpack(_read_whole(stream, _HEAD.size))
    if kind != wanted or length > MOST_BYTES:
        raise Garbled
    return _read_whole(stream, length)


def _read_whole(stream: IO[bytes], length: int) -> bytearray:
    whole = bytearray(length)
    rest = memoryview(whole)
    while rest:
        try:
            taken = stream.readinto(rest)  # type: ignore[attr-defined]  # unbuffered streams do
        except (OSError, ValueError):
            raise Ended from None
        if not taken:
            raise Ended
        rest = rest[taken:]
    return whole


def wipe(secret: bytearray) -> None:
    """Overwrite a secret where it stands."""
    secret[:] = bytes(len(secret))
