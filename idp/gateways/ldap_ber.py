"""The one request that a directory is asked all day, written as it goes over the wire (BER).

ldap3 builds it out of a few hundred objects, which costs more processor time than everything else
about a search. It still reads the filter; what is written here is octet for octet what it writes.
Pure.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from ldap3.operation.search import (
    AND,
    MATCH_EQUAL,
    MATCH_EXTENSIBLE,
    MATCH_PRESENT,
    OR,
    parse_filter,
)

BASE, SUBTREE = 0, 2
"""Scopes (RFC 4511 section 4.5.1.2): that entry, and all below it as well."""
_SEQUENCE, _OCTETS, _INTEGER, _SEARCH = 0x30, 0x04, 0x02, 0x63
_ALL, _ANY, _EQUAL, _PRESENT, _EXTENSIBLE = 0xA0, 0xA1, 0xA3, 0x87, 0xA9
_ALIASES_FOLLOWED, _NO_TIME_LIMIT, _VALUES_TOO = b"\x0a\x01\x03", b"\x02\x01\x00", b"\x01\x01\x00"


def search_request(
    number: int, base: str, filter_: str, attributes: Sequence[str], *, scope: int, limit: int
) -> bytes:
    """Write a message that asks for a search (RFC 4511 sections 4.1.1 and 4.5.1).

    Raises:
        ValueError: the filter has something in it that nobody here asks.
        LDAPInvalidFilterError: it is none.
    """
    root = parse_filter(filter_, None, False, False, None, False)
    asked = (
        _octets(base),
        bytes((0x0A, 1, scope)),
        _ALIASES_FOLLOWED,
        _integer(limit),
        _NO_TIME_LIMIT,
        _VALUES_TOO,
        _filter(root.elements[0]),
        _value(_SEQUENCE, map(_octets, attributes)),
    )
    return _value(_SEQUENCE, (_integer(number), _value(_SEARCH, asked)))


def _filter(node: Any) -> bytes:
    if node.tag in {AND, OR}:
        return _value(_ALL if node.tag == AND else _ANY, map(_filter, node.elements))
    asserted = node.assertion
    if node.tag == MATCH_EQUAL:
        pair = (_octets(asserted["attr"]), _value(_OCTETS, (_unescaped(asserted["value"]),)))
        return _value(_EQUAL, pair)
    if node.tag == MATCH_PRESENT:
        return _value(_PRESENT, (asserted["attr"].encode(),))
    if node.tag == MATCH_EXTENSIBLE and not asserted["dnAttributes"]:
        parts = (asserted["matchingRule"], asserted["attr"], _unescaped(asserted["value"]))
        return _value(_EXTENSIBLE, map(_part, (0x81, 0x82, 0x83), parts))
    raise ValueError("a kind of filter that is never asked")


def _unescaped(value: bytes) -> bytes:
    """Give the octets that a value in a filter stands for (RFC 4515 section 3)."""
    first, *rest = value.split(b"\\")
    return first + b"".join(bytes((int(one[:2], 16),)) + one[2:] for one in rest)


def _part(tag: int, content: str | bytes) -> bytes:
    return _value(tag, (content.encode() if isinstance(content, str) else content,))


def _octets(text: str) -> bytes:
    return _value(_OCTETS, (text.encode(),))


def _integer(number: int) -> bytes:
    """Write an integer that is not below zero; its first bit is a sign."""
    return _value(_INTEGER, (number.to_bytes(number.bit_length() // 8 + 1, "big"),))


def _value(tag: int, contents: Iterable[bytes]) -> bytes:
    content = b"".join(contents)
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    size = (length.bit_length() + 7) // 8
    return bytes((tag, 0x80 | size)) + length.to_bytes(size, "big") + content
