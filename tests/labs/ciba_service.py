"""A service as the Foundation's CIBA plan has it: asks a person by itself, and waits.

It signs what it asks, proves itself by a key or a certificate, and its tokens are bound to
its certificate.
"""

import secrets
from dataclasses import dataclass, field
from typing import Any

from werkzeug.test import TestResponse

from idp.clock import seconds
from idp.config import ClientSection
from idp.oidc.vocabulary import AuthMethod
from tests.clock import MovableClock
from tests.labs import scrutiny
from tests.labs.certificates import Issued
from tests.labs.fapi_party import CERTIFICATE
from tests.labs.relying_party import authenticated
from tests.labs.signing import Key, claims_of, signed
from tests.people import BASE, Browser, Person, dropped

GRANT = "urn:openid:params:grant-type:ciba"


@dataclass
class CibaService:
    """A registered service, and the browser of the person whom it asks."""

    browser: Browser
    clock: MovableClock
    registration: ClientSection
    key: Key
    certificate: Issued
    person: Person
    notification_token: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    @property
    def client_id(self) -> str:
        """Its name."""
        return self.registration.client_id

    @property
    def proves_a_key(self) -> bool:
        """Whether it sends assertions; it shows its certificate in any case."""
        method = self.registration.token_endpoint_auth_method
        return method == AuthMethod.PRIVATE_KEY_JWT.value

    @property
    def is_pinged(self) -> bool:
        """Whether it wants to be told when somebody has decided."""
        return self.registration.backchannel_token_delivery_mode == "ping"

    def request(self, **changes: Any) -> dict[str, Any]:
        """Write a request; a change to ``None`` leaves a claim out."""
        now = seconds(self.clock())
        claims = {
            "iss": self.client_id,
            "aud": BASE,
            "iat": now,
            "nbf": now,
            "exp": now + 300,
            "jti": secrets.token_urlsafe(12),
            "scope": "openid",
            "login_hint": self.person.account_name.lower(),
            "client_notification_token": self.notification_token if self.is_pinged else None,
        }
        return claims | changes

    def ask(self, header: dict[str, Any] | None = None, **changes: Any) -> TestResponse:
        """Ask the person something."""
        return self.send(signed(self.key, self.request(**changes), header))

    def send(self, request: str, **form: str) -> TestResponse:
        """Take a request object to the backchannel authentication endpoint."""
        return self.post("/bc-authorize", {"request": request} | form)

    def asked(self, **changes: Any) -> str:
        """Ask the person something that can be asked; gives what to poll with."""
        reply = self.ask(**changes)
        assert (reply.status_code, reply.content_type) == (200, "application/json"), reply.text
        document: dict[str, Any] = reply.json or {}
        scrutiny.demand_handle(document["auth_req_id"], bits=128)
        assert isinstance(document["expires_in"], int)
        assert document["interval"] > 0
        return str(document["auth_req_id"])

    def post(self, path: str, form: dict[str, str]) -> TestResponse:
        """Call an endpoint, with what proves the service."""
        given = authenticated(self.assertion()) if self.proves_a_key else {}
        own = given or {"client_id": self.client_id}
        return self.browser.post(path, dropped(own | form), **self.shown())

    def shown(self) -> dict[str, str]:
        """Its certificate, as the proxy in front of us tells it."""
        return {CERTIFICATE: self.certificate.rfc9440}

    def assertion(self, header: dict[str, Any] | None = None, **changes: Any) -> str:
        """Write an assertion of who it is: for the token endpoint, for a minute."""
        now = seconds(self.clock())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": f"{BASE}/token",
            "jti": secrets.token_urlsafe(12),
            "iat": now,
            "exp": now + 60,
        }
        return signed(self.key, claims | changes, header)

    def poll(self, auth_req_id: str, **changes: str) -> TestResponse:
        """Ask for tokens."""
        return self.post("/token", {"grant_type": GRANT, "auth_req_id": auth_req_id} | changes)

    def tokens(self, auth_req_id: str) -> dict[str, Any]:
        """Get the tokens of a request that was allowed, and look at them."""
        document = scrutiny.demand_tokens(self.poll(auth_req_id))
        scrutiny.demand_handle(document["access_token"], bits=128)
        assert list(claims_of(document["access_token"])["cnf"]) == ["x5t#S256"]
        keys = scrutiny.keys_of(self.browser.get("/jwks").json)
        claims = scrutiny.demand_id_token(
            document["id_token"], keys, seconds(self.clock()), alg="ES256", aud=self.client_id
        )
        assert claims["sub"] == self.person.sub
        return document

    def userinfo(self, token: str, **headers: str) -> TestResponse:
        """Use a token, with whatever is shown beside it."""
        headers |= {"Authorization": f"Bearer {token}"}
        return self.browser.client.get("/userinfo", base_url=BASE, headers=headers)

    def refresh(self, refresh_token: str) -> TestResponse:
        """Take a refresh token to the token endpoint."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return self.post("/token", form)

    def decide(self, decision: str) -> None:
        """Let the person decide on the page that lists what waits."""
        self.browser.get("/requests")
        self.browser.follow()
        if "/signin/password" in self.browser.trail[-1]:
            self.browser.sign_in(self.person)
        self.browser.post("/requests", self.browser.hidden() | {"decision": decision})
        self.browser.follow()
