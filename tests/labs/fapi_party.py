"""A client of FAPI 2.0 as the Foundation's suite is one, in each of the ways it runs as.

It pushes what it asks, proves a key or shows a certificate, and looks at every answer.
"""

import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from werkzeug.test import TestResponse

from idp.clock import seconds
from idp.config import ClientSection
from tests.clock import MovableClock
from tests.labs import scrutiny
from tests.labs.certificates import Issued
from tests.labs.relying_party import Outcome, authenticated
from tests.labs.signing import Key, claims_of, signed
from tests.people import BASE, CHALLENGE, VERIFIER, Browser, Person, dropped
from tests.protocol.test_dpop import ath, proof

ALG = "ES256"
CERTIFICATE = "X-Client-Cert"


@dataclass
class FapiParty:
    """A registered client, and the browser of whoever uses it."""

    browser: Browser
    clock: MovableClock
    registration: ClientSection
    key: Key
    """Signs its assertions and its request objects."""
    proof_key: Key | None = None
    """Binds its tokens, unless a certificate does."""
    certificate: Issued | None = None
    signs: bool = False
    """Signs its requests, and wants signed answers (FAPI 2.0 Message Signing)."""
    sent: dict[str, str] = field(default_factory=dict)

    @property
    def client_id(self) -> str:
        """Its name."""
        return self.registration.client_id

    @property
    def redirect_uri(self) -> str:
        """Where its people come back to."""
        return self.registration.redirect_uris[0]

    def request(self, **changes: str) -> dict[str, str]:
        """Write an authorization request; a change to the empty string drops a parameter."""
        request = {
            "client_id": self.client_id,
            "response_type": "code",
            "response_mode": "jwt" if self.signs else "",
            "redirect_uri": self.redirect_uri,
            "scope": "openid",
            "state": secrets.token_urlsafe(12),
            "nonce": secrets.token_urlsafe(12),
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        self.sent = dropped(request | changes)
        return self.sent

    def object(self, content: dict[str, Any], header: dict[str, Any] | None = None) -> str:
        """Sign a request; what is ``None`` in it is left out."""
        now = seconds(self.clock())
        own = {"iss": self.client_id, "aud": BASE, "nbf": now, "exp": now + 300}
        return signed(self.key, own | content, header)

    def assertion(self, header: dict[str, Any] | None = None, **changes: Any) -> str:
        """Write an assertion of who it is: for the issuer alone, for a minute."""
        now = seconds(self.clock())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": BASE,
            "jti": secrets.token_urlsafe(12),
            "iat": now,
            "exp": now + 60,
        }
        return signed(self.key, claims | changes, header)

    def post(self, path: str, form: dict[str, str], sent: str | None = None) -> TestResponse:
        """Call an endpoint: with a certificate if it has one, with a fresh proof if it has none.

        ``sent`` takes the place of the proof; the empty string leaves it out.
        """
        if self.certificate:
            shown = {CERTIFICATE: self.certificate.rfc9440}
            return self.browser.post(path, {"client_id": self.client_id} | form, **shown)
        given = self.proof(path) if sent is None else sent
        headers = {"DPoP": given} if given else {}
        return self.browser.post(path, authenticated(self.assertion()) | form, **headers)

    def proof(self, path: str = "/token", method: str = "POST", **changes: Any) -> str:
        """Sign a proof for one request."""
        return proof(self.clock, path, method, key=self.proof_key, **changes)

    def push(self, sent: str | None = "", **changes: str) -> TestResponse:
        """Push a request; the tokens' key need not be shown with it."""
        request = self.request(**changes)
        form = {"request": self.object(request)} if self.signs else request
        return self.post("/par", form, sent)

    def pushed(self, sent: str | None = "", **changes: str) -> str:
        """Push a request, and give its reference."""
        reply = self.push(sent, **changes)
        assert reply.status_code == 201, reply.text
        assert reply.content_type == "application/json"
        document: dict[str, Any] = reply.json or {}
        scrutiny.demand_handle(document["request_uri"])
        assert 5 <= document["expires_in"] <= 600
        return str(document["request_uri"])

    def follow(self, request_uri: str, **beside: str) -> TestResponse:
        """Send the browser after a pushed request."""
        self.browser.get("/authorize", client_id=self.client_id, request_uri=request_uri, **beside)
        return self.browser.follow(until=self.redirect_uri.partition("?")[0])

    def again_in_the_open(self) -> dict[str, str]:
        """What the suite repeats beside the reference, as RFC 6749 would have it."""
        return {name: self.sent[name] for name in ("response_type", "scope", "redirect_uri")}

    def arrive(self, person: Person) -> dict[str, str]:
        """Fill in whatever page is shown, and read the answer."""
        if "/signin/password" in self.browser.trail[-1]:
            self.browser.sign_in(person)
        if "/signin/consent" in self.browser.trail[-1]:
            self.browser.consent()
        return self.answer()

    def answer(self) -> dict[str, str]:
        """Read the answer: in the query alone, from this issuer, with the state that was sent."""
        assert self.browser.last is not None
        parts = urlsplit(self.browser.last.headers.get("Location", ""))
        registered = urlsplit(self.redirect_uri)
        assert parts[:3] == registered[:3], self.browser.last.text
        assert not parts.fragment
        query, kept = parse_qsl(parts.query), parse_qsl(registered.query)
        assert query[: len(kept)] == kept
        found = dict(query[len(kept) :])
        if self.signs:
            found = self._opened(found)
        assert found["iss"] == BASE
        assert found.get("state") == self.sent.get("state")
        return found

    def _opened(self, found: dict[str, str]) -> dict[str, str]:
        assert set(found) == {"response"}
        now = seconds(self.clock())
        claims = scrutiny.demand_signed(
            found["response"], self._keys(), alg=ALG, aud=self.client_id
        )
        assert now + 10 <= claims.pop("exp") <= now + 600
        claims.pop("aud")
        return {name: value for name, value in claims.items() if name != "iat"}

    def error(self) -> dict[str, str]:
        """Read the error that travels through the browser."""
        answer = self.answer()
        scrutiny.demand_error_answer(answer)
        return answer

    def code(self, person: Person, sent: str | None = "", **changes: str) -> str:
        """Go all the way to a code."""
        request_uri = self.pushed(sent, **changes)
        self.follow(request_uri, **self.again_in_the_open())
        answer = self.arrive(person)
        assert set(answer) <= {"code", "state", "iss"}, answer
        scrutiny.demand_handle(answer["code"])
        return answer["code"]

    def redeem(self, code: str, sent: str | None = None, **changes: str) -> TestResponse:
        """Take a code to the token endpoint; a change to the empty string drops a field."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": VERIFIER,
        }
        return self.post("/token", dropped(form | changes), sent)

    def refresh(self, refresh_token: str, sent: str | None = None) -> TestResponse:
        """Take a refresh token to the token endpoint."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return self.post("/token", form, sent)

    def sign_in(self, person: Person, **changes: str) -> Outcome:
        """Go all the way to tokens, and look at everything."""
        return self.bought(self.code(person, **changes))

    def bought(self, code: str, sent: str | None = None) -> Outcome:
        """Redeem a code, and look at what it buys and at what that opens."""
        outcome = Outcome({}, tokens=scrutiny.demand_tokens(self.redeem(code, sent)))
        token = outcome.tokens["access_token"]
        scrutiny.demand_handle(token, bits=128)
        assert outcome.tokens["token_type"] == ("Bearer" if self.certificate else "DPoP")
        assert list(claims_of(token)["cnf"]) == ["x5t#S256" if self.certificate else "jkt"]
        now = seconds(self.clock())
        outcome.back = scrutiny.demand_id_token(
            outcome.tokens["id_token"], self._keys(), now, alg=ALG, aud=self.client_id
        )
        assert outcome.back.get("nonce") == self.sent.get("nonce")
        reply = self.userinfo(token)
        assert reply.status_code == 200, reply.text
        outcome.userinfo = reply.json or {}
        return outcome

    def userinfo(
        self, token: str, sent: str | None = None, *, scheme: str = "", **headers: str
    ) -> TestResponse:
        """Use a token, with what it is bound to; ``sent`` takes the place of the proof."""
        if self.certificate:
            headers |= {CERTIFICATE: self.certificate.rfc9440}
        elif sent != "":
            headers |= {"DPoP": sent or self.proof("/userinfo", "GET", ath=ath(token))}
        usual = "Bearer" if self.certificate else "DPoP"
        headers |= {"Authorization": f"{scheme or usual} {token}"}
        return self.browser.client.get("/userinfo", base_url=BASE, headers=headers)

    def _keys(self) -> Any:
        return scrutiny.keys_of(self.browser.client.get("/jwks", base_url=BASE).json)
