"""The authorization code flow, step by step, on each kind of database."""

import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from idp.config import ClientSection
from idp.oidc import clients
from idp.provider import Provider
from tests.clock import MovableClock
from tests.conftest import Enrol
from tests.labs.signing import claims_of
from tests.people import CALLBACK, VERIFIER, Browser, Person, answer


def id_token(browser: Browser, token: str) -> dict[str, object]:
    """Verify an ID token as an app does: by the published keys."""
    keys = KeySet.import_key_set(json.loads(browser.get("/jwks").text))
    return dict(jwt.decode(token, keys, algorithms=["RS256"]).claims)


def test_a_code_buys_tokens_that_say_who_when_and_how(
    browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    code = browser.code(citizen)
    sent_back = answer(browser.last)

    tokens = browser.redeem(code)

    assert sent_back["state"] == "state of the app"
    assert sent_back["iss"] == "https://sso.example"
    assert tokens.status_code == 200
    assert tokens.headers["Cache-Control"] == "no-store"
    assert tokens.json is not None
    assert tokens.json["token_type"] == "Bearer"
    assert tokens.json["expires_in"] == 600
    claims = id_token(browser, tokens.json["id_token"])
    assert claims["iss"] == "https://sso.example"
    assert claims["aud"] == "app"
    assert claims["sub"] == citizen.sub
    assert claims["nonce"] == "nonce-of-the-app"
    assert claims["auth_time"] == claims["iat"]
    issued_at: Any = claims["iat"]
    assert 0 <= issued_at - int(clock.now.timestamp()) < 30
    assert claims["acr"] == "urn:portico:acr:password"
    assert claims["amr"] == ["pwd"]
    assert "name" not in claims


def test_userinfo_takes_a_token_in_header_or_body_and_never_in_the_address(
    browser: Browser, citizen: Person
) -> None:
    tokens = browser.redeem(browser.code(citizen)).json
    assert tokens is not None
    bearer = {"Authorization": f"bEARER {tokens['access_token']}"}

    by_get = browser.client.get("/userinfo", headers=bearer)
    by_post = browser.client.post("/userinfo", headers=bearer)
    in_body = browser.client.post("/userinfo", data={"access_token": tokens["access_token"]})
    in_url = browser.client.get("/userinfo", query_string={"access_token": tokens["access_token"]})

    for good in (by_get, by_post, in_body):
        assert good.status_code == 200
        assert good.json == {"sub": citizen.sub}
    assert in_url.status_code == 400


def test_single_claims_are_told_where_they_were_asked_for(
    browser: Browser, citizen: Person
) -> None:
    asked = '{"userinfo":{"name":{"essential":true}},"id_token":{"email":null}}'

    tokens = browser.redeem(browser.code(citizen, claims=asked)).json
    assert tokens is not None

    told = browser.userinfo(tokens["access_token"]).json
    assert told == {"sub": citizen.sub, "name": "王小明𠮷"}
    assert id_token(browser, tokens["id_token"])["email"] == "ming@people.example"


def test_a_replayed_code_revokes_all_that_it_bought(browser: Browser, citizen: Person) -> None:
    code = browser.code(citizen)
    tokens = browser.redeem(code).json
    assert tokens is not None
    assert browser.userinfo(tokens["access_token"]).status_code == 200

    again = browser.redeem(code)

    assert again.status_code == 400
    assert again.json is not None
    assert again.json["error"] == "invalid_grant"
    assert browser.userinfo(tokens["access_token"]).status_code == 401
    refreshed = browser.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert refreshed.json is not None
    assert refreshed.json["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"code_verifier": ""}, id="T13 no verifier"),
        pytest.param({"code_verifier": "x" * 43}, id="T13 another verifier"),
        pytest.param({"code_verifier": VERIFIER[:42]}, id="T13 42 characters"),
        pytest.param({"code_verifier": "v" * 129}, id="T13 129 characters"),
        pytest.param({"redirect_uri": CALLBACK + "/"}, id="T10 another redirect URI"),
        pytest.param({"client_id": "stranger"}, id="T10 another client's id"),
        pytest.param({"code": "pac_made_up"}, id="no code of ours"),
    ],
)
def test_what_does_not_fit_the_code_buys_nothing_and_does_not_spend_it(
    browser: Browser, citizen: Person, changes: dict[str, str]
) -> None:
    code = browser.code(citizen)

    refused = browser.redeem(code, **changes)

    assert refused.status_code in {400, 401}
    assert refused.json is not None
    assert refused.json["error"] in {"invalid_grant", "invalid_client"}
    assert browser.redeem(code).status_code == 200


def test_T10_a_code_of_one_client_is_worth_nothing_to_another(
    browser: Browser, citizen: Person
) -> None:
    code = browser.code(citizen)

    refused = browser.redeem(code, "stranger")

    assert refused.json is not None
    assert refused.json["error"] == "invalid_grant"


def test_a_code_is_good_for_a_minute(
    browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    code = browser.code(citizen)

    clock.advance(timedelta(seconds=60))

    refused = browser.redeem(code)
    assert refused.json is not None
    assert refused.json["error"] == "invalid_grant"


def test_a_redirect_uri_may_be_left_out_at_the_token_endpoint(
    browser: Browser, citizen: Person
) -> None:
    code = browser.code(citizen)

    assert browser.redeem(code, redirect_uri="").status_code == 200


@pytest.mark.parametrize("sent", ["", "https://app.example/other"])
def test_T10_without_a_challenge_the_code_is_bound_to_its_redirect_uri(
    browser: Browser, citizen: Person, enrol: Enrol, sent: str
) -> None:
    enrol("older", profile="oidc", redirect_uris=[CALLBACK, "https://app.example/other"])
    code = browser.code(citizen, "older", code_challenge="", code_challenge_method="")

    refused: Any = browser.redeem(code, "older", redirect_uri=sent, code_verifier="").json

    assert refused["error"] == "invalid_grant"
    assert browser.redeem(code, "older", code_verifier="").status_code == 200


def test_a_refresh_rotates_and_keeps_the_time_of_the_sign_in(
    browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    first = browser.redeem(browser.code(citizen)).json
    assert first is not None
    clock.advance(timedelta(minutes=5))

    second = browser.token(grant_type="refresh_token", refresh_token=first["refresh_token"])

    assert second.status_code == 200
    assert second.headers["Cache-Control"] == "no-store"
    assert second.json is not None
    assert second.json["refresh_token"] != first["refresh_token"]
    before, after = (id_token(browser, one["id_token"]) for one in (first, second.json))
    assert after["auth_time"] == before["auth_time"]
    assert after["iat"] == int(clock.now.timestamp())
    assert "nonce" not in after


def test_T15_a_reused_refresh_token_ends_its_family(browser: Browser, citizen: Person) -> None:
    first = browser.redeem(browser.code(citizen)).json
    assert first is not None
    second = browser.token(grant_type="refresh_token", refresh_token=first["refresh_token"]).json
    assert second is not None

    reused = browser.token(grant_type="refresh_token", refresh_token=first["refresh_token"])

    assert reused.json is not None
    assert reused.json["error"] == "invalid_grant"
    successor = browser.token(grant_type="refresh_token", refresh_token=second["refresh_token"])
    assert successor.status_code == 400
    assert browser.userinfo(second["access_token"]).status_code == 401


def test_T18_scope_may_shrink_at_refresh_but_never_grow(browser: Browser, citizen: Person) -> None:
    tokens = browser.redeem(browser.code(citizen, scope="openid email")).json
    assert tokens is not None
    refresh = tokens["refresh_token"]

    wider = browser.token(
        grant_type="refresh_token", refresh_token=refresh, scope="openid email profile"
    )
    narrower = browser.token(grant_type="refresh_token", refresh_token=refresh, scope="openid")

    assert wider.json is not None
    assert wider.json["error"] == "invalid_scope"
    assert narrower.json is not None
    assert narrower.json["scope"] == "openid"


def tightened(portico: Provider, registered: ClientSection, **changes: Any) -> None:
    with portico.database.write() as tx:
        clients.change(tx, msgspec.structs.replace(registered, **changes))
    portico.clients.forget()


def test_T18_a_tightened_registration_reaches_what_was_granted_before(
    browser: Browser, citizen: Person, provider: Provider, enrol: Enrol
) -> None:
    api = "https://cases.example/api"
    registered = enrol("other", resources=[api])
    code = browser.code(citizen, "other", scope="openid email phone", resource=api)
    first: Any = browser.redeem(code, "other").json
    tightened(provider, registered, scope="openid email", resources=[])
    refresh = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}

    wider: Any = browser.token("other", **refresh, scope="openid phone").json
    second: Any = browser.token("other", **refresh).json

    assert wider["error"] == "invalid_scope"
    assert second["scope"] == "email openid"
    assert claims_of(second["access_token"])["aud"] == "https://sso.example"
    tightened(provider, registered, scope="api")
    refresh["refresh_token"] = second["refresh_token"]
    nothing: Any = browser.token("other", **refresh).json
    assert nothing["error"] == "invalid_grant"


def test_P33_who_is_no_longer_served_refreshes_nothing_and_loses_nothing(
    browser: Browser, citizen: Person, provider: Provider, enrol: Enrol
) -> None:
    registered = enrol("other")
    first: Any = browser.redeem(browser.code(citizen, "other"), "other").json
    refresh = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    tightened(provider, registered, account_kinds=["lawyer", "judge"])

    refused: Any = browser.token("other", **refresh).json
    tightened(provider, registered, account_kinds=["lawyer", "citizen"])

    assert refused["error"] == "invalid_grant"
    assert browser.token("other", **refresh).status_code == 200


def test_client_credentials_speak_for_the_client_alone(browser: Browser) -> None:
    tokens = browser.token("machine", grant_type="client_credentials")

    assert tokens.status_code == 200
    assert tokens.json is not None
    assert tokens.json["scope"] == "api"
    assert "refresh_token" not in tokens.json
    assert browser.userinfo(tokens.json["access_token"]).status_code == 403


def test_introspection_and_revocation(browser: Browser, citizen: Person) -> None:
    tokens = browser.redeem(browser.code(citizen)).json
    assert tokens is not None
    access = tokens["access_token"]

    seen = call(browser, "/introspect", "app", access)
    by_others = call(browser, "/introspect", "stranger", access)
    call(browser, "/revoke", "stranger", access)
    untouched = browser.userinfo(access).status_code
    call(browser, "/revoke", "app", access)

    assert seen["active"] is True
    assert seen["sub"] == citizen.sub
    assert by_others == {"active": False}
    assert untouched == 200
    assert call(browser, "/introspect", "app", access) == {"active": False}
    assert browser.userinfo(access).status_code == 401
    assert call(browser, "/introspect", "app", tokens["refresh_token"])["active"] is True
    call(browser, "/revoke", "app", tokens["refresh_token"])
    assert call(browser, "/introspect", "app", tokens["refresh_token"]) == {"active": False}


def call(browser: Browser, path: str, client_id: str, token: str) -> dict[str, object]:
    """Call an endpoint that takes a token and a client's secret."""
    import base64

    from tests.people import SECRET

    basic = base64.b64encode(f"{client_id}:{SECRET}".encode()).decode()
    reply = browser.post(path, {"token": token}, Authorization=f"Basic {basic}")
    assert reply.status_code == 200, reply.text
    return dict(reply.json or {})
