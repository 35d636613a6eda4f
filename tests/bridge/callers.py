"""A page that talks to the bridge, as far as its HTTP goes."""

import hashlib
import http.client
import json
import secrets
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

SITE = "https://idp.example"


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


def nonce() -> str:
    """Make a nonce as the server makes one."""
    return urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")


def request(**changes: Any) -> dict[str, Any]:
    """Make a good request, with changes."""
    asked: dict[str, Any] = {
        "v": 1,
        "purpose": "login",
        "nonce": nonce(),
        "kinds": ["moica", "moeaca", "gca", "xca"],
        "lang": "zh-TW",
    }
    return {name: value for name, value in (asked | changes).items() if value is not ...}


class Caller:
    """A page of a site that may ask."""

    def __init__(self, port: int, origin: str = SITE) -> None:
        self.port = port
        self.origin = origin

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str | None] | None = None,
    ) -> Reply:
        """Make a call with the headers a browser sends; a header of ``None`` is left away."""
        usual: dict[str, str | None] = {
            "Host": f"127.0.0.1:{self.port}",
            "Origin": self.origin,
            "X-Cardbridge": "1",
            "Sec-Fetch-Site": "cross-site",
            "Sec-Fetch-Mode": "cors",
            "Sec-Fetch-Dest": "empty",
            "Content-Type": "application/json" if method == "POST" else None,
        }
        sent = {name: value for name, value in (usual | dict(headers or {})).items() if value}
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, raw, sent)
            answer = connection.getresponse()
            return Reply(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def ticket(self) -> str:
        """Fetch a ticket."""
        ticket: str = self.call("POST", "/v1/hello", {}).json["ticket"]
        return ticket

    def status(self) -> Reply:
        """Ask for reader and card with a fresh ticket."""
        return self.call("GET", "/v1/status", headers={"X-Cardbridge-Ticket": self.ticket()})

    def authenticate(self, asked: Any, **headers: str | None) -> Reply:
        """Ask for a sign-in with a fresh ticket."""
        named = {"X-Cardbridge-Ticket": self.ticket()} | headers
        return self.call("POST", "/v1/authenticate", asked, named)


def signed(origin: str, asked: dict[str, Any]) -> bytes:
    """Build the signed bytes as the server does, by the words of the design."""
    parts = (origin, asked["nonce"], asked["purpose"])
    lines = ["twcard-auth-v1", *(hashlib.sha256(part.encode()).hexdigest() for part in parts)]
    return "".join(f"{line}\n" for line in lines).encode()


def verify(token: dict[str, Any], octets: bytes) -> None:
    """Verify a token's signature by its certificate."""
    key = x509.load_der_x509_certificate(b64decode(token["certificate"])).public_key()
    signature = b64decode(token["signature"])
    if isinstance(key, rsa.RSAPublicKey):
        assert token["alg"] == "RS256"
        key.verify(signature, octets, padding.PKCS1v15(), hashes.SHA256())
        return
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert token["alg"] == {256: "ES256", 384: "ES384"}[key.curve.key_size]
    half = len(signature) // 2
    r, s = (int.from_bytes(part, "big") for part in (signature[:half], signature[half:]))
    hashed = hashes.SHA256() if token["alg"] == "ES256" else hashes.SHA384()
    key.verify(encode_dss_signature(r, s), octets, ec.ECDSA(hashed))
