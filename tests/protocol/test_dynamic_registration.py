"""Dynamic registration and its management (A0.3, A0.4, A11, B7): RFC 7591, RFC 7592."""

import base64
import hashlib
import json
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from werkzeug.test import TestResponse

from idp.accounts.model import SUBJECT_PREFIX
from idp.clock import seconds
from idp.config import Config, RegistrationSection
from idp.provider import Provider
from tests.clock import MovableClock
from tests.people import BASE, CALLBACK, CONFIG, VERIFIER, Browser, Person, answer

TOKEN = "the-operator-handed-this-out"
KEY = RSAKey.generate_key(2048)
KIDLESS = {name: value for name, value in KEY.as_dict(private=False).items() if name != "kid"}
HYBRID = {
    "client_name": "A plan's client",
    "grant_types": ["authorization_code", "implicit", "refresh_token"],
    "response_types": ["code id_token"],
    "redirect_uris": [CALLBACK],
    "token_endpoint_auth_method": "client_secret_basic",
    "jwks": {"keys": [KIDLESS]},
    "contacts": ["certification@oidf.example"],
}


def configured(**section: Any) -> Config:
    return msgspec.structs.replace(CONFIG, registration=RegistrationSection(**section))


@pytest.fixture
def config() -> Config:
    return configured(mode="open", profiles=["oidc", "oauth21"])


def send(
    browser: Browser, method: str, url: str, document: object = None, token: str = ""
) -> TestResponse:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return browser.client.open(
        url,
        method=method,
        base_url=BASE,
        data=None if document is None else json.dumps(document),
        content_type="application/json",
        headers=headers,
    )


def register(browser: Browser, **changes: Any) -> dict[str, Any]:
    members = {name: value for name, value in (HYBRID | changes).items() if value is not None}
    found = send(browser, "POST", "/register", members)
    assert found.status_code == 201, found.text
    assert found.content_type == "application/json"
    assert found.headers["Cache-Control"] == "no-store"
    document: dict[str, Any] = found.json or {}
    return document


def manage(
    browser: Browser, client: dict[str, Any], method: str, document: object = None
) -> TestResponse:
    where = client["registration_client_uri"].removeprefix(BASE)
    return send(browser, method, where, document, client["registration_access_token"])


def refused(response: TestResponse) -> tuple[int, str]:
    assert response.json is not None
    assert response.json["error_description"].isascii()
    return response.status_code, response.json["error"]


def test_whatever_chance_gives_no_client_is_taken_for_a_person(provider: Provider) -> None:
    """A ``sub`` begins with ``s_``, and so would one identifier in 4096 of chance alone."""
    unlucky = base64.urlsafe_b64decode("s_AAAAAAAAAAAAAAAAAAAA==")
    parts = replace(provider.registrar.parts, entropy=lambda size: unlucky[:size].ljust(size))
    mine = replace(provider, registrar=replace(provider.registrar, parts=parts))

    client = register(Browser.on(mine))

    assert not client["client_id"].startswith(SUBJECT_PREFIX)


def test_all_that_was_registered_is_returned(browser: Browser) -> None:
    client = register(browser)

    for name, value in HYBRID.items():
        assert client[name] == value
    assert client["client_secret"]
    assert client["client_secret_expires_at"] == 0
    assert client["registration_client_uri"].startswith(BASE + "/register")
    assert "openid" in client["scope"]
    metadata: Any = browser.get("/.well-known/openid-configuration").json
    assert metadata["registration_endpoint"] == f"{BASE}/register"


def test_a_client_that_registered_itself_signs_people_in(browser: Browser, citizen: Person) -> None:
    client = register(browser, response_types=["code"])
    query = {"scope": "openid email", "code_challenge": "", "code_challenge_method": ""}

    browser.authorize(client["client_id"], **query)
    browser.sign_in(citizen)
    assert "/signin/consent" in browser.trail[-1]
    browser.consent()
    code = answer(browser.last)["code"]

    basic = base64.b64encode(f"{client['client_id']}:{client['client_secret']}".encode()).decode()
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    tokens: Any = browser.post("/token", form, Authorization=f"Basic {basic}").json
    told: Any = browser.userinfo(tokens["access_token"]).json
    assert told["email"] == "ming@people.example"


def test_a_key_without_kid_proves_the_client(browser: Browser, clock: MovableClock) -> None:
    client = register(
        browser,
        response_types=["code"],
        grant_types=["authorization_code"],
        token_endpoint_auth_method="private_key_jwt",
        token_endpoint_auth_signing_alg="RS256",
    )
    assert "client_secret" not in client
    assert client["token_endpoint_auth_signing_alg"] == "RS256"
    now = seconds(clock())
    claims = {
        "iss": client["client_id"], "sub": client["client_id"], "aud": f"{BASE}/token",
        "jti": "once", "iat": now, "exp": now + 60,
    }  # fmt: skip
    form = {
        "grant_type": "authorization_code",
        "code": "pac_unknown",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": jwt.encode({"alg": "RS256"}, claims, KEY, algorithms=["RS256"]),
    }

    found: Any = browser.post("/token", form).json

    assert found["error"] == "invalid_grant"


def test_the_defaults_are_those_of_rfc_7591(browser: Browser) -> None:
    found = send(browser, "POST", "/register", {"redirect_uris": [CALLBACK]}).json or {}

    assert found["grant_types"] == ["authorization_code"]
    assert found["response_types"] == ["code"]
    assert found["token_endpoint_auth_method"] == "client_secret_basic"
    assert found["id_token_signed_response_alg"] == "RS256"


def test_its_management_reads_replaces_and_deletes(browser: Browser, citizen: Person) -> None:
    client = register(browser, profile="oauth21", response_types=["code"])
    code = browser.code(citizen, client["client_id"])
    basic = base64.b64encode(f"{client['client_id']}:{client['client_secret']}".encode()).decode()
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }
    tokens: Any = browser.post("/token", form, Authorization=f"Basic {basic}").json

    read = manage(browser, client, "GET")
    assert read.status_code == 200
    assert (read.json or {})["redirect_uris"] == [CALLBACK]
    assert "client_secret" not in (read.json or {})

    kept = {"client_id": client["client_id"], "redirect_uris": [f"{CALLBACK}/new"]}
    replaced = manage(browser, client, "PUT", kept | {"client_secret": client["client_secret"]})
    assert replaced.status_code == 200, replaced.text
    assert (replaced.json or {})["redirect_uris"] == [f"{CALLBACK}/new"]
    assert "client_name" not in (replaced.json or {})

    assert browser.userinfo(tokens["access_token"]).status_code == 200
    assert manage(browser, client, "DELETE").status_code == 204
    assert refused(manage(browser, client, "GET"))[0] == 401
    assert browser.userinfo(tokens["access_token"]).status_code == 401
    again: Any = browser.post("/token", form, Authorization=f"Basic {basic}").json
    assert again["error"] == "invalid_client"


def test_one_client_cannot_manage_another(browser: Browser) -> None:
    mine, theirs = register(browser), register(browser)
    forged = theirs | {"registration_access_token": mine["registration_access_token"]}

    for method in ("GET", "DELETE", "PUT"):
        document = {"client_id": theirs["client_id"]} if method == "PUT" else None
        found = manage(browser, forged, method, document)
        assert refused(found) == (401, "invalid_token")
        assert found.headers["WWW-Authenticate"].startswith("Bearer")
    assert manage(browser, theirs, "GET").status_code == 200


def test_a_client_of_an_operator_cannot_be_managed_at_all(browser: Browser) -> None:
    mine = register(browser)
    forged = mine | {"registration_client_uri": f"{BASE}/register?client_id=app"}

    assert refused(manage(browser, forged, "DELETE")) == (401, "invalid_token")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"redirect_uris": []}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://app.example/#part"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["http://app.example/"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["javascript:alert(1)"]}, "invalid_redirect_uri"),
        ({"redirect_uris": "https://app.example/"}, "invalid_client_metadata"),
        ({"response_types": ["code banana"]}, "invalid_client_metadata"),
        ({"response_types": ["code id_token"], "grant_types": ["authorization_code"]},
         "invalid_client_metadata"),
        ({"grant_types": ["client_credentials"]}, "invalid_client_metadata"),
        ({"grant_types": ["password"]}, "invalid_client_metadata"),
        ({"scope": "openid api"}, "invalid_client_metadata"),
        ({"token_endpoint_auth_method": "private_key_jwt", "jwks": None},
         "invalid_client_metadata"),
        ({"token_endpoint_auth_method": "client_secret_jwt"}, "invalid_client_metadata"),
        ({"token_endpoint_auth_signing_alg": "PS256"}, "invalid_client_metadata"),
        ({"token_endpoint_auth_method": "private_key_jwt",
          "token_endpoint_auth_signing_alg": "HS256"}, "invalid_client_metadata"),
        ({"jwks": {"keys": [KEY.as_dict(private=True)]}}, "invalid_client_metadata"),
        ({"id_token_signed_response_alg": "none"}, "invalid_client_metadata"),
        ({"initiate_login_uri": "http://app.example/start"}, "invalid_client_metadata"),
        ({"logo_uri": "data:image/png;base64,x"}, "invalid_client_metadata"),
        ({"subject_type": "secret"}, "invalid_client_metadata"),
        ({"subject_type": "pairwise", "redirect_uris": [CALLBACK, "https://other.example/"]},
         "invalid_client_metadata"),
        ({"sector_identifier_uri": "https://127.0.0.1/sector.json"}, "invalid_client_metadata"),
        ({"request_object_signing_alg": "none"}, "invalid_client_metadata"),
        ({"userinfo_signed_response_alg": "HS256"}, "invalid_client_metadata"),
        ({"userinfo_encrypted_response_alg": "RSA1_5"}, "invalid_client_metadata"),
        ({"jwks_uri": "https://app.example/keys"}, "invalid_client_metadata"),
        ({"jwks": None, "jwks_uri": "http://app.example/keys"}, "invalid_client_metadata"),
        ({"request_uris": ["http://app.example/r.jwt"]}, "invalid_client_metadata"),
        ({"request_uris": "https://app.example/r.jwt"}, "invalid_client_metadata"),
        ({"dpop_bound_access_tokens": True, "response_types": ["code token"]},
         "invalid_client_metadata"),
        ({"tls_client_certificate_bound_access_tokens": True, "response_types": ["code token"]},
         "invalid_client_metadata"),
        ({"profile": "fapi2"}, "invalid_client_metadata"),
        ({"profile": "oauth21"}, "invalid_client_metadata"),
        ({"contacts": "me"}, "invalid_client_metadata"),
    ],
)  # fmt: skip
def test_what_cannot_be_had_is_refused_and_named(
    browser: Browser, changes: dict[str, Any], error: str
) -> None:
    members = {name: value for name, value in (HYBRID | changes).items() if value is not None}

    found = send(browser, "POST", "/register", members)

    assert refused(found) == (400, error)
    assert "banana" not in found.text


LED = ("jwks_uri", "request_uris", "backchannel_logout_uri", "frontchannel_logout_uri")


@pytest.mark.parametrize("member", LED)
def test_it_has_us_call_only_where_it_is_at_home(browser: Browser, member: str) -> None:
    def asked(host: str) -> TestResponse:
        uri = f"https://{host}/there"
        changes = {"jwks": None, member: [uri] if member == "request_uris" else uri}
        members = {name: value for name, value in (HYBRID | changes).items() if value is not None}
        return send(browser, "POST", "/register", members)

    client = register(browser)
    elsewhere = {"client_id": client["client_id"], "redirect_uris": [CALLBACK]}
    elsewhere |= {
        member: ["https://a.example/"] if member == "request_uris" else "https://a.example/"
    }

    assert asked("app.example").status_code == 201
    for host in ("victim.example", "app.example.evil.example", "sub.app.example"):
        assert refused(asked(host)) == (400, "invalid_client_metadata")
    assert refused(manage(browser, client, "PUT", elsewhere))[0] == 400


@pytest.mark.parametrize("body", ["", "[]", "null", "{", '{"redirect_uris": 1}', "[" * 50_000])
def test_a_body_that_is_no_registration_is_refused(browser: Browser, body: str) -> None:
    found = browser.client.post(
        "/register", base_url=BASE, data=body, content_type="application/json"
    )

    assert found.status_code == 400


def test_what_it_states_about_itself_is_returned(browser: Browser) -> None:
    stated = {
        "initiate_login_uri": "https://app.example/start",
        "policy_uri": "https://app.example/policy",
        "application_type": "web",
    }

    client = register(browser, **stated)

    assert {name: client[name] for name in stated} == stated


class TestClosed:
    """Unless the configuration says otherwise."""

    @pytest.fixture
    def config(self) -> Config:
        return CONFIG

    def test_nobody_registers(self, browser: Browser) -> None:
        found = send(browser, "POST", "/register", HYBRID)
        metadata: Any = browser.get("/.well-known/openid-configuration").json

        assert refused(found) == (403, "access_denied")
        assert "registration_endpoint" not in metadata


class TestByInvitation:
    """With an initial access token."""

    @pytest.fixture
    def config(self) -> Config:
        hashed = hashlib.sha256(TOKEN.encode()).hexdigest()
        return configured(
            mode="initial_access_token", initial_access_tokens_sha256=[hashed], profiles=["oidc"]
        )

    def test_only_who_holds_the_token_registers(self, browser: Browser) -> None:
        assert send(browser, "POST", "/register", HYBRID).status_code == 401
        assert send(browser, "POST", "/register", HYBRID, "guessed").status_code == 401
        assert send(browser, "POST", "/register", HYBRID, TOKEN).status_code == 201
