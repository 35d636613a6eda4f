"""``web-eid:1.0``, the authentication token of the Web eID project.

It signs the hash of the origin followed by the hash of the nonce, with the algorithm's own hash.
"""

import hashlib

import msgspec

from idp.authenticators.card.formats.document import (
    LONGEST_CERTIFICATE,
    LONGEST_SIGNATURE,
    Asked,
    Document,
    Malformed,
    decoded,
)

NAME = "web-eid:1.0"
_HASHES = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}
_LONGEST_SOFTWARE = 100


class _Token(msgspec.Struct, frozen=True, rename="camel"):
    """Members that we do not know may be there: minor versions add some."""

    unverified_certificate: str
    algorithm: str
    signature: str
    format: str
    app_version: str = ""


def read(text: str) -> Document:
    """Take a token apart.

    Raises:
        Malformed: a member is missing, or not what it has to be.
    """
    try:
        token = msgspec.json.decode(text, type=_Token)
    except (msgspec.DecodeError, UnicodeError):
        raise Malformed("not a token") from None
    if token.format not in {NAME, "web-eid:1"}:
        raise Malformed("format")
    return Document(
        certificate=decoded(token.unverified_certificate, longest=LONGEST_CERTIFICATE),
        algorithm=token.algorithm,
        signature=decoded(token.signature, longest=LONGEST_SIGNATURE),
        software=token.app_version[:_LONGEST_SOFTWARE],
    )


def signed(document: Document, asked: Asked) -> bytes:
    """Give the bytes that the card has signed if it was asked by us.

    Raises:
        Malformed: the algorithm has no hash that we know.
    """
    hashed = _HASHES.get(document.algorithm[2:])
    if hashed is None:
        raise Malformed("algorithm")
    nonce = nonce_for(asked.challenge)
    return hashed(asked.origin.encode()).digest() + hashed(nonce.encode()).digest()


def nonce_for(challenge: str) -> str:
    """Pad the challenge: the program refuses a nonce of fewer than 44 characters."""
    return challenge.ljust(44, "=")
