"""The few words of DER (X.690) that the lab writes by hand.

By hand where a library would not: attributes of private arcs, signatures that no library still
makes, and lists so long that a builder which copies them for each entry needs minutes.
"""

from datetime import datetime

_YEAR_OF_GENERALIZED_TIME = 2050  # RFC 5280 section 4.1.2.5


def tlv(tag: int, *parts: bytes) -> bytes:
    """Write one element; ``tag`` is the whole identifier octet."""
    body = b"".join(parts)
    return bytes([tag]) + _length(len(body)) + body


def _length(size: int) -> bytes:
    if size < 0x80:
        return bytes([size])
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(digits)]) + digits


def sequence(*parts: bytes) -> bytes:
    """Write a SEQUENCE or a SEQUENCE OF."""
    return tlv(0x30, *parts)


def set_of(*parts: bytes) -> bytes:
    """Write a SET OF; DER wants its members in the order of their octets."""
    return tlv(0x31, *sorted(parts))


def boolean(value: bool) -> bytes:
    """Write a BOOLEAN."""
    return tlv(0x01, b"\xff" if value else b"\x00")


def integer(value: int) -> bytes:
    """Write an INTEGER that is not negative."""
    return tlv(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def enumerated(value: int) -> bytes:
    """Write an ENUMERATED below 128."""
    return tlv(0x0A, bytes([value]))


def octets(*parts: bytes) -> bytes:
    """Write an OCTET STRING."""
    return tlv(0x04, *parts)


def bits(value: bytes) -> bytes:
    """Write a BIT STRING of whole octets."""
    return tlv(0x03, b"\x00", value)


def utf8(text: str) -> bytes:
    """Write a UTF8String."""
    return tlv(0x0C, text.encode())


def printable(text: str) -> bytes:
    """Write a PrintableString."""
    return tlv(0x13, text.encode("ascii"))


def oid(dotted: str) -> bytes:
    """Write an OBJECT IDENTIFIER."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    return tlv(0x06, *(_base128(arc) for arc in (first * 40 + second, *rest)))


def _base128(arc: int) -> bytes:
    digits = [arc & 0x7F]
    while arc := arc >> 7:
        digits.append(0x80 | arc & 0x7F)
    return bytes(reversed(digits))


def time(instant: datetime) -> bytes:
    """Write a Time of RFC 5280: UTCTime before 2050, GeneralizedTime from then on."""
    if instant.year < _YEAR_OF_GENERALIZED_TIME:
        return tlv(0x17, instant.strftime("%y%m%d%H%M%SZ").encode())
    return tlv(0x18, instant.strftime("%Y%m%d%H%M%SZ").encode())


def body(element: bytes) -> bytes:
    """Give what is inside one element."""
    return element[_head(element) :]


def first(element: bytes) -> bytes:
    """Give the first element inside a constructed one, whole."""
    inside = body(element)
    size = _head(inside) + _size(inside)
    return inside[:size]


def _head(element: bytes) -> int:
    return 2 + (element[1] & 0x7F if element[1] & 0x80 else 0)


def _size(element: bytes) -> int:
    if not element[1] & 0x80:
        return element[1]
    return int.from_bytes(element[2 : _head(element)], "big")
