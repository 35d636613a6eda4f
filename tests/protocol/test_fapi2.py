"""What the profile ``fapi2`` demands beyond the Foundation's modules (``foundation/``)."""

from typing import Any

import pytest
from joserfc.jwk import ECKey
from werkzeug.test import TestResponse

from idp.clock import seconds
from idp.oidc.clients import BadRegistration
from tests.clock import MovableClock
from tests.conftest import Enrol
from tests.labs.relying_party import authenticated
from tests.labs.signing import public, signed
from tests.people import BASE, CALLBACK, VERIFIER, Browser, Person, answer, dropped, request_of
from tests.protocol.test_dpop import proof

KEY = ECKey.generate_key("P-256")
_NUMBER = iter(range(1_000_000))


@pytest.fixture(autouse=True)
def bank(enrol: Enrol) -> None:
    enrol("bank", **PROFILE, jwks=public(KEY), trusted=False)


PROFILE: dict[str, Any] = {
    "profile": "fapi2",
    "token_endpoint_auth_method": "private_key_jwt",
    "secret_sha256": "",
    "id_token_signed_response_alg": "ES256",
    "dpop_bound_access_tokens": True,
}


def assertion(clock: MovableClock, **changes: Any) -> str:
    now = seconds(clock())
    claims = {
        "iss": "bank",
        "sub": "bank",
        "aud": BASE,
        "jti": f"assertion-{next(_NUMBER)}",
        "iat": now,
        "exp": now + 60,
    }
    return signed(KEY, claims | changes)


def push(browser: Browser, clock: MovableClock, token: str = "", **changes: str) -> TestResponse:
    form = dropped(request_of("bank") | changes)
    return browser.post("/par", form | authenticated(token or assertion(clock)))


def call(browser: Browser, clock: MovableClock, **form: str) -> TestResponse:
    """Call the token endpoint with an assertion and a proof."""
    return browser.post("/token", authenticated(assertion(clock)) | form, DPoP=proof(clock))


def bought(browser: Browser, citizen: Person, clock: MovableClock, **changes: str) -> Any:
    """Go to the tokens of the client, consenting on the way."""
    pushed: Any = push(browser, clock, **changes).json
    browser.get("/authorize", client_id="bank", request_uri=pushed["request_uri"])
    browser.follow()
    browser.sign_in(citizen)
    browser.consent()
    form = {
        "grant_type": "authorization_code",
        "code": answer(browser.last)["code"],
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }
    return call(browser, clock, **form).json


def error_of(response: TestResponse) -> tuple[int, str]:
    return response.status_code, (response.json or {})["error"]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"jti": None}, id="no jti"),
        pytest.param({"iat": 62}, id="iat ahead"),
        pytest.param({"nbf": 62}, id="nbf ahead"),
    ],
)
def test_an_assertion_has_a_name_of_its_own_and_is_not_of_the_future(
    browser: Browser, clock: MovableClock, changes: dict[str, Any]
) -> None:
    now = seconds(clock())
    claims: Any = {n: now + v if isinstance(v, int) else v for n, v in changes.items()}

    found = push(browser, clock, token=assertion(clock, **claims))

    assert error_of(found) == (401, "invalid_client")


def test_a_token_that_is_not_rotated_still_ends_with_its_family(
    browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    tokens = bought(browser, citizen, clock, scope="openid offline_access")
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}

    assert call(browser, clock, **form).status_code == 200
    browser.post("/revoke", {"token": tokens["refresh_token"]} | authenticated(assertion(clock)))
    assert error_of(call(browser, clock, **form)) == (400, "invalid_grant")


@pytest.mark.parametrize(
    "changes",
    [
        {"token_endpoint_auth_method": "client_secret_basic"},
        {"dpop_bound_access_tokens": False},
        {"id_token_signed_response_alg": "RS256"},
        {"response_types": ["code id_token"]},
    ],
)
def test_a_client_below_the_profile_cannot_register(enrol: Enrol, changes: dict[str, Any]) -> None:
    with pytest.raises(BadRegistration, match=next(iter(changes))):
        enrol("another", **(PROFILE | {"jwks": public(KEY)} | changes))


@pytest.mark.parametrize("missing", ["aud", "iss"])
def test_a_request_object_says_who_signed_it_and_for_whom(
    browser: Browser, clock: MovableClock, missing: str
) -> None:
    now = seconds(clock())
    own = {"iss": "bank", "aud": BASE, "client_id": "bank", "nbf": now, "exp": now + 300}
    token = signed(KEY, request_of("bank") | own | {missing: None})

    found = browser.post("/par", {"request": token} | authenticated(assertion(clock)))

    assert error_of(found) == (400, "invalid_request_object")
