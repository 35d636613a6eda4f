"""FAPI 2.0 Security Profile and Message Signing (A12, A13), named after the Foundation's modules.

What every profile shares with DPoP and pushed requests is in their own modules; here is
what the profile ``fapi2`` adds.
"""

from datetime import timedelta
from typing import Any

import pytest
from joserfc.jwk import ECKey, RSAKey
from werkzeug.test import TestResponse

from idp.clock import seconds
from idp.oidc.clients import BadRegistration
from idp.oidc.vocabulary import CLIENT_ASSERTION_TYPE
from tests.clock import MovableClock
from tests.conftest import Enrol
from tests.labs.signing import Key, claims_of, header_of, public, signed
from tests.people import BASE, CALLBACK, VERIFIER, Browser, Person, answer, dropped, request_of
from tests.protocol.test_authorization_endpoint import error_page
from tests.protocol.test_dpop import proof

KEY, SECOND_KEY = ECKey.generate_key("P-256"), ECKey.generate_key("P-256")
RSA = RSAKey.generate_key(2048)
KEYS: dict[str, Key] = {"bank": KEY, "bank2": SECOND_KEY, "bank3": RSA}
_NUMBER = iter(range(1_000_000))


pytestmark = pytest.mark.usefixtures("banks")


@pytest.fixture
def banks(enrol: Enrol) -> None:
    """Three clients of the profile, one key each; the third one signs its requests."""
    for client_id, key in KEYS.items():
        enrol(
            client_id,
            **PROFILE,
            jwks=public(key),
            redirect_uris=[REDIRECTS[client_id]],
            require_signed_request_object=client_id == "bank3",
            trusted=False,
        )


PROFILE: dict[str, Any] = {
    "profile": "fapi2",
    "token_endpoint_auth_method": "private_key_jwt",
    "secret_sha256": "",
    "id_token_signed_response_alg": "ES256",
    "dpop_bound_access_tokens": True,
}
REDIRECTS = {
    "bank": CALLBACK,
    "bank2": f"{CALLBACK}?dummy1=lorem&dummy2=ipsum",
    "bank3": CALLBACK,
}


def assertion(clock: MovableClock, client_id: str = "bank", **changes: Any) -> str:
    now = seconds(clock())
    header = changes.pop("header", {})
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": BASE,
        "jti": f"assertion-{next(_NUMBER)}",
        "iat": now,
        "exp": now + 60,
    }
    return signed(KEYS[client_id], claims | changes, header)


def authenticated(token: str) -> dict[str, str]:
    return {"client_assertion_type": CLIENT_ASSERTION_TYPE, "client_assertion": token}


def push(
    browser: Browser, clock: MovableClock, client_id: str = "bank", token: str = "", **changes: str
) -> TestResponse:
    form = request_of(client_id, redirect_uri=REDIRECTS[client_id]) | changes
    credentials = authenticated(token or assertion(clock, client_id))
    return browser.post("/par", dropped(form) | credentials)


def follow(browser: Browser, pushed: TestResponse, client_id: str = "bank") -> dict[str, str]:
    assert pushed.status_code == 201, pushed.text
    browser.get("/authorize", client_id=client_id, request_uri=(pushed.json or {})["request_uri"])
    browser.follow()
    return {} if browser.last is None or "/signin" in browser.trail[-1] else answer(browser.last)


def call(
    browser: Browser, clock: MovableClock, caller: str = "bank", /, **form: str
) -> TestResponse:
    """Call the token endpoint with an assertion and a proof; ``""`` leaves a field out."""
    sent = authenticated(assertion(clock, caller)) | form
    return browser.post("/token", dropped(sent), DPoP=proof(clock))


def redeem(browser: Browser, clock: MovableClock, code: str, **changes: str) -> TestResponse:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }
    return call(browser, clock, **(form | changes))


def signed_in(browser: Browser, citizen: Person, clock: MovableClock, **changes: str) -> str:
    """Go to a code of the first client, consenting on the way."""
    browser.code(citizen)
    found = follow(browser, push(browser, clock, **changes))
    if not found:
        browser.consent()
        found = answer(browser.last)
    return found["code"]


def error_of(response: TestResponse) -> tuple[int, str]:
    return response.status_code, (response.json or {})["error"]


def test_fapi2_happy_flow_binds_every_token(
    browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    code = signed_in(browser, citizen, clock, scope="openid offline_access")

    document: Any = redeem(browser, clock, code).json

    assert document["token_type"] == "DPoP"
    assert header_of(document["id_token"])["alg"] == "ES256"
    assert claims_of(document["access_token"])["cnf"]["jkt"]


def test_fapi2_user_rejects_authentication(
    browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    browser.code(citizen)
    follow(browser, push(browser, clock, "bank2"), "bank2")

    browser.consent("deny")

    told = answer(browser.last)
    assert (told["error"], told["state"]) == ("access_denied", "state of the app")
    assert (told["dummy1"], told["dummy2"]) == ("lorem", "ipsum")


def test_fapi2_ensure_unsigned_authorization_request_without_using_par_fails(
    browser: Browser, citizen: Person
) -> None:
    browser.code(citizen)

    browser.get("/authorize", **request_of("bank"))

    assert answer(browser.last)["error"] == "invalid_request"


@pytest.mark.parametrize("response_type", ["code id_token", "token"])
def test_fapi2_ensure_response_type_fails(
    browser: Browser, clock: MovableClock, response_type: str
) -> None:
    found = push(browser, clock, response_type=response_type)

    assert error_of(found) == (400, "unsupported_response_type")


def test_fapi2_ensure_holder_of_key_required(
    browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    code = signed_in(browser, citizen, clock)
    form = authenticated(assertion(clock)) | {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }

    assert error_of(browser.post("/token", form)) == (400, "invalid_dpop_proof")
    assert redeem(browser, clock, code).status_code == 200


def test_fapi2_ensure_authorization_code_is_bound_to_client(
    browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    code = signed_in(browser, citizen, clock)

    found = call(
        browser,
        clock,
        "bank2",
        grant_type="authorization_code",
        code=code,
        redirect_uri=CALLBACK,
        code_verifier=VERIFIER,
    )

    assert error_of(found) == (400, "invalid_grant")


def test_fapi2_ensure_client_id_in_token_endpoint(
    browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    code = signed_in(browser, citizen, clock)

    status, error = error_of(redeem(browser, clock, code, client_id="bank2"))

    assert (status, error) == (401, "invalid_client")


@pytest.mark.parametrize("verifier", ["", "a-wrong-verifier-of-forty-three-characters-"])
def test_fapi2_pkce_code_verifier_required(
    browser: Browser, citizen: Person, clock: MovableClock, verifier: str
) -> None:
    code = signed_in(browser, citizen, clock)

    found = redeem(browser, clock, code, code_verifier=verifier)

    assert error_of(found) == (400, "invalid_grant")


def test_fapi2_ensure_token_endpoint_fails_with_expired_auth_code(
    browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    code = signed_in(browser, citizen, clock)

    clock.advance(timedelta(seconds=62))

    assert error_of(redeem(browser, clock, code)) == (400, "invalid_grant")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"exp": -300}, id="exp_is_5_minutes_in_past"),
        pytest.param({"aud": "https://elsewhere.example"}, id="wrong_aud"),
        pytest.param({"aud": [BASE]}, id="par_test_array_as_audience"),
        pytest.param({"aud": f"{BASE}/par"}, id="par_test_par_endpoint_url_as_audience"),
        pytest.param({"aud": f"{BASE}/token"}, id="par_test_token_endpoint_url_as_audience"),
        pytest.param({"sub": None}, id="no_sub"),
        pytest.param({"nbf": 62}, id="nbf_over_60_seconds_in_the_future"),
        pytest.param({"iat": 62}, id="iat_over_60_seconds_in_the_future"),
        pytest.param({"jti": None}, id="no_jti"),
    ],
)
def test_fapi2_ensure_client_assertion_fails(
    browser: Browser, clock: MovableClock, changes: dict[str, Any]
) -> None:
    now = seconds(clock())
    claims: Any = {n: now + v if isinstance(v, int) else v for n, v in changes.items()}

    found = push(browser, clock, token=assertion(clock, **claims))

    assert error_of(found) == (401, "invalid_client")


def test_fapi2_par_ensure_jwt_client_assertions_nbf_8_seconds_in_the_future_is_accepted(
    browser: Browser, clock: MovableClock
) -> None:
    ahead: Any = seconds(clock()) + 8

    found = push(browser, clock, token=assertion(clock, nbf=ahead, iat=ahead))

    assert found.status_code == 201


def test_fapi2_ensure_signed_client_assertion_with_rs256_fails(
    browser: Browser, clock: MovableClock
) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": "prt_unknown"}
    good = assertion(clock, "bank3")
    bad = assertion(clock, "bank3", header={"alg": "RS256"})

    found = [
        error_of(browser.post("/token", form | authenticated(one), DPoP=proof(clock)))
        for one in (good, bad)
    ]

    assert found == [(400, "invalid_grant"), (401, "invalid_client")]


def test_fapi2_ensure_client_assertion_in_token_endpoint(
    browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    code = signed_in(browser, citizen, clock)

    found = redeem(
        browser, clock, code, client_id="bank", client_assertion="", client_assertion_type=""
    )

    assert error_of(found) == (401, "invalid_client")


def test_fapi2_refresh_token_is_not_rotated(
    browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    code = signed_in(browser, citizen, clock, scope="openid offline_access")
    bought: Any = redeem(browser, clock, code).json
    form = {"grant_type": "refresh_token", "refresh_token": bought["refresh_token"]}

    first: Any = call(browser, clock, **form).json
    clock.advance(timedelta(seconds=30))
    again = call(browser, clock, **form)

    assert first["refresh_token"] == bought["refresh_token"]
    assert again.status_code == 200, again.text
    assert error_of(call(browser, clock, "bank2", **form)) == (400, "invalid_grant")
    assert error_of(browser.post("/token", form | authenticated(assertion(clock)))) == (
        400,
        "invalid_dpop_proof",
    )


def test_a_token_that_is_not_rotated_still_ends_with_its_family(
    browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    code = signed_in(browser, citizen, clock, scope="openid offline_access")
    bought: Any = redeem(browser, clock, code).json
    form = {"grant_type": "refresh_token", "refresh_token": bought["refresh_token"]}

    assert call(browser, clock, **form).status_code == 200
    browser.post("/revoke", {"token": bought["refresh_token"]} | authenticated(assertion(clock)))
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
        enrol("bank4", **(PROFILE | {"jwks": public(KEY)} | changes))


def request_object(clock: MovableClock, header: dict[str, Any] | None = None, **ch: Any) -> str:
    now = seconds(clock())
    own = {"iss": "bank", "aud": BASE, "client_id": "bank", "nbf": now, "exp": now + 300}
    return signed(KEY, request_of("bank") | own | ch, header)


def push_signed(browser: Browser, clock: MovableClock, token: str) -> TestResponse:
    return browser.post("/par", {"request": token} | authenticated(assertion(clock)))


def test_fapi2_message_signing_happy_flow(
    browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    browser.code(citizen)
    token = request_object(
        clock,
        {"typ": "OAuth-Authz-Req+jwt"},
        response_mode="jwt",
        aud=[BASE, "https://another.example"],
        iat=seconds(clock()),
    )

    follow(browser, push_signed(browser, clock, token))
    browser.consent()

    (signed_answer,) = answer(browser.last).values()
    claims = claims_of(signed_answer)
    assert header_of(signed_answer)["alg"] == "ES256"
    assert (claims["iss"], claims["aud"]) == (BASE, "bank")
    assert seconds(clock()) + 10 <= claims["exp"] <= seconds(clock()) + 600
    assert claims["state"] == "state of the app"
    assert redeem(browser, clock, claims["code"]).status_code == 200


@pytest.mark.parametrize(
    ("changes", "header"),
    [
        pytest.param({"exp": None}, {}, id="without_exp"),
        pytest.param({"nbf": None}, {}, id="without_nbf"),
        pytest.param({"exp": -1}, {}, id="expired"),
        pytest.param({"exp": 4200}, {}, id="exp_over_60"),
        pytest.param({"nbf": -4200}, {}, id="nbf_over_60"),
        pytest.param({"aud": f"{BASE}/token"}, {}, id="bad_aud"),
        pytest.param({"aud": None}, {}, id="without_aud"),
        pytest.param({"iss": None}, {}, id="without_iss"),
        pytest.param({}, {"alg": "none"}, id="signature_algorithm_is_not_none"),
        pytest.param({"request_uri": "urn:x"}, {}, id="par_containing_request_uri"),
    ],
)
def test_fapi2_message_signing_ensure_request_object_fails(
    browser: Browser,
    clock: MovableClock,
    changes: dict[str, Any],
    header: dict[str, Any],
) -> None:
    now = seconds(clock())
    claims = {n: now + v if isinstance(v, int) else v for n, v in changes.items()}

    found = push_signed(browser, clock, request_object(clock, header, **claims))

    assert error_of(found) == (400, "invalid_request_object")


def test_fapi2_message_signing_nbf_8_seconds_in_the_future_is_accepted(
    browser: Browser, clock: MovableClock
) -> None:
    token = request_object(clock, nbf=seconds(clock()) + 8)

    assert push_signed(browser, clock, token).status_code == 201


def test_fapi2_message_signing_ensure_unsigned_request_at_par_endpoint_fails(
    browser: Browser, clock: MovableClock
) -> None:
    assert error_of(push(browser, clock, "bank3")) == (400, "invalid_request")


def test_fapi2_message_signing_ensure_matching_key_in_authorization_request(
    browser: Browser, clock: MovableClock
) -> None:
    now = seconds(clock())
    own = {"iss": "bank", "aud": BASE, "client_id": "bank", "nbf": now, "exp": now + 300}

    found = push_signed(browser, clock, signed(SECOND_KEY, request_of("bank") | own))

    assert error_of(found) == (400, "invalid_request_object")


def test_fapi2_ensure_request_object_without_redirect_uri_fails(
    browser: Browser, clock: MovableClock
) -> None:
    found = push_signed(browser, clock, request_object(clock, redirect_uri=None))

    assert error_of(found) == (400, "invalid_request")


def test_fapi2_par_attempt_to_use_expired_request_uri(
    browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    browser.code(citizen)
    pushed = push(browser, clock)
    clock.advance(timedelta(seconds=(pushed.json or {})["expires_in"] + 1))

    browser.get("/authorize", client_id="bank", request_uri=(pushed.json or {})["request_uri"])

    assert error_page(browser) == "invalid_request_uri"
