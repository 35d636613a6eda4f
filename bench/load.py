"""A few users who never rest: threads, each on connections that stay open."""

import base64
import hashlib
import http.client
import json
import re
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc.jwk import ECKey

from idp.clock import seconds, system_clock
from tests.labs.signing import base64url, signed
from tests.people import CHALLENGE, PASSWORD, VERIFIER

CALLBACK = "http://localhost:8787/callback"
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True, slots=True)
class Answer:
    """A response, read whole."""

    status: int
    location: str
    cookies: list[str]
    body: bytes


@dataclass
class User:
    """A browser and the app behind it."""

    port: int
    client_id: str
    secret: str
    account_name: str
    cookies: dict[str, str] = field(default_factory=dict)
    access_token: str = ""
    refresh_token: str = ""

    def __post_init__(self) -> None:
        self._connection = http.client.HTTPConnection("localhost", self.port, timeout=30)
        credentials = f"{self.client_id}:{self.secret}".encode()
        self._key = ECKey.generate_key("P-256")
        self._basic = f"Basic {base64.b64encode(credentials).decode()}"

    def rest(self) -> None:
        """Let the connection go: the server keeps none that is idle for long."""
        self._connection.close()

    def sign_in(self) -> None:
        """Go through the sign-in page once; what is measured starts after that."""
        page = self._get(self._get(self._request()).location)
        fields = dict(re.findall(rb'type="hidden" name="(\w+)" value="([^"]*)"', page.body))
        form = {name.decode(): value.decode() for name, value in fields.items()}
        done = self._post(
            "/signin/password", form | {"username": self.account_name, "password": PASSWORD}
        )
        assert self._get(done.location).location.startswith(CALLBACK), done

    def sign_in_anew(self) -> None:
        """Sign in as a browser that has never been here: five pages and one Argon2."""
        self.cookies.clear()
        self.sign_in()

    def flow(self) -> None:
        """Authorize, redeem, ask who it is: counted only if all of it was right."""
        location = self._get(self._request()).location
        code = parse_qs(urlsplit(location).query)["code"][0]
        tokens = self._token(
            grant_type="authorization_code",
            code=code,
            redirect_uri=CALLBACK,
            code_verifier=VERIFIER,
        )
        self.access_token, self.refresh_token = tokens["access_token"], tokens["refresh_token"]
        assert tokens["id_token"]
        self.userinfo()

    def pushed_and_bound_flow(self) -> None:
        """The same with a pushed request and every token bound to a key (PAR and DPoP)."""
        proven = self._proven("POST", "/par")
        pushed = self._send("POST", "/par", urlencode(self._parameters()), proven)
        reference = json.loads(pushed.body)["request_uri"]
        query = urlencode({"client_id": self.client_id, "request_uri": reference})
        code = parse_qs(urlsplit(self._get(f"/authorize?{query}").location).query)["code"][0]
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
        }
        bought = self._send("POST", "/token", urlencode(form), self._proven("POST", "/token"))
        token = json.loads(bought.body)["access_token"]
        headers = {
            "Authorization": f"DPoP {token}",
            "DPoP": self._proof("GET", "/userinfo", token),
        }
        assert self._send("GET", "/userinfo", None, headers).status == 200

    def _proven(self, method: str, path: str) -> dict[str, str]:
        return _FORM | {"Authorization": self._basic, "DPoP": self._proof(method, path)}

    def _proof(self, method: str, path: str, token: str = "") -> str:
        claims: dict[str, object] = {
            "jti": secrets.token_urlsafe(16),
            "htm": method,
            "htu": f"http://localhost:{self.port}{path}",
            "iat": seconds(system_clock()),
        }
        if token:
            claims["ath"] = base64url(hashlib.sha256(token.encode()).digest())
        header = {"typ": "dpop+jwt", "jwk": self._key.as_dict(private=False), "kid": None}
        return signed(self._key, claims, header)

    def refresh(self) -> None:
        """Use the refresh token and keep its successor."""
        tokens = self._token(grant_type="refresh_token", refresh_token=self.refresh_token)
        self.refresh_token = tokens["refresh_token"]

    def client_credentials(self) -> None:
        """Ask for a token for the app itself."""
        assert self._token(grant_type="client_credentials", scope="api")["access_token"]

    def userinfo(self) -> None:
        """Ask who it is."""
        headers = {"Authorization": f"Bearer {self.access_token}"}
        assert self._send("GET", "/userinfo", None, headers).status == 200

    def introspect(self) -> None:
        """Ask what the access token is worth."""
        form = urlencode({"token": self.access_token})
        answer = self._send("POST", "/introspect", form, _FORM | {"Authorization": self._basic})
        assert json.loads(answer.body)["active"]

    def discovery(self) -> None:
        """Read the metadata."""
        assert self._send("GET", "/.well-known/openid-configuration", None, {}).status == 200

    def _request(self) -> str:
        return f"/authorize?{urlencode(self._parameters())}"

    def _parameters(self) -> dict[str, str]:
        return {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": CALLBACK,
            "scope": "openid profile email",
            "state": "s",
            "nonce": "n",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }

    def _get(self, path: str) -> Answer:
        return self._with_cookies("GET", path, None, {})

    def _post(self, path: str, form: dict[str, str]) -> Answer:
        return self._with_cookies("POST", path, urlencode(form), _FORM)

    def _token(self, **form: str) -> dict[str, str]:
        headers = _FORM | {"Authorization": self._basic}
        answer = self._send("POST", "/token", urlencode(form), headers)
        assert answer.status == 200, answer
        found: dict[str, str] = json.loads(answer.body)
        return found

    def _with_cookies(
        self, method: str, path: str, body: str | None, headers: dict[str, str]
    ) -> Answer:
        held = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self._send(method, path, body, headers | ({"Cookie": held} if held else {}))
        for one in answer.cookies:
            name, _, value = one.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    def _send(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> Answer:
        self._connection.request(method, path, body, headers)
        response = self._connection.getresponse()
        cookies = response.headers.get_all("Set-Cookie", [])
        return Answer(
            response.status, response.headers.get("Location", ""), cookies, response.read()
        )


@dataclass(frozen=True, slots=True)
class Figures:
    """What one kind of work gave."""

    per_second: float
    p95_ms: float
    cpu_ms: float


def measure(
    users: list[User], work: Callable[[User], None], seconds: float, cpu: Callable[[], float]
) -> Figures:
    """Let all users work at once; ``cpu`` gives the server's processor seconds so far."""
    laps: list[float] = []
    until = time.monotonic() + seconds

    def toil(user: User) -> None:
        while time.monotonic() < until:
            began = time.perf_counter()
            work(user)
            laps.append(time.perf_counter() - began)

    threads = [threading.Thread(target=toil, args=(user,)) for user in users]
    before, began = cpu(), time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took, spent = time.perf_counter() - began, cpu() - before
    ordered = sorted(laps)
    return Figures(
        len(laps) / took, ordered[int(len(ordered) * 0.95)] * 1000, spent / len(laps) * 1000
    )
