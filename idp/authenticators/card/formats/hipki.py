"""``hipki:pkcs7``: a CMS message of an installed HiPKI component (RFC 5652).

The component signs whatever its page gives it: the text names us, but a page that relays it
could have had it signed as well. That is why it is off unless an operator wants it, and why
what it proves is called by another ``acr``.
"""

from idp.authenticators.card.formats.document import Asked, Document, Malformed, decoded

NAME = "hipki:pkcs7"
_LONGEST_MESSAGE = 32 * 1024  # bytes of DER


def read(text: str) -> Document:
    """Take a message apart: one signer, signed attributes, its certificate inside.

    Raises:
        Malformed: it is anything else.
    """
    der = decoded(text.strip(), longest=_LONGEST_MESSAGE)
    from idp.authenticators.card.formats import cms  # noqa: PLC0415 - see there

    try:
        return cms.read(der, NAME)
    except Malformed:
        raise
    except Exception:  # noqa: BLE001 - a stranger's DER fails in more ways than are named
        raise Malformed("not a message") from None


def signed(document: Document, asked: Asked) -> bytes:
    """Give the signed attributes, after the content was found to be what was asked for.

    Raises:
        Malformed: it is the answer to another question.
    """
    if document.content != text_for(asked).encode():
        raise Malformed("content")
    return document.attributes


def text_for(asked: Asked) -> str:
    """Write what the component shows nobody and signs: readable, for whoever looks later."""
    return f"card-{asked.purpose} v1 | {asked.origin} | {nonce_for(asked.challenge)}"


def nonce_for(challenge: str) -> str:
    """Give the challenge as it is."""
    return challenge
