"""Modules about what the provider says of itself, and apps of themselves (A5 to A7)."""

import json
import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from idp import worker
from idp.database.transaction import Origin
from idp.provider import Provider
from tests.clock import MovableClock
from tests.labs import scrutiny
from tests.labs.listener import Answer, Listener, says
from tests.labs.relying_party import RelyingParty, registration, send
from tests.people import BASE, CALLBACK, Browser, Person
from tests.protocol.foundation.conftest import Register

OTHER = "https://other.example/callback"
LISTS = (
    "response_types_supported", "response_modes_supported", "grant_types_supported",
    "subject_types_supported", "id_token_signing_alg_values_supported",
    "userinfo_signing_alg_values_supported", "request_object_signing_alg_values_supported",
    "token_endpoint_auth_methods_supported", "token_endpoint_auth_signing_alg_values_supported",
    "scopes_supported", "claims_supported", "claim_types_supported", "display_values_supported",
    "acr_values_supported", "ui_locales_supported", "code_challenge_methods_supported",
    "prompt_values_supported",
)  # fmt: skip
LANGUAGE_TAG = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?")


def test_oidcc_discovery_endpoint_verification(browser: Browser) -> None:
    reply = browser.get("/.well-known/openid-configuration")
    found: Any = reply.json

    assert (reply.status_code, reply.content_type) == (200, "application/json")
    assert found["issuer"] == BASE
    for name, value in found.items():
        if name.endswith(("_endpoint", "_uri", "_iframe")):
            parts = urlsplit(value)
            assert (parts.scheme, parts.fragment) == ("https", "")
            assert parts.hostname
        if name.endswith("_supported") and not isinstance(value, bool):
            assert value
            assert all(isinstance(one, str) for one in value)
    assert all(isinstance(found[name], list) for name in LISTS)
    assert {"code", "id_token", "id_token token"} <= set(found["response_types_supported"])
    assert {"authorization_code", "implicit"} <= set(found["grant_types_supported"])
    assert {"public", "pairwise"} == set(found["subject_types_supported"])
    assert "openid" in found["scopes_supported"]
    for kind in ("id_token", "request_object", "userinfo"):
        assert "RS256" in found[f"{kind}_signing_alg_values_supported"]
    assert all(LANGUAGE_TAG.fullmatch(tag) for tag in found["ui_locales_supported"])
    scrutiny.keys_of(browser.get("/jwks").json)


def test_oidcc_ensure_redirect_uri_in_authorization_request(register: Register) -> None:
    party = register(redirect_uris=[CALLBACK, f"{CALLBACK}/second"])

    assert party.is_refused_on_a_page(redirect_uri="")


def test_oidcc_redirect_uri_query_OK(register: Register, citizen: Person) -> None:
    party = register(redirect_uris=[f"{CALLBACK}?foo=bar"])

    assert party.sign_in(citizen).tokens


def test_oidcc_redirect_uri_query_mismatch(register: Register) -> None:
    party = register(redirect_uris=[f"{CALLBACK}?foo=bar"])

    assert party.is_refused_on_a_page(redirect_uri=f"{CALLBACK}?foo=baz")


def test_oidcc_redirect_uri_query_added(party: RelyingParty) -> None:
    assert party.is_refused_on_a_page(redirect_uri=f"{CALLBACK}?foo=bar")


def test_oidcc_redirect_uri_regfrag(browser: Browser) -> None:
    with_fragment = registration(["code"], redirect_uris=[f"{CALLBACK}#foo"])

    refused = send(browser, "POST", "/register", with_fragment)

    scrutiny.demand_error(refused, "invalid_redirect_uri")


def shown(register: Register, member: str) -> list[tuple[str, str]]:
    """Register an address, and see what of it the sign-in page shows."""
    uri = f"https://app.example/{member}.png"
    party = register(**{member: uri})
    assert party.client[member] == uri
    page = party.ask()
    pattern = r'<(img|a) [^>]*id="app-(?:logo|policy|tos)"[^>]*(?:src|href)="([^"]*)"'
    return re.findall(pattern, page.text)


def test_oidcc_registration_logo_uri(register: Register) -> None:
    assert shown(register, "logo_uri") == [("img", "https://app.example/logo_uri.png")]


def test_oidcc_registration_policy_uri(register: Register) -> None:
    assert shown(register, "policy_uri") == [("a", "https://app.example/policy_uri.png")]


def test_oidcc_registration_tos_uri(register: Register) -> None:
    assert shown(register, "tos_uri") == [("a", "https://app.example/tos_uri.png")]


def listed(*redirect_uris: str) -> Answer:
    return says("200 OK", json.dumps(redirect_uris).encode(), "Content-Type: application/json")


def test_oidcc_registration_sector_uri(register: Register, host: Listener, citizen: Person) -> None:
    host.answer = listed(CALLBACK, OTHER)
    party = register(
        redirect_uris=[CALLBACK, OTHER],
        subject_type="pairwise",
        sector_identifier_uri=f"https://localhost:{host.port}/sector.json",
    )

    assert host.connections == 1
    assert "pairwise" in party.metadata["subject_types_supported"]
    assert party.sign_in(citizen).claims["sub"] != citizen.sub


def test_oidcc_registration_sector_bad(browser: Browser, host: Listener) -> None:
    host.answer = listed(OTHER)
    uri = f"https://localhost:{host.port}/sector.json"
    unlisted = registration(["code"], subject_type="pairwise", sector_identifier_uri=uri)

    refused = send(browser, "POST", "/register", unlisted)

    scrutiny.demand_error(refused, "invalid_client_metadata")


def test_oidcc_server_rotate_keys(
    party: RelyingParty,
    browser: Browser,
    provider: Provider,
    citizen: Person,
    clock: MovableClock,
) -> None:
    before: Any = browser.get("/jwks").json
    outcome = party.sign_in(citizen)
    with provider.database.write(Origin(operator="test")) as tx:
        worker.add_key(provider, tx, "RS256")
    clock.advance(timedelta(seconds=10))  # until every worker has read them again
    after: Any = browser.get("/jwks").json

    fresh = [key for key in after["keys"] if key not in before["keys"]]
    assert [key["kty"] for key in fresh] == ["RSA"]
    assert all(key in after["keys"] for key in before["keys"])
    assert party.verified(outcome.id_token)


def test_oidcc_3rd_party_init_login(register: Register) -> None:
    start = "https://app.example/start"

    party = register(initiate_login_uri=start)

    read = party.manage("GET")
    assert (read.status_code, read.content_type) == (200, "application/json")
    assert party.client["initiate_login_uri"] == (read.json or {})["initiate_login_uri"] == start


def test_oidcc_3rd_party_init_login_nohttps(browser: Browser) -> None:
    plain = registration(["code"], initiate_login_uri="http://app.example/start")

    scrutiny.demand_error(send(browser, "POST", "/register", plain), "invalid_client_metadata")
