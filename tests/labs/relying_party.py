"""An app as the Foundation's suite is one: it registers itself, and believes nothing.

Whatever a module is about, everything it is told on the way is looked at as
``tests.labs.scrutiny`` has it.
"""

import base64
import html
import json
import re
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote_plus, urlsplit

from joserfc.jwk import RSAKey
from werkzeug.test import TestResponse

from idp.clock import seconds
from idp.oidc.vocabulary import CLIENT_ASSERTION_TYPE
from tests.clock import MovableClock
from tests.labs import scrutiny
from tests.labs.signing import signed
from tests.people import BASE, CALLBACK, Browser, Person, dropped

KEY = RSAKey.generate_key(2048)
"""The app's own key, registered without a name, as most modules do."""
_PUBLIC = {name: value for name, value in KEY.as_dict(private=False).items() if name != "kid"}


@dataclass
class Outcome:
    """What an app has after a sign-in that went well."""

    parameters: dict[str, str]
    """Of the answer, whichever way it travelled."""
    front: dict[str, Any] = field(default_factory=dict)
    """The claims of the ID token that came through the browser."""
    tokens: dict[str, Any] = field(default_factory=dict)
    """What the code bought."""
    back: dict[str, Any] = field(default_factory=dict)
    """The claims of the ID token among it."""
    userinfo: dict[str, Any] = field(default_factory=dict)
    asked_to_sign_in: bool = False

    @property
    def claims(self) -> dict[str, Any]:
        """Of the ID token that came last."""
        return self.back or self.front

    @property
    def id_token(self) -> str:
        """The ID token that came last."""
        return str(self.tokens.get("id_token") or self.parameters["id_token"])

    @property
    def access_tokens(self) -> list[str]:
        """The one the code bought, and the one that came through the browser."""
        found = (self.tokens.get("access_token"), self.parameters.get("access_token"))
        return [token for token in found if token]

    @property
    def unasked(self) -> set[str]:
        """The claims in ID tokens that are not the protocol's own."""
        return (set(self.front) | set(self.back)) - scrutiny.OF_THE_PROTOCOL

    @property
    def told(self) -> dict[str, Any]:
        """What is known of the person: by userinfo, or by the ID token where it is alone."""
        return self.userinfo or self.front


@dataclass
class RelyingParty:
    """A registered app, and the browser of whoever uses it."""

    browser: Browser
    clock: MovableClock
    response_type: str
    response_mode: str
    client: dict[str, Any]
    key: RSAKey = field(default_factory=lambda: KEY)
    metadata: dict[str, Any] = field(default_factory=dict)
    sent: dict[str, str] = field(default_factory=dict)
    """The request that was sent last."""
    verifier: str = ""
    """Of the challenge in it, where there is one."""

    @classmethod
    def register(
        cls, browser: Browser, clock: MovableClock, run: str, **changes: Any
    ) -> "RelyingParty":
        """Register as the suite does: without ``scope``, and with a key that has no name."""
        response_type, _, way = run.partition(" by ")
        if way == "private_key_jwt":
            changes = {"token_endpoint_auth_method": way} | changes
        members = registration(response_type.split(), **changes)
        reply = send(browser, "POST", "/register", members)
        assert reply.status_code == 201, reply.text
        assert reply.content_type == "application/json"
        client: dict[str, Any] = reply.json or {}
        if "client_secret" in client:
            assert isinstance(client["client_secret_expires_at"], int)
        assert client["registration_client_uri"].startswith("https://")
        metadata: Any = browser.get("/.well-known/openid-configuration").json
        assert metadata["issuer"] == BASE
        mode = way if way == "form_post" else ""
        return cls(browser, clock, response_type, mode, client, metadata=metadata)

    @property
    def client_id(self) -> str:
        """What it was called by the provider."""
        return str(self.client["client_id"])

    @property
    def redirect_uri(self) -> str:
        """The first that it registered."""
        return str(self.client["redirect_uris"][0])

    def leave(self) -> None:
        """Take the registration back (RFC 7592)."""
        assert self.manage("DELETE").status_code == 204

    def manage(self, method: str) -> TestResponse:
        """Read the registration, or take it back."""
        where = self.client["registration_client_uri"].removeprefix(BASE)
        return send(self.browser, method, where, token=self.client["registration_access_token"])

    def endpoint(self, name: str) -> str:
        """The path of an endpoint, as discovery tells it."""
        return str(self.metadata[name]).removeprefix(BASE)

    def request(self, **changes: str) -> dict[str, str]:
        """Write an authorization request; a change to the empty string drops a parameter."""
        request = {
            "client_id": self.client_id,
            "response_type": self.response_type,
            "response_mode": self.response_mode,
            "redirect_uri": self.redirect_uri,
            "scope": "openid",
            "state": secrets.token_urlsafe(12),
            "nonce": secrets.token_urlsafe(12),
        }
        self.sent = dropped(request | changes)
        return self.sent

    def ask(self, **changes: str) -> TestResponse:
        """Send the browser to the provider, as far as it goes by itself."""
        self.browser.get(self.endpoint("authorization_endpoint"), **self.request(**changes))
        return self.browser.follow(until=self.redirect_uri)

    def sign_in(self, person: Person, **changes: str) -> Outcome:
        """Go all the way, and look at everything."""
        self.ask(**changes)
        return self.arrive(person)

    def arrive(self, person: Person) -> Outcome:
        """Fill in whatever page is shown, and look at the answer."""
        asked = self.is_at("/signin/password")
        if asked:
            self.browser.sign_in(person)
        if self.is_at("/signin/consent"):
            self.browser.consent()
        outcome = Outcome(self.answer(), asked_to_sign_in=asked)
        assert "error" not in outcome.parameters, outcome.parameters
        self._look_at_the_front(outcome)
        if "code" in outcome.parameters:
            self._look_at_what_it_buys(outcome)
        outcome.userinfo = self._userinfo(outcome)
        return outcome

    def is_at(self, page: str) -> bool:
        """Whether the browser is at a page of the provider."""
        return page in self.browser.trail[-1]

    def error(self, *, anew: bool = True, **changes: str) -> dict[str, str]:
        """Send a request that is answered with an error, through the browser."""
        if anew:
            self.ask(**changes)
        answer = self.answer()
        scrutiny.demand_error_answer(answer)
        return answer

    def is_refused_on_a_page(self, **changes: str) -> bool:
        """Whether a request is refused where nobody is sent anywhere."""
        page = self.ask(**changes)
        assert "Location" not in page.headers
        return page.status_code == 400 and 'id="error-code"' in page.text

    def answer(self) -> dict[str, str]:
        """Read the answer from where it has to be, and from nowhere else."""
        found = self._in_the_form() if self.response_mode else self._in_the_address()
        assert found.get("state") == self.sent.get("state")
        assert found["iss"] == BASE
        return found

    def _in_the_form(self) -> dict[str, str]:
        assert self.browser.last is not None
        page = self.browser.last.text
        form = re.search(r'<form id="form-post" method="post" action="([^"]*)"', page)
        assert form, page
        assert html.unescape(form[1]) == self.redirect_uri
        fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page)
        return {name: html.unescape(value) for name, value in fields}

    def _in_the_address(self) -> dict[str, str]:
        assert self.browser.last is not None
        parts = urlsplit(self.browser.last.headers.get("Location", ""))
        registered = urlsplit(self.redirect_uri)
        assert parts[:3] == registered[:3], self.browser.last.text
        kept = parse_qsl(registered.query)
        in_fragment = self.sent.get("response_type", "code") != "code"
        query, fragment = parse_qsl(parts.query), parse_qsl(parts.fragment)
        assert query[: len(kept)] == kept
        assert not (query[len(kept) :] if in_fragment else fragment)
        return dict(fragment if in_fragment else query[len(kept) :])

    def _look_at_the_front(self, outcome: Outcome) -> None:
        found, words = outcome.parameters, self.response_type.split()
        assert ("code" in found) == ("code" in words)
        assert ("access_token" in found) == ("token" in words)
        assert ("id_token" in found) == ("id_token" in words)
        if "code" in found:
            scrutiny.demand_handle(found["code"])
        if "access_token" in found:
            scrutiny.demand_handle(found["access_token"])
            assert found["token_type"] == "Bearer"
            assert int(found["expires_in"]) > 0
        if "id_token" in found:
            claims = outcome.front = self.verified(found["id_token"])
            assert claims["nonce"] == self.sent["nonce"]
            for name, of in (("c_hash", "code"), ("at_hash", "access_token")):
                expected = scrutiny.left_half(found[of]) if of in found else None
                assert claims.get(name) == expected

    def _look_at_what_it_buys(self, outcome: Outcome) -> None:
        outcome.tokens = scrutiny.demand_tokens(self.redeem(outcome.parameters["code"]))
        claims = outcome.back = self.verified(outcome.tokens["id_token"])
        assert outcome.tokens["token_type"] == "Bearer"
        assert claims.get("nonce") == self.sent.get("nonce")
        bought = scrutiny.left_half(outcome.tokens["access_token"])
        assert claims.get("at_hash", bought) == bought
        if outcome.front:
            assert (claims["iss"], claims["sub"]) == (outcome.front["iss"], outcome.front["sub"])

    def _userinfo(self, outcome: Outcome) -> dict[str, Any]:
        told: dict[str, Any] = {}
        for token in outcome.access_tokens:
            reply = self.browser.userinfo(token)
            assert reply.status_code == 200, reply.text
            told = self.read_userinfo(reply)
            assert told["sub"] == outcome.claims.get("sub", told["sub"])
        return told

    def read_userinfo(self, reply: TestResponse) -> dict[str, Any]:
        """Read what userinfo says: JSON, unless the app registered for something else."""
        assert reply.content_type == "application/json"
        told: dict[str, Any] = reply.json or {}
        scrutiny.demand_claims(told)
        return told

    def verified(self, id_token: str) -> dict[str, Any]:
        """Verify an ID token with the keys that the provider publishes now."""
        keys = scrutiny.keys_of(self.browser.get(self.endpoint("jwks_uri")).json)
        alg = self.client.get("id_token_signed_response_alg", "RS256")
        now = seconds(self.clock())
        return scrutiny.demand_id_token(id_token, keys, now, alg=alg, aud=self.client_id)

    def redeem(self, code: str, **changes: str) -> TestResponse:
        """Take a code to the token endpoint."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
        }
        return self.call(**dropped(form | changes))

    def refresh(self, refresh_token: str, **changes: str) -> TestResponse:
        """Take a refresh token to the token endpoint."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return self.call(**(form | changes))

    def call(self, **form: str) -> TestResponse:
        """Call the token endpoint, by the way of authentication that was registered."""
        credentials, headers = self.credentials()
        return self.browser.post(self.endpoint("token_endpoint"), credentials | form, **headers)

    def credentials(self) -> tuple[dict[str, str], dict[str, str]]:
        """Write what proves the app: fields of the form, and headers."""
        method, secret = self.client["token_endpoint_auth_method"], self.client.get("client_secret")
        if method == "client_secret_post":
            return {"client_id": self.client_id, "client_secret": str(secret)}, {}
        if method == "private_key_jwt":
            return authenticated(self.assertion()), {}
        pair = f"{quote_plus(self.client_id)}:{quote_plus(str(secret))}"
        return {}, {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}

    def assertion(self, **changes: Any) -> str:
        """Write an assertion of who the app is: for the token endpoint, for a minute."""
        now = seconds(self.clock())
        header = {"alg": "RS256", "kid": changes.pop("kid", None)}
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.metadata["token_endpoint"],
            "jti": secrets.token_urlsafe(12),
            "iat": now,
            "exp": now + 60,
        }
        return signed(self.key, claims | changes, header)


def authenticated(assertion: str) -> dict[str, str]:
    """Write the form fields that carry an assertion (RFC 7521 section 4.2)."""
    return {"client_assertion_type": CLIENT_ASSERTION_TYPE, "client_assertion": assertion}


def registration(response_type: list[str], **changes: Any) -> dict[str, Any]:
    """Write the registration of an app; a change to ``None`` leaves a member out."""
    members = {
        "client_name": "An app of the suite",
        "grant_types": grants(response_type),
        "response_types": [" ".join(response_type)],
        "redirect_uris": [CALLBACK],
        "token_endpoint_auth_method": "client_secret_basic",
        "jwks": {"keys": [_PUBLIC]},
        "contacts": ["certification@suite.example"],
    }
    return {name: value for name, value in (members | changes).items() if value is not None}


def grants(response_type: list[str]) -> list[str]:
    """The grants that a response type belongs to."""
    through_the_browser = {"token", "id_token"} & set(response_type)
    with_code = ["authorization_code"] if "code" in response_type else []
    return [*with_code, *(["implicit"] if through_the_browser else [])]


def send(
    browser: Browser, method: str, path: str, document: object = None, token: str = ""
) -> TestResponse:
    """Send JSON, as registration and its management want it."""
    return browser.client.open(
        path,
        method=method,
        base_url=BASE,
        data=None if document is None else json.dumps(document),
        content_type="application/json",
        headers={"Authorization": f"Bearer {token}"} if token else {},
    )
