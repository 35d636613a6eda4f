"""A provider that misbehaves on request: a double for what the real one never does.

Real HTTP on loopback, real signatures. The end-to-end tests use the real provider.
"""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

import msgspec
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey


@dataclass
class TinyProvider:
    """What it says; a test changes it before the app asks."""

    url: str = ""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    header: dict[str, Any] = field(default_factory=lambda: {"alg": "RS256", "kid": "one"})
    claims: dict[str, Any] = field(default_factory=dict)
    """Laid over the honest claims of the next ID token."""
    metadata: dict[str, Any] = field(default_factory=dict)
    """Laid over the honest metadata."""
    nonce: str = ""
    sub: str = "s_ming"
    token_requests: list[dict[str, str]] = field(default_factory=list)
    jwks_requests: int = 0

    def documents(self) -> dict[str, Any]:
        """Give what is answered at each address."""
        self.jwks_requests += 1
        return {
            "/.well-known/openid-configuration": {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "userinfo_endpoint": f"{self.url}/userinfo",
                "jwks_uri": f"{self.url}/jwks",
                "end_session_endpoint": f"{self.url}/logout",
                "id_token_signing_alg_values_supported": ["none", "HS256", "RS256"],
                **self.metadata,
            },
            "/jwks": {"keys": [self.key.as_dict(private=False)]},
            "/userinfo": {"sub": self.sub, "name": "王小明𠮷"},
        }

    def sign(self, claims: dict[str, Any], typ: str | None = None) -> str:
        """Sign claims as the header says."""
        header = self.header | ({"typ": typ} if typ else {})
        if header["alg"] == "none":
            segments = [_segment(header), _segment(claims), ""]
            return ".".join(segments)
        if header["alg"] == "HS256":
            return jwt.encode(header, claims, OctKey.import_key(b"k" * 32), algorithms=["HS256"])
        return jwt.encode(header, claims, self.key, algorithms=[header["alg"]])

    def tokens(self) -> dict[str, Any]:
        """Answer at the token endpoint."""
        now = int(time.time())  # noqa: TID251 - a program of its own, with the machine's clock
        honest = {
            "iss": self.url,
            "aud": "casequery",
            "sub": "s_ming",
            "nonce": self.nonce,
            "iat": now,
            "exp": now + 60,
            "sid": "session-1",
        }
        claims = {name: value for name, value in (honest | self.claims).items() if value}
        return {"access_token": "a", "token_type": "Bearer", "id_token": self.sign(claims)}


def _segment(content: dict[str, Any]) -> str:
    from idp.secret import base64url

    return base64url(msgspec.json.encode(content))


@contextlib.contextmanager
def tiny_provider() -> Iterator[TinyProvider]:
    """Run one on a free port."""
    provider = TinyProvider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            document = provider.documents().get(self.path.partition("?")[0])
            self._answer(200 if document else 404, document or {})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            provider.token_requests.append(form)
            self._answer(200, provider.tokens())

        def _answer(self, status: int, document: dict[str, Any]) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(msgspec.json.encode(document))

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        provider.url = f"http://127.0.0.1:{server.server_port}"
        Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
        yield provider
        server.shutdown()
