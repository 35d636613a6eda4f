"""A document that a card's program made, taken apart and not yet believed."""

import base64
import binascii
from dataclasses import dataclass

LONGEST_CERTIFICATE = 8 * 1024  # bytes of DER
LONGEST_SIGNATURE = 1024  # bytes


class Malformed(Exception):
    """It cannot be what it says it is."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked of the card: the bytes that it signed are made from these."""

    origin: str
    """Ours, from the configuration: scheme, host and port."""
    challenge: str
    """43 characters of base64url."""
    purpose: str


@dataclass(frozen=True, slots=True)
class Document:
    """The parts that all formats have."""

    certificate: bytes
    """DER, of whoever."""
    algorithm: str
    """A name of RFC 7518; whether it fits the key is looked at with the signature."""
    signature: bytes
    """As in RFC 7518: of elliptic curves r and s, one after the other."""
    software: str = ""
    """What made it, by its own word; for the record."""
    attributes: bytes = b""
    """CMS alone: the signed attributes as DER, what the signature is really over."""
    content: bytes = b""
    """CMS alone: the content that the attributes speak of."""


def decoded(text: str, *, longest: int) -> bytes:
    """Read base64 with its padding, nothing else among it.

    Raises:
        Malformed: it is not that, empty, or longer than ``longest`` bytes.
    """
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("not base64") from None
    if not 0 < len(found) <= longest:
        raise Malformed("length")
    return found
