"""``twcard:1``, the format of this project's bridge.

The bridge, not the page, puts in the origin that the browser attests; the purpose is under the
signature as well, and the first line keeps these bytes apart from anything else that a key on a
card may ever sign: it is the same key that signs contracts.
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

NAME = "twcard:1"
_TAG = "twcard-auth-v1"
_LONGEST_SOFTWARE = 100  # characters


class _Context(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    purpose: str


class _Token(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: str
    alg: str
    certificate: str
    signature: str
    context: _Context
    bridge: str = ""


def read(text: str) -> Document:
    """Take a token apart.

    Raises:
        Malformed: a member is missing, unknown, or not what it has to be.
    """
    try:
        token = msgspec.json.decode(text, type=_Token)
    except (msgspec.DecodeError, UnicodeError):
        raise Malformed("not a token") from None
    if token.format != NAME:
        raise Malformed("format")
    if len(token.bridge) > _LONGEST_SOFTWARE:
        raise Malformed("bridge")
    return Document(
        certificate=decoded(token.certificate, longest=LONGEST_CERTIFICATE),
        algorithm=token.alg,
        signature=decoded(token.signature, longest=LONGEST_SIGNATURE),
        software=token.bridge,
    )


def signed(_document: Document, asked: Asked) -> bytes:
    """Give the bytes that the card has signed if it was asked by us, for this.

    The purpose is ours, not the one that the token says.
    """
    parts = (asked.origin, nonce_for(asked.challenge), asked.purpose)
    hashed = (hashlib.sha256(part.encode()).hexdigest() for part in parts)
    return "".join(f"{line}\n" for line in (_TAG, *hashed)).encode()


def nonce_for(challenge: str) -> str:
    """Give the challenge as it is."""
    return challenge
