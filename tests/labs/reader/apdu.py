"""Commands and answers of a smart card (ISO 7816-4), taken apart and put together."""

from dataclasses import dataclass

OK = 0x9000
WRONG_LENGTH = 0x6700
NOT_ALLOWED = 0x6982
BLOCKED = 0x6983
WRONG_PARAMETERS = 0x6A86
NOT_FOUND = 0x6A82
NO_SUCH_REFERENCE = 0x6A88
NO_SUCH_INSTRUCTION = 0x6D00
TRIES_LEFT = 0x63C0

SELECT = 0xA4
GET_DATA = 0xCB
VERIFY = 0x20
CHANGE_PIN = 0x24
RESET_PIN = 0x2C
AUTHENTICATE = 0x87
GET_RESPONSE = 0xC0

_CHAINING = 0x10
_SHORT = 256


class Malformed(Exception):
    """No command at all."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command, short or extended."""

    ins: int
    p1: int
    p2: int
    data: bytes = b""
    expected: int = _SHORT
    chained: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """Data and status word."""

    status: int = OK
    data: bytes = b""


def parse(raw: bytes) -> Command:
    """Take a command apart."""
    if len(raw) < 4:
        raise Malformed
    chained = bool(raw[0] & _CHAINING)
    data, expected = _body(raw[4:])
    return Command(raw[1], raw[2], raw[3], data, expected, chained)


def _body(body: bytes) -> tuple[bytes, int]:
    if len(body) <= 1:
        return b"", (body[0] if body else 0) or _SHORT
    if body[0] == 0 and len(body) >= 3:
        size = int.from_bytes(body[1:3], "big")
        return body[3 : 3 + size] if len(body) > 3 else b"", 65536
    size = body[0]
    rest = body[1 + size :]
    return body[1 : 1 + size], (rest[0] if rest else 0) or _SHORT


def tlv(tag: int, *parts: bytes) -> bytes:
    """Write a BER-TLV with a tag of one to three octets."""
    body = b"".join(parts)
    head = tag.to_bytes((tag.bit_length() + 7) // 8, "big")
    if len(body) < 0x80:
        return head + bytes([len(body)]) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return head + bytes([0x80 | len(size)]) + size + body


def read_tlvs(raw: bytes) -> dict[int, bytes]:
    """Read a row of BER-TLVs with tags of one octet."""
    found: dict[int, bytes] = {}
    while len(raw) >= 2:
        tag, size, start = raw[0], raw[1], 2
        if size & 0x80:
            start += size & 0x7F
            size = int.from_bytes(raw[2:start], "big")
        found[tag] = raw[start : start + size]
        raw = raw[start + size :]
    return found
