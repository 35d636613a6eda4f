"""Modules of FAPI 2.0 about requests (A12): pushed, checked before anybody is sent anywhere."""

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.clock import MovableClock
from tests.labs import scrutiny
from tests.labs.fapi_party import FapiParty
from tests.people import Browser, Person

FAPI_ALGS = {"PS256", "ES256", "EdDSA"}


def test_fapi2_discovery_end_point_verification(run: str, browser: Browser) -> None:
    found: dict[str, Any] = browser.get("/.well-known/openid-configuration").json or {}

    assert found == browser.get("/.well-known/oauth-authorization-server").json
    assert "code" in found["response_types_supported"]
    assert "authorization_code" in found["grant_types_supported"]
    assert "openid" in found["scopes_supported"]
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert found["authorization_response_iss_parameter_supported"] is True
    assert found["pushed_authorization_request_endpoint"].startswith("https://")
    assert isinstance(found["require_pushed_authorization_requests"], bool)
    for kind in ("id_token", "token_endpoint_auth", "userinfo", "request_object"):
        assert FAPI_ALGS & set(found[f"{kind}_signing_alg_values_supported"])
    methods = found["token_endpoint_auth_methods_supported"]
    if run == "mtls mtls":
        assert "tls_client_auth" in methods
        assert found["tls_client_certificate_bound_access_tokens"] is True
    else:
        assert "private_key_jwt" in methods
        assert set(found["dpop_signing_alg_values_supported"]) == {"ES256", "PS256", "EdDSA"}
    assert run != "signed jarm" or "jwt" in found["response_modes_supported"]


def test_fapi2_user_rejects_authentication(
    bank: FapiParty, second: FapiParty, browser: Browser, citizen: Person
) -> None:
    bank.follow(bank.pushed())
    browser.post("/signin/password", browser.hidden() | {"action": "cancel"})
    browser.follow()
    assert bank.error()["error"] == "access_denied"

    second.follow(second.pushed())
    browser.sign_in(citizen)
    browser.consent("deny")

    assert second.error()["error"] == "access_denied"


def test_fapi2_ensure_authorization_request_without_state_success(
    bank: FapiParty, citizen: Person
) -> None:
    assert bank.sign_in(citizen, state="").tokens


def test_fapi2_ensure_authorization_request_without_nonce_success(
    bank: FapiParty, citizen: Person
) -> None:
    assert "nonce" not in bank.sign_in(citizen, nonce="").claims


def test_fapi2_ensure_authorization_request_with_64_char_nonce_success(
    bank: FapiParty, citizen: Person
) -> None:
    assert bank.sign_in(citizen, nonce="n" * 64).claims["nonce"] == "n" * 64


def test_fapi2_ensure_authorization_request_with_long_nonce(
    bank: FapiParty, citizen: Person
) -> None:
    assert bank.sign_in(citizen, nonce="n" * 384).claims["nonce"] == "n" * 384


def test_fapi2_ensure_authorization_request_with_long_state(
    bank: FapiParty, citizen: Person
) -> None:
    bank.follow(bank.pushed(state="s" * 384))

    assert bank.arrive(citizen)["state"] == "s" * 384


def test_fapi2_ensure_other_scope_order_succeeds(bank: FapiParty, citizen: Person) -> None:
    assert "email" in bank.sign_in(citizen, scope="email openid").userinfo


def test_fapi2_test_claims_parameter_identity_claims(
    bank: FapiParty, browser: Browser, citizen: Person
) -> None:
    metadata: dict[str, Any] = browser.get("/.well-known/openid-configuration").json or {}
    assert metadata["claims_parameter_supported"] is True
    forms: tuple[Any, ...] = ({}, {"essential": True}, {"essential": False, "unknown": 1}, None)
    offered = metadata["claims_supported"]
    wanted = {name: forms[number % len(forms)] for number, name in enumerate(offered)}
    unknown = {"urn:nobody:knows": {"essential": True}, "unheard_of": None}
    asked = {"id_token": wanted | unknown, "userinfo": wanted | unknown}

    outcome = bank.sign_in(citizen, claims=json.dumps(asked))

    assert set(offered) <= set(outcome.claims) | set(outcome.userinfo)
    assert not set(unknown) & (set(outcome.claims) | set(outcome.userinfo))


def test_fapi2_ensure_different_nonce_inside_and_outside_request_object(
    bank: FapiParty, citizen: Person
) -> None:
    bank.follow(bank.pushed(nonce="inside"), nonce="outside")

    assert bank.bought(bank.arrive(citizen)["code"]).claims["nonce"] == "inside"


def test_fapi2_ensure_different_state_inside_and_outside_request_object(
    bank: FapiParty, citizen: Person
) -> None:
    bank.follow(bank.pushed(state="inside"), state="outside")

    assert bank.arrive(citizen)["state"] == "inside"


def test_fapi2_state_only_outside_request_object_not_used(bank: FapiParty, citizen: Person) -> None:
    bank.follow(bank.pushed(state=""), state="outside")

    assert "state" not in bank.arrive(citizen)


def test_fapi2_ensure_request_object_without_redirect_uri_fails(bank: FapiParty) -> None:
    scrutiny.demand_error(bank.push(redirect_uri=""), "invalid_request")


def test_fapi2_ensure_redirect_uri_in_authorization_request(bank: FapiParty) -> None:
    """One address is registered, and still it has to be said."""
    assert len(bank.registration.redirect_uris) == 1
    scrutiny.demand_error(bank.push(redirect_uri=""), "invalid_request")


def test_fapi2_plain_fapi_tolerate_unregistered_redirect_uri(bank: FapiParty) -> None:
    refused = bank.push(redirect_uri=f"{bank.redirect_uri}/elsewhere")

    scrutiny.demand_error(refused, "invalid_request")


def test_fapi2_ensure_unsigned_authorization_request_without_using_par_fails(
    bank: FapiParty, browser: Browser
) -> None:
    browser.get("/authorize", **bank.request())

    assert bank.error()["error"] == "invalid_request"


def test_fapi2_ensure_response_type_code_idtoken_fails(bank: FapiParty) -> None:
    refused = bank.push(response_type="code id_token")

    scrutiny.demand_error(refused, "unsupported_response_type")


def test_fapi2_ensure_response_type_token_fails(bank: FapiParty) -> None:
    scrutiny.demand_error(bank.push(response_type="token"), "unsupported_response_type")


def test_fapi2_par_ensure_reused_request_uri_prior_to_auth_completion_succeeds(
    bank: FapiParty, citizen: Person
) -> None:
    request_uri = bank.pushed()
    bank.follow(request_uri)

    bank.follow(request_uri)

    assert bank.bought(bank.arrive(citizen)["code"]).tokens


def is_refused(browser: Browser) -> bool:
    """Whether the reference leads nowhere, which is said on a page."""
    assert browser.last is not None
    assert "Location" not in browser.last.headers
    return 'id="error-code">invalid_request_uri' in browser.last.text


def test_fapi2_par_attempt_reuse_request_uri(
    bank: FapiParty, browser: Browser, citizen: Person
) -> None:
    request_uri = bank.pushed()
    bank.follow(request_uri)
    assert "code" in bank.arrive(citizen)

    bank.follow(request_uri)

    assert is_refused(browser)


def test_fapi2_par_attempt_to_use_expired_request_uri(
    bank: FapiParty, browser: Browser, clock: MovableClock
) -> None:
    document: dict[str, Any] = bank.push().json or {}
    assert 60 <= document["expires_in"] <= 90
    clock.advance(timedelta(seconds=document["expires_in"] + 1))

    bank.follow(document["request_uri"])

    assert is_refused(browser)


def test_fapi2_par_attempt_to_use_request_uri_for_different_client(
    bank: FapiParty, second: FapiParty, browser: Browser
) -> None:
    second.follow(bank.pushed())

    assert is_refused(browser)


def test_fapi2_par_authorization_request_containing_request_uri_form_param(bank: FapiParty) -> None:
    request_uri = bank.pushed()

    refused = bank.post("/par", bank.request() | {"request_uri": request_uri}, "")

    scrutiny.demand_error(refused, "invalid_request")


def test_fapi2_par_attempt_invalid_http_method(bank: FapiParty, browser: Browser) -> None:
    reply = browser.client.put("/par", base_url="https://sso.example", data=bank.request())

    assert reply.status_code == 405


def test_fapi2_par_ensure_pkce_required(bank: FapiParty) -> None:
    refused = bank.push(code_challenge="", code_challenge_method="")

    scrutiny.demand_error(refused, "invalid_request")


@pytest.mark.parametrize("method", ["plain", ""])
def test_fapi2_par_plain_pkce_rejected(bank: FapiParty, method: str) -> None:
    scrutiny.demand_error(bank.push(code_challenge_method=method), "invalid_request")


def test_fapi2_par_without_duplicate_parameters(bank: FapiParty, citizen: Person) -> None:
    bank.follow(bank.pushed())

    assert bank.bought(bank.arrive(citizen)["code"]).tokens


def test_fapi2_ensure_mismatched_dpop_jkt_fails(bank: FapiParty, second: FapiParty) -> None:
    assert second.proof_key
    refused = bank.push(bank.proof("/par"), dpop_jkt=second.proof_key.thumbprint())

    scrutiny.demand_error(refused, "invalid_dpop_proof")
