"""Eight kinds of token, each sent to every place of another (RFC 8725 section 3.11).

The client signs all of its own with one key, and every one of ours is fresh and in order: what
is refused here is refused for its kind alone.
"""

from collections.abc import Callable
from typing import Any

import pytest
from joserfc.jwk import ECKey

from idp.clock import seconds
from idp.oidc import tokens
from idp.oidc.vocabulary import CLIENT_ASSERTION_TYPE, TokenType
from idp.provider import Provider
from tests.clock import MovableClock
from tests.conftest import Enrol
from tests.labs.signing import public, signed
from tests.people import BASE, CALLBACK, VERIFIER, Browser, Person, answer, request_of
from tests.protocol.test_dpop import proof

KEY = ECKey.generate_key("P-256")
CLIENT = "confusing"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
Place = Callable[["Bench", str], bool]


class Bench:
    """One client with everything it can hold, and the places where it can send it."""

    def __init__(self, browser: Browser, clock: MovableClock, made: dict[str, str]) -> None:
        self.browser = browser
        self.clock = clock
        self.made = made

    def token(self, **form: str) -> bool:
        credentials = {
            "client_assertion_type": CLIENT_ASSERTION_TYPE,
            "client_assertion": assertion(self.clock),
        }
        return self.browser.post("/token", credentials | form).status_code == 200


_NUMBER = iter(range(1_000_000))


def assertion(clock: MovableClock) -> str:
    now = seconds(clock())
    claims = {"iss": CLIENT, "sub": CLIENT, "aud": BASE, "iat": now, "exp": now + 60}
    return signed(KEY, claims | {"jti": f"confusing-{next(_NUMBER)}"})


def request_object(clock: MovableClock) -> str:
    now = seconds(clock())
    own = {"iss": CLIENT, "aud": BASE, "client_id": CLIENT, "nbf": now, "exp": now + 300}
    return signed(KEY, request_of(CLIENT) | own, {"typ": "oauth-authz-req+jwt"})


def at_userinfo(bench: Bench, token: str) -> bool:
    return bench.browser.userinfo(token).status_code == 200


def at_introspection(bench: Bench, token: str) -> bool:
    form = {
        "token": token,
        "client_assertion_type": CLIENT_ASSERTION_TYPE,
        "client_assertion": assertion(bench.clock),
    }
    return bool((bench.browser.post("/introspect", form).json or {}).get("active"))


def as_a_code(bench: Bench, token: str) -> bool:
    return bench.token(
        grant_type="authorization_code", code=token, redirect_uri=CALLBACK, code_verifier=VERIFIER
    )


def as_a_refresh_token(bench: Bench, token: str) -> bool:
    return bench.token(grant_type="refresh_token", refresh_token=token)


def as_a_subject_token(bench: Bench, token: str) -> bool:
    kind = "urn:ietf:params:oauth:token-type:access_token"
    return bench.token(grant_type=EXCHANGE, subject_token=token, subject_token_type=kind)


def as_a_hint(bench: Bench, token: str) -> bool:
    bench.browser.get("/authorize", **request_of(CLIENT, id_token_hint=token, prompt="none"))
    return "code" in answer(bench.browser.last)


def as_a_hint_at_sign_out(bench: Bench, token: str) -> bool:
    """An error page or a question is a no; a right hint signs out without one."""
    page = bench.browser.client.get("/logout", query_string={"id_token_hint": token}, base_url=BASE)
    return "logout-confirm" not in page.text and page.status_code == 200


def as_a_client_assertion(bench: Bench, token: str) -> bool:
    form = {
        "grant_type": "client_credentials",
        "client_id": CLIENT,
        "client_assertion_type": CLIENT_ASSERTION_TYPE,
        "client_assertion": token,
    }
    return bench.browser.post("/token", form).status_code == 200


def as_a_request_object(bench: Bench, token: str) -> bool:
    bench.browser.get("/authorize", client_id=CLIENT, request=token)
    last = bench.browser.last
    return last is not None and "code=" in last.headers.get("Location", "")


def as_a_dpop_proof(bench: Bench, token: str) -> bool:
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": CLIENT_ASSERTION_TYPE,
        "client_assertion": assertion(bench.clock),
    }
    return bench.browser.post("/token", form, DPoP=token).status_code == 200


PLACES: dict[Place, set[str]] = {
    at_userinfo: {"access token"},
    at_introspection: {"access token", "refresh token"},
    as_a_code: {"code"},
    as_a_refresh_token: {"refresh token"},
    as_a_subject_token: {"access token"},
    as_a_hint: {"ID token"},
    as_a_hint_at_sign_out: {"ID token"},
    as_a_client_assertion: {"client assertion"},
    as_a_request_object: {"request object"},
    as_a_dpop_proof: {"DPoP proof"},
}
KINDS = (
    "access token",
    "refresh token",
    "code",
    "ID token",
    "logout token",
    "client assertion",
    "request object",
    "DPoP proof",
)


@pytest.fixture
def bench(
    browser: Browser, citizen: Person, clock: MovableClock, provider: Provider, enrol: Enrol
) -> Bench:
    enrol(
        CLIENT,
        token_endpoint_auth_method="private_key_jwt",
        secret_sha256="",
        jwks=public(KEY),
        id_token_signed_response_alg="ES256",
        grant_types=["authorization_code", "refresh_token", "client_credentials", EXCHANGE],
        scope="openid offline_access api",
    )
    found = Bench(browser, clock, {})
    code = browser.code(citizen, CLIENT, scope="openid offline_access")
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        "client_assertion_type": CLIENT_ASSERTION_TYPE,
        "client_assertion": assertion(clock),
    }
    bought: Any = browser.post("/token", form).json
    with provider.database.read() as tx:
        claims = tokens.logout_token_claims(
            issuer=BASE, client_id=CLIENT, subject=citizen.sub, session_id="s", jti="j", now=tx.now
        )
        keys = provider.keys.current(tx)
        logout_token = tokens.sign(keys, "ES256", TokenType.LOGOUT_TOKEN, claims)
    found.made |= {
        "access token": bought["access_token"],
        "refresh token": bought["refresh_token"],
        "code": browser.code(citizen, CLIENT, scope="openid offline_access"),
        "ID token": bought["id_token"],
        "logout token": logout_token,
        "client assertion": assertion(clock),
        "request object": request_object(clock),
        "DPoP proof": proof(clock, key=KEY),
    }
    return found


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
@pytest.mark.parametrize("kind", KINDS)
def test_T76_each_kind_of_token_is_good_in_its_own_place_alone(
    bench: Bench, place: Place, kind: str
) -> None:
    assert place(bench, bench.made[kind]) is (kind in PLACES[place])
