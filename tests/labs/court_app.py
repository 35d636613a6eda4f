"""A relying app of a court, at an address of its own: it says who has signed in to it."""

import contextlib
import json
import secrets
import threading
from collections.abc import Generator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2

from tests.labs.ports import free_port
from tests.labs.signing import claims_of
from tests.people import CHALLENGE, SECRET, VERIFIER

CLIENT_ID = "court-app"


@dataclass
class CourtApp:
    """Answers ``/`` by a sign-in, and ``/callback`` with what it was told, as JSON."""

    url: str
    provider: str = ""
    states: set[str] = field(default_factory=set)
    visits: list[dict[str, Any]] = field(default_factory=list)
    """What it was told at each sign-in that came to its end."""

    @property
    def callback(self) -> str:
        """Where it wants its answers."""
        return f"{self.url}/callback"

    def wish(self, **more: str) -> str:
        """Give the address of an authorization request."""
        state = secrets.token_urlsafe()
        self.states.add(state)
        query = {
            "response_type": "code",
            "client_id": CLIENT_ID,
            "redirect_uri": self.callback,
            "scope": "openid profile judiciary",
            "state": state,
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        return f"{self.provider}/authorize?{urlencode(query | more)}"

    def hear(self, query: str) -> dict[str, Any]:
        """Take an answer: once for each request, and redeem what came with it."""
        told = dict(parse_qsl(query))
        self.states.remove(told["state"])
        form = {
            "grant_type": "authorization_code",
            "code": told["code"],
            "redirect_uri": self.callback,
            "code_verifier": VERIFIER,
        }
        answer = httpx2.post(f"{self.provider}/token", data=form, auth=(CLIENT_ID, SECRET))
        bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        of_person = httpx2.get(f"{self.provider}/userinfo", headers=bearer).json()
        claims: dict[str, Any] = claims_of(answer.json()["id_token"]) | of_person
        self.visits.append(claims)
        return claims


@contextlib.contextmanager
def court_app() -> Generator[CourtApp]:
    """Run the app until the block ends; it is to be told who its provider is."""
    port = free_port()
    app = CourtApp(f"http://localhost:{port}")

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/callback":
                body = json.dumps(app.hear(parts.query), ensure_ascii=False).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                return
            found = parts.path == "/"
            self.send_response(303 if found else 404)
            if found:
                self.send_header("Location", app.wish(**dict(parse_qsl(parts.query))))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield app
    finally:
        server.shutdown()
        server.server_close()
