"""Answers as JWTs: JARM (A13), userinfo (A6), introspection (RFC 9701)."""

import base64
import html
import re
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from werkzeug.test import TestResponse

from idp.clock import seconds
from tests.clock import MovableClock
from tests.conftest import Enrol
from tests.labs.signing import header_of
from tests.people import BASE, SECRET, Browser, Person, answer


def verified(browser: Browser, token: str, alg: str, typ: str) -> dict[str, Any]:
    """Verify a JWT as an app does, with what the provider publishes."""
    published: Any = browser.client.get("/jwks", base_url=BASE).json
    keys = KeySet.import_key_set(published)
    header = header_of(token)
    assert (header["alg"], header["typ"]) == (alg, typ)
    return jwt.decode(token, keys, algorithms=[alg]).claims


@pytest.mark.parametrize(
    ("asked", "joint"),
    [
        (("code", "jwt"), "?"),
        (("code", "query.jwt"), "?"),
        (("code", "fragment.jwt"), "#"),
        (("code id_token", "jwt"), "#"),
        (("id_token token", "fragment.jwt"), "#"),
    ],
)
def test_jarm_puts_the_whole_answer_into_one_signed_parameter(
    browser: Browser,
    citizen: Person,
    clock: MovableClock,
    asked: tuple[str, str],
    joint: str,
) -> None:
    browser.code(citizen)

    browser.authorize("hybrid", response_type=asked[0], response_mode=asked[1])

    assert browser.last is not None
    assert joint in browser.last.headers["Location"]
    found = answer(browser.last)
    assert set(found) == {"response"}
    claims = verified(browser, found["response"], "RS256", "oauth-authz-resp+jwt")
    assert (claims["iss"], claims["aud"]) == (BASE, "hybrid")
    assert seconds(clock()) < claims["exp"] <= seconds(clock()) + 600
    assert claims["state"] == "state of the app"
    assert {"code", "id_token", "access_token"} & set(claims)


def test_jarm_by_form_post(browser: Browser, citizen: Person) -> None:
    browser.code(citizen)

    browser.authorize("hybrid", response_mode="form_post.jwt")

    assert browser.last is not None
    fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', browser.last.text)
    ((name, value),) = fields
    assert name == "response"
    assert verified(browser, html.unescape(value), "RS256", "oauth-authz-resp+jwt")["code"]


def test_jarm_signs_errors_as_well(browser: Browser) -> None:
    browser.authorize("app", prompt="none", response_mode="jwt")

    claims = verified(browser, answer(browser.last)["response"], "RS256", "oauth-authz-resp+jwt")

    assert claims["error"] == "login_required"
    assert claims["state"] == "state of the app"


def test_jarm_never_puts_a_token_into_a_query(browser: Browser) -> None:
    browser.authorize("hybrid", response_type="id_token token", response_mode="query.jwt")

    claims = verified(browser, answer(browser.last)["response"], "RS256", "oauth-authz-resp+jwt")

    assert claims["error"] == "invalid_request"
    assert browser.last is not None
    assert "#" in browser.last.headers["Location"]


def test_jarm_is_signed_with_what_the_client_registered(
    browser: Browser, citizen: Person, enrol: Enrol
) -> None:
    enrol("signed", authorization_signed_response_alg="ES256")

    browser.authorize("signed", response_mode="jwt")
    browser.sign_in(citizen)

    found = answer(browser.last)["response"]
    assert verified(browser, found, "ES256", "oauth-authz-resp+jwt")["code"]


def bought(browser: Browser, citizen: Person, client_id: str) -> Any:
    code = browser.code(citizen, client_id, scope="openid email")
    return browser.redeem(code, client_id).json


def test_userinfo_as_a_jwt(browser: Browser, citizen: Person, enrol: Enrol) -> None:
    enrol("signed", userinfo_signed_response_alg="RS256")
    tokens = bought(browser, citizen, "signed")

    found = browser.userinfo(tokens["access_token"])

    assert found.content_type == "application/jwt"
    claims = verified(browser, found.text, "RS256", "userinfo+jwt")
    assert (claims["iss"], claims["aud"], claims["sub"]) == (BASE, "signed", citizen.sub)
    assert claims["email"] == citizen.email
    assert "nonce" not in claims


def introspect(browser: Browser, client_id: str, token: str, accept: str) -> TestResponse:
    basic = base64.b64encode(f"{client_id}:{SECRET}".encode()).decode()
    return browser.post("/introspect", {"token": token}, Authorization=f"Basic {basic}",
                        Accept=accept)  # fmt: skip


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_introspection_as_a_jwt(
    browser: Browser, citizen: Person, clock: MovableClock, enrol: Enrol, alg: str
) -> None:
    enrol("signed", introspection_signed_response_alg=alg)
    token = bought(browser, citizen, "signed")["access_token"]

    found = introspect(browser, "signed", token, "application/token-introspection+jwt")

    assert found.content_type == "application/token-introspection+jwt"
    claims = verified(browser, found.text, alg, "token-introspection+jwt")
    assert (claims["iss"], claims["aud"]) == (BASE, "signed")
    assert claims["iat"] == seconds(clock())
    assert claims["token_introspection"]["active"] is True
    assert {"sub", "exp"}.isdisjoint(claims)


def test_introspection_is_plain_for_who_asks_for_nothing_else(
    browser: Browser, citizen: Person
) -> None:
    token = bought(browser, citizen, "app")["access_token"]

    assert introspect(browser, "app", token, "*/*").content_type == "application/json"


def test_a_dead_token_is_inactive_in_a_jwt_too(browser: Browser) -> None:
    found = introspect(browser, "app", "dead", "application/token-introspection+jwt")

    claims = verified(browser, found.text, "RS256", "token-introspection+jwt")
    assert claims["token_introspection"] == {"active": False}
