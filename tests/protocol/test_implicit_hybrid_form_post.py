"""The implicit, hybrid and form post plans (A2 to A4), each test named after its module."""

import base64
import hashlib
import html
import json
import re
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from idp.config import ClientSection
from idp.oidc import clients
from idp.oidc.clients import BadRegistration
from idp.provider import Provider
from tests.clock import MovableClock
from tests.people import APP, CALLBACK, HYBRID, Browser, Person, answer, request_of

FRONT = ("id_token", "id_token token", "code id_token", "code token", "code id_token token")
WITH_ID_TOKEN = tuple(one for one in FRONT if "id_token" in one.split())
WITH_TOKEN = tuple(one for one in FRONT if "token" in one.split())
WITH_CODE = tuple(one for one in FRONT if "code" in one.split())
MODES = ("fragment", "form_post")


def go(browser: Browser, person: Person, response_type: str, **changes: str) -> dict[str, str]:
    """Go all the way to the answer, whichever way it travels; without PKCE, as the plans do."""
    request = {"response_type": response_type, "code_challenge": "", "code_challenge_method": ""}
    browser.authorize("hybrid", **(request | changes))
    if "/signin/password" in browser.trail[-1]:
        browser.sign_in(person)
    return arrived(browser)


def arrived(browser: Browser) -> dict[str, str]:
    """Read an answer from the redirect, or from the form that would be posted."""
    assert browser.last is not None
    if browser.last.headers.get("Location"):
        return answer(browser.last)
    form = re.search(r'<form id="form-post" method="post" action="([^"]*)"', browser.last.text)
    assert form, browser.last.text
    assert form[1] == CALLBACK
    fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', browser.last.text)
    return {name: html.unescape(value) for name, value in fields}


def claims_of(browser: Browser, id_token: str) -> dict[str, Any]:
    """Verify an ID token as an app does, with what the provider publishes."""
    keys = KeySet.import_key_set(json.loads(browser.get("/jwks").text))
    found = jwt.decode(id_token, keys, algorithms=["RS256"]).claims
    assert found["iss"] == "https://sso.example"
    assert found["aud"] == "hybrid"
    return found


def left_half(value: str) -> str:
    """Compute ``at_hash`` and ``c_hash`` anew (OIDC Core section 3.3.2.11)."""
    half = hashlib.sha256(value.encode()).digest()[:16]
    return base64.urlsafe_b64encode(half).rstrip(b"=").decode()


@pytest.mark.parametrize("mode", ["", *MODES])
@pytest.mark.parametrize("response_type", FRONT)
def test_oidcc_server(browser: Browser, citizen: Person, response_type: str, mode: str) -> None:
    found = go(browser, citizen, response_type, response_mode=mode)

    words = response_type.split()
    assert found.pop("state") == "state of the app"
    assert found.pop("iss") == "https://sso.example"
    assert ("code" in found) == ("code" in words)
    assert ("access_token" in found) == ("token" in words)
    assert ("id_token" in found) == ("id_token" in words)
    if "token" in words:
        assert found["token_type"] == "Bearer"
        assert int(found["expires_in"]) > 0
        assert browser.userinfo(found["access_token"]).status_code == 200
    if "id_token" in words:
        claims = claims_of(browser, found["id_token"])
        assert claims["nonce"] == "nonce-of-the-app"
        assert claims.get("c_hash") == (left_half(found["code"]) if "code" in words else None)
        given = left_half(found["access_token"]) if "token" in words else None
        assert claims.get("at_hash") == given


@pytest.mark.parametrize("response_type", WITH_CODE)
def test_the_code_beside_it_buys_tokens_for_the_same_person(
    browser: Browser, citizen: Person, response_type: str
) -> None:
    found = go(browser, citizen, response_type)

    bought: Any = browser.redeem(found["code"], "hybrid", code_verifier="").json

    second = claims_of(browser, bought["id_token"])
    if "id_token" in found:
        first = claims_of(browser, found["id_token"])
        assert (first["sub"], first["iss"]) == (second["sub"], second["iss"])
        assert first["auth_time"] == second["auth_time"]
    for token in (found.get("access_token"), bought["access_token"]):
        assert token is None or browser.userinfo(token).status_code == 200


@pytest.mark.parametrize("response_type", WITH_CODE)
def test_oidcc_codereuse_30seconds(
    browser: Browser, citizen: Person, clock: MovableClock, response_type: str
) -> None:
    found = go(browser, citizen, response_type)
    bought: Any = browser.redeem(found["code"], "hybrid", code_verifier="").json
    clock.advance(timedelta(seconds=30))

    again = browser.redeem(found["code"], "hybrid", code_verifier="")

    assert (again.status_code, (again.json or {})["error"]) == (400, "invalid_grant")
    for token in (found.get("access_token"), bought["access_token"]):
        assert token is None or browser.userinfo(token).status_code == 401


@pytest.mark.parametrize("mode", ["", *MODES])
@pytest.mark.parametrize("response_type", WITH_ID_TOKEN)
def test_oidcc_ensure_request_without_nonce_fails(
    browser: Browser, response_type: str, mode: str
) -> None:
    browser.authorize(
        "hybrid", response_type=response_type, nonce="", response_mode=mode, code_challenge="",
        code_challenge_method="",
    )  # fmt: skip

    found = arrived(browser)
    assert found["error"] == "invalid_request"
    assert found["state"] == "state of the app"


def test_oidcc_ensure_request_without_nonce_succeeds_for_code_token(
    browser: Browser, citizen: Person
) -> None:
    found = go(browser, citizen, "code token", nonce="")

    bought: Any = browser.redeem(found["code"], "hybrid", code_verifier="").json
    assert "nonce" not in claims_of(browser, bought["id_token"])


@pytest.mark.parametrize("scope", ["profile", "email", "address", "phone"])
def test_oidcc_scope_is_answered_inside_an_id_token_that_is_alone(
    browser: Browser, citizen: Person, scope: str
) -> None:
    alone = go(browser, citizen, "id_token", scope=f"openid {scope}")
    accompanied = go(browser, citizen, "id_token token", scope=f"openid {scope}")

    whole = claims_of(browser, alone["id_token"])
    lean = claims_of(browser, accompanied["id_token"])
    told: Any = browser.userinfo(accompanied["access_token"]).json
    asked = set(told) - {"sub"}
    assert asked
    assert {name: whole[name] for name in asked} == {name: told[name] for name in asked}
    assert not asked & set(lean)


def test_oidcc_claims_essential(browser: Browser, citizen: Person) -> None:
    wanted = json.dumps({"id_token": {"name": {"essential": True}}})

    found = go(browser, citizen, "id_token", claims=wanted)

    assert claims_of(browser, found["id_token"])["name"] == citizen.profile.name


@pytest.mark.parametrize("mode", ["", *MODES])
@pytest.mark.parametrize("response_type", FRONT)
def test_oidcc_prompt_none_not_logged_in(browser: Browser, response_type: str, mode: str) -> None:
    state = "s" * 128

    browser.authorize(
        "hybrid", response_type=response_type, prompt="none", state=state, response_mode=mode,
        code_challenge="", code_challenge_method="",
    )  # fmt: skip

    found = arrived(browser)
    assert (found["error"], found["state"]) == ("login_required", state)


@pytest.mark.parametrize("response_type", WITH_ID_TOKEN)
def test_oidcc_prompt_none_logged_in(
    browser: Browser, citizen: Person, clock: MovableClock, response_type: str
) -> None:
    first = claims_of(browser, go(browser, citizen, response_type)["id_token"])
    clock.advance(timedelta(seconds=2))

    second = claims_of(browser, go(browser, citizen, response_type, prompt="none")["id_token"])

    assert (first["sub"], first["auth_time"]) == (second["sub"], second["auth_time"])
    assert first["iat"] < second["iat"]


@pytest.mark.parametrize("mode", MODES)
def test_oidcc_response_type_missing(browser: Browser, mode: str) -> None:
    browser.authorize("hybrid", response_type="", response_mode=mode)

    found = arrived(browser)
    assert found["error"] == "invalid_request"
    assert set(found) <= {"error", "error_description", "state", "iss"}


@pytest.mark.parametrize("response_type", FRONT)
def test_a_token_is_never_put_into_a_query(browser: Browser, response_type: str) -> None:
    browser.authorize("hybrid", response_type=response_type, response_mode="query")

    assert browser.last is not None
    assert "?" not in browser.last.headers["Location"]
    assert answer(browser.last)["error"] == "invalid_request"


def test_the_words_of_a_response_type_have_no_order(browser: Browser, citizen: Person) -> None:
    found = go(browser, citizen, "token code id_token")

    assert {"code", "access_token", "id_token"} <= set(found)


def test_an_id_token_needs_the_scope_openid(browser: Browser) -> None:
    browser.authorize("hybrid", response_type="code id_token", scope="profile")

    assert answer(browser.last)["error"] == "invalid_scope"


def test_pkce_is_honoured_where_it_was_sent(browser: Browser, citizen: Person) -> None:
    code = browser.code(citizen, "hybrid")

    without = browser.redeem(code, "hybrid", code_verifier="")
    with_it = browser.redeem(code, "hybrid")

    assert (without.json or {})["error"] == "invalid_grant"
    assert with_it.status_code == 200


def test_T12_a_verifier_without_a_challenge_is_refused(browser: Browser, citizen: Person) -> None:
    code = go(browser, citizen, "code")["code"]

    assert (browser.redeem(code, "hybrid").json or {})["error"] == "invalid_grant"
    assert browser.redeem(code, "hybrid", code_verifier="").status_code == 200


def test_signing_out_ends_the_token_that_came_through_the_browser(
    browser: Browser, citizen: Person, provider: Provider
) -> None:
    found = go(browser, citizen, "id_token token")
    assert browser.userinfo(found["access_token"]).status_code == 200

    assert citizen.account is not None
    with provider.database.write() as tx:
        provider.ending.end_all(tx, citizen.account.id, {}, subject=citizen.sub, why="test")

    assert browser.userinfo(found["access_token"]).status_code == 401


def test_the_form_post_page_can_be_sent_without_javascript_and_is_never_kept(
    browser: Browser, citizen: Person
) -> None:
    go(browser, citizen, "code", response_mode="form_post", state="\"><script>alert('x')</script>")

    page = browser.last
    assert page is not None
    assert page.status_code == 200
    assert '<button class="btn btn-primary" id="form-post-submit" type="submit">' in page.text
    assert "<script>alert" not in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert "form-action https://app.example" in page.headers["Content-Security-Policy"]
    assert arrived(browser)["state"] == "\"><script>alert('x')</script>"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"profile": "oauth21", "response_types": ["code id_token"]}, "response_types"),
        ({"response_types": ["code foo"]}, "response_types"),
        ({"grant_types": ["authorization_code"]}, "grant_types"),
    ],
)
def test_implicit_and_hybrid_are_off_where_they_are_not_registered(
    changes: dict[str, Any], field: str
) -> None:
    registered = {**{name: getattr(HYBRID, name) for name in HYBRID.__struct_fields__}, **changes}

    with pytest.raises(BadRegistration, match=f"^{field}"):
        clients.check(ClientSection(**registered))


@pytest.mark.parametrize("response_type", FRONT)
def test_a_client_of_the_default_profile_gets_nothing_through_the_browser(
    browser: Browser, response_type: str
) -> None:
    assert APP.profile == "oauth21"

    browser.get("/authorize", **request_of("app", response_type=response_type))

    assert answer(browser.last)["error"] == "unsupported_response_type"
