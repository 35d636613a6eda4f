"""The app's signing key: what it proves itself with, where it has no secret (RFC 7523).

The provider has the public half, by the registration's ``jwks`` or at its ``jwks_uri``.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.jwk import ECKey

METHOD = "private_key_jwt"
_ALG = "ES256"
_LIFETIME = timedelta(minutes=1)


class ClientKey:
    """A key pair for signatures (RFC 7518 section 3.4)."""

    def __init__(self, key: ECKey) -> None:
        self.private = key
        self._kid = key.thumbprint()

    def public(self) -> dict[str, Any]:
        """Give the JWK that signatures are verified with."""
        return {
            **self.private.as_dict(private=False),
            "kid": self._kid,
            "alg": _ALG,
            "use": "sig",
        }

    def method(self, issuer: str, now: datetime) -> PrivateKeyJWT:
        """Give Authlib's way of signing, for one request.

        Made anew each time: where it is handed claims, Authlib puts its ``jti`` among them and
        would send the same one again. It is told the time, for it would take an hour by the
        machine's clock; and the audience is the issuer, which every profile takes (FAPI 2.0
        section 5.3.2.1).
        """
        issued = int(now.timestamp())
        claims = {
            "jti": str(uuid4()),
            "iat": issued,
            "exp": issued + int(_LIFETIME.total_seconds()),
        }
        return PrivateKeyJWT(issuer, claims, {"kid": self._kid}, _ALG)

    @property
    def seed(self) -> str:
        """What only this app knows, for keys that are derived from it."""
        return str(self.private.as_dict(private=True)["d"])
