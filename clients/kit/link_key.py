"""The app's encryption key: what the provider sends to be linked is for nobody else to read."""

from typing import Any

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

ALG, ENC = "ECDH-ES", "A256GCM"
_REGISTRY = jwe.JWERegistry(algorithms=[ALG, ENC])


class Unreadable(Exception):
    """It was not encrypted to this app, or in a way it does not take."""


class LinkKey:
    """A key pair for encryption (RFC 7518 section 4.6).

    A lost key loses nothing: the provider reads the new one when it next has something to send.
    """

    def __init__(self, key: ECKey) -> None:
        self._key = key
        self._kid = key.thumbprint()

    def public(self) -> dict[str, Any]:
        """Give the JWK that requests are encrypted to."""
        return {**self._key.as_dict(private=False), "kid": self._kid, "alg": ALG, "use": "enc"}

    def opened(self, token: str) -> str:
        """Decrypt a JWE; gives the JWS within, which proves itself or proves nothing.

        Raises:
            Unreadable: another key, another algorithm, or no JWE at all.
        """
        try:
            found = jwe.decrypt_compact(token, self._key, registry=_REGISTRY)
            return (found.plaintext or b"").decode("ascii")
        except (JoseError, ValueError, TypeError, KeyError) as wrong:
            raise Unreadable(type(wrong).__name__) from wrong
