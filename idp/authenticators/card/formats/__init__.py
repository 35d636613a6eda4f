"""What a card's signature may come wrapped in. Pure.

A format says how its document is taken apart and over which bytes it signed. Neither the origin
nor the nonce is ever taken from the document: a server that rebuilds the signed bytes cannot
forget to compare them (Web eID architecture, and the reason why it left its first token).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from idp.authenticators.card.formats import hipki, twcard, web_eid
from idp.authenticators.card.formats.document import Asked, Document, Malformed
from idp.authenticators.card.formats.signatures import is_signature

LONGEST = 48 * 1024
"""Characters of the largest document, a CMS message with its certificates."""


class Format(StrEnum):
    """The names that documents give themselves."""

    TWCARD = twcard.NAME
    """The bridge of this project: origin, nonce and purpose, hashed, under a tag of its own."""
    WEB_EID = web_eid.NAME
    HIPKI = hipki.NAME
    """An installed component whose page types the PIN: no protection from a relaying site."""


@dataclass(frozen=True, slots=True)
class _Rules:
    read: Callable[[str], Document]
    signed: Callable[[Document, Asked], bytes]
    nonce: Callable[[str], str]


_RULES: Mapping[Format, _Rules] = {
    Format.TWCARD: _Rules(twcard.read, twcard.signed, twcard.nonce_for),
    Format.WEB_EID: _Rules(web_eid.read, web_eid.signed, web_eid.nonce_for),
    Format.HIPKI: _Rules(hipki.read, hipki.signed, hipki.nonce_for),
}


def read(format_: Format, text: str) -> Document:
    """Take a document apart; nothing in it is believed yet.

    Raises:
        Malformed: it is not of this format, too long, or says something twice.
    """
    if len(text) > LONGEST:
        raise Malformed("too long")
    return _RULES[format_].read(text)


def proves(format_: Format, document: Document, asked: Asked) -> bool:
    """Tell whether the key of the document's certificate signed what was asked for.

    Whose certificate it is, and whether it is good for anything, is not looked at here.
    """
    rules = _RULES[format_]
    try:
        content = rules.signed(document, asked)
        key = x509.load_der_x509_certificate(document.certificate).public_key()
    except (Malformed, ValueError, UnsupportedAlgorithm, x509.InvalidVersion):
        return False
    return is_signature(key, document.algorithm, document.signature, content)


def nonce_for(format_: Format, challenge: str) -> str:
    """Give the challenge (43 characters, base64url) in the form that the format's program takes."""
    return _RULES[format_].nonce(challenge)


__all__ = ["LONGEST", "Asked", "Document", "Format", "Malformed", "nonce_for", "proves", "read"]
