"""Modules of the Foundation's plans that ask one small thing each, under their own names."""

from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from werkzeug.test import TestResponse

from idp import worker
from idp.database.transaction import Origin
from idp.provider import Provider
from tests.conftest import Enrol
from tests.people import CALLBACK, SECRET, VERIFIER, Browser, Person, answer

SIGNED_OUT = "https://app.example/signed-out"


def id_token(browser: Browser, citizen: Person, **changes: str) -> str:
    found: Any = browser.redeem(browser.code(citizen, **changes)).json
    return str(found["id_token"])


def told(browser: Browser, citizen: Person, scope: str) -> dict[str, Any]:
    tokens: Any = browser.redeem(browser.code(citizen, scope=scope)).json
    found: Any = browser.userinfo(tokens["access_token"]).json
    return dict(found)


def metadata(browser: Browser) -> dict[str, Any]:
    found: Any = browser.get("/.well-known/openid-configuration").json
    return dict(found)


def is_refused_on_a_page(response: TestResponse) -> bool:
    return response.status_code == 400 and 'id="error-code"' in response.text


def is_signed_in(browser: Browser) -> bool:
    browser.authorize(prompt="none")
    return "code" in answer(browser.last)


def test_oidcc_display_page(browser: Browser, citizen: Person) -> None:
    assert browser.code(citizen, display="page")


def test_oidcc_display_popup(browser: Browser, citizen: Person) -> None:
    assert browser.code(citizen, display="popup")


def test_oidcc_ui_locales(browser: Browser, citizen: Person) -> None:
    assert browser.code(citizen, ui_locales="se")


def test_oidcc_claims_locales(browser: Browser, citizen: Person) -> None:
    assert browser.code(citizen, claims_locales="se")


def test_oidcc_login_hint(browser: Browser) -> None:
    page = browser.authorize(login_hint="buffy")

    assert 'value="buffy"' in page.text


def test_oidcc_ensure_request_with_acr_values_succeeds(browser: Browser, citizen: Person) -> None:
    assert browser.code(citizen, acr_values="1 2")


def test_oidcc_ensure_request_with_unknown_parameter_succeeds(
    browser: Browser, citizen: Person
) -> None:
    assert browser.code(citizen, extra="foobar")


def test_oidcc_ensure_request_with_valid_pkce_succeeds(browser: Browser, citizen: Person) -> None:
    assert browser.redeem(browser.code(citizen)).status_code == 200


def test_oidcc_ensure_request_without_nonce_succeeds_for_code_flow(
    browser: Browser, citizen: Person
) -> None:
    assert browser.redeem(browser.code(citizen, nonce="")).status_code == 200


@pytest.mark.parametrize("uri", [f"{CALLBACK}/foo", "https://elsewhere.example/"])
def test_oidcc_ensure_registered_redirect_uri(browser: Browser, uri: str) -> None:
    assert is_refused_on_a_page(browser.authorize(redirect_uri=uri))


def test_oidcc_ensure_redirect_uri_in_authorization_request(browser: Browser) -> None:
    assert is_refused_on_a_page(browser.authorize("hybrid", redirect_uri=""))


def test_oidcc_redirect_uri_query_added(browser: Browser) -> None:
    assert is_refused_on_a_page(browser.authorize(redirect_uri=f"{CALLBACK}?foo=bar"))


def test_oidcc_redirect_uri_query_mismatch(browser: Browser, enrol: Enrol) -> None:
    enrol("with-query", redirect_uris=[f"{CALLBACK}?foo=bar"])

    page = browser.authorize("with-query", redirect_uri=f"{CALLBACK}?bar=foo")

    assert is_refused_on_a_page(page)


def test_oidcc_idtoken_rs256_and_idtoken_signature(browser: Browser, citizen: Person) -> None:
    keys: Any = browser.get("/jwks").json
    token = jwt.decode(id_token(browser, citizen), KeySet.import_key_set(keys))

    assert token.header["alg"] == "RS256"
    assert token.header["kid"] in {key["kid"] for key in keys["keys"]}


@pytest.mark.parametrize(
    ("scope", "claim"),
    [
        ("profile", "name"),
        ("email", "email"),
        ("address", "address"),
        ("phone", "phone_number"),
    ],
)
def test_oidcc_scope(browser: Browser, citizen: Person, scope: str, claim: str) -> None:
    without = told(browser, citizen, "openid")
    assert claim not in without

    assert claim in told(browser, citizen, f"openid {scope}")


def test_oidcc_userinfo_post_header(browser: Browser, citizen: Person) -> None:
    tokens: Any = browser.redeem(browser.code(citizen)).json
    header = {"Authorization": f"Bearer {tokens['access_token']}"}

    found: Any = browser.post("/userinfo", {}, **header).json

    assert found["sub"] == citizen.sub


def test_oidcc_userinfo_post_body(browser: Browser, citizen: Person) -> None:
    tokens: Any = browser.redeem(browser.code(citizen)).json

    found: Any = browser.post("/userinfo", {"access_token": tokens["access_token"]}).json

    assert found["sub"] == citizen.sub


def test_oidcc_server_client_secret_post(browser: Browser, enrol: Enrol, citizen: Person) -> None:
    enrol("posting", token_endpoint_auth_method="client_secret_post")
    form = {
        "grant_type": "authorization_code",
        "code": browser.code(citizen, "posting"),
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        "client_id": "posting",
    }

    assert browser.post("/token", form).status_code == 401
    assert browser.post("/token", form | {"client_secret": SECRET}).status_code == 200


def test_oidcc_server_rotate_keys(browser: Browser, provider: Provider, citizen: Person) -> None:
    before: Any = browser.get("/jwks").json
    token = id_token(browser, citizen)
    with provider.database.write(Origin(operator="test")) as tx:
        worker.add_key(provider, tx, "RS256")
    after: Any = browser.get("/jwks").json

    assert {key["kid"] for key in before["keys"]} < {key["kid"] for key in after["keys"]}
    jwt.decode(token, KeySet.import_key_set(after))  # what was signed before can be verified


def test_oidcc_rp_initiated_logout_bad_id_token_hint(browser: Browser, citizen: Person) -> None:
    browser.code(citizen)

    page = browser.get("/logout", id_token_hint="nonsense", post_logout_redirect_uri=SIGNED_OUT)

    assert "Location" not in page.headers
    assert is_signed_in(browser)


def test_oidcc_rp_initiated_logout_modified_id_token_hint(
    browser: Browser, citizen: Person
) -> None:
    token = id_token(browser, citizen)
    head, body, _ = token.split(".")
    modified = f"{head}.{body}.{'A' * 342}"

    page = browser.get("/logout", id_token_hint=modified, post_logout_redirect_uri=SIGNED_OUT)

    assert "Location" not in page.headers
    assert is_signed_in(browser)


def test_oidcc_rp_initiated_logout_no_post_logout_redirect_uri(
    browser: Browser, citizen: Person
) -> None:
    token = id_token(browser, citizen)

    out = browser.get("/logout", id_token_hint=token, state="s")

    assert not out.headers.get("Location", "").startswith("https://app.example")
    assert not is_signed_in(browser)


def test_oidcc_rp_initiated_logout_only_state(browser: Browser, citizen: Person) -> None:
    browser.code(citizen)

    asked = browser.get("/logout", state="s")

    assert 'id="logout-confirm"' in asked.text
    assert is_signed_in(browser)


def test_oidcc_rp_initiated_logout_query_added_to_post_logout_redirect_uri(
    browser: Browser, citizen: Person
) -> None:
    token = id_token(browser, citizen)
    added = f"{SIGNED_OUT}?foo=bar"

    out = browser.get("/logout", id_token_hint=token, post_logout_redirect_uri=added)

    assert not out.headers.get("Location", "").startswith("https://app.example")


def test_oidcc_rp_initiated_logout_discovery_endpoint_verification(browser: Browser) -> None:
    assert metadata(browser)["end_session_endpoint"].endswith("/logout")


def test_oidcc_backchannel_logout_discovery_endpoint_verification(browser: Browser) -> None:
    found = metadata(browser)

    assert found["backchannel_logout_supported"] is True
    assert found["backchannel_logout_session_supported"] is True


def test_oidcc_frontchannel_logout_discovery_endpoint_verification(browser: Browser) -> None:
    found = metadata(browser)

    assert found["frontchannel_logout_supported"] is True
    assert found["frontchannel_logout_session_supported"] is True


def test_oidcc_discovery_endpoint_verification(browser: Browser) -> None:
    found = metadata(browser)

    wanted = {
        "issuer", "authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri",
        "response_types_supported", "subject_types_supported", "claims_supported",
        "id_token_signing_alg_values_supported", "scopes_supported",
    }  # fmt: skip
    assert wanted <= set(found)
    assert found["issuer"] == "https://sso.example" or found["issuer"].startswith("http://")
    assert "none" not in found["id_token_signing_alg_values_supported"]
