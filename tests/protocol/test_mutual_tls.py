"""Client certificates (RFC 8705): who a client is, and what its tokens are bound to."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from sqlalchemy import update
from werkzeug.test import TestResponse

from idp.config import Config, MtlsSection, ServerSection
from idp.oidc.clients import BadRegistration, ClientRow
from idp.oidc.model import stored
from idp.provider import Provider
from tests.clock import MovableClock
from tests.conftest import Enrol
from tests.labs.certificates import Issued, issue
from tests.labs.signing import claims_of
from tests.people import BASE, CALLBACK, CONFIG, VERIFIER, Browser, Person, answer, request_of

NOW = MovableClock().now
ROOT = issue("Court apps root", NOW, authority=True)
ANOTHER_ROOT = issue("Court apps root", NOW, authority=True)
APP = issue("efiling", NOW, issuer=ROOT, names=(x509.DNSName("efiling.example"),))
OTHER = issue("another", NOW, issuer=ROOT)
OVER = issue("efiling", NOW, issuer=ROOT, over=True)
FORGED = issue("efiling", NOW, issuer=ANOTHER_ROOT)
SELF_SIGNED, SELF_SIGNED_TOO = issue("efiling", NOW), issue("efiling", NOW)
SUBJECT = "CN=efiling,O=Court apps"
GRANTS = ["authorization_code", "refresh_token", "client_credentials"]


@pytest.fixture
def config(tmp_path: Path) -> Config:
    ca_file = tmp_path / "roots.pem"
    ca_file.write_bytes(ROOT.pem)
    return msgspec.structs.replace(
        CONFIG,
        server=ServerSection(trusted_proxies=["203.0.113.7/32"]),
        mtls=MtlsSection(
            header="X-Client-Cert", ca_file=str(ca_file), endpoint="https://mtls.sso.example"
        ),
    )


@pytest.fixture
def by_ca(enrol: Enrol) -> Enrol:
    def register(client_id: str, **changes: Any) -> Any:
        fields = {
            "token_endpoint_auth_method": "tls_client_auth",
            "secret_sha256": "",
            "tls_client_auth_subject_dn": SUBJECT,
            "grant_types": GRANTS,
            "scope": "openid email offline_access api",
        }
        return enrol(client_id, **(fields | changes))

    return register


def call(
    browser: Browser, certificate: str, client_id: str = "efiling", /, **form: str
) -> TestResponse:
    sent = {"grant_type": "client_credentials", "scope": "api", "client_id": client_id} | form
    headers = {"X-Client-Cert": certificate} if certificate else {}
    return browser.post("/token", {n: v for n, v in sent.items() if v}, **headers)


@pytest.mark.parametrize("form", ["rfc9440", "escaped_pem"])
def test_a_client_is_known_by_its_certificate(browser: Browser, by_ca: Enrol, form: str) -> None:
    by_ca("efiling")

    assert call(browser, getattr(APP, form)).status_code == 200


@pytest.mark.parametrize(
    "expected", [{"tls_client_auth_san_dns": "efiling.example"}], ids=["a host"]
)
def test_or_by_one_of_its_other_names(
    browser: Browser, by_ca: Enrol, expected: dict[str, str]
) -> None:
    by_ca("efiling", **({"tls_client_auth_subject_dn": ""} | expected))

    assert call(browser, APP.rfc9440).status_code == 200
    assert call(browser, OTHER.rfc9440).status_code == 401


@pytest.mark.parametrize(
    "certificate",
    [
        pytest.param(OTHER.rfc9440, id="another client's"),
        pytest.param(OVER.rfc9440, id="expired"),
        pytest.param(FORGED.rfc9440, id="of an authority of the same name"),
        pytest.param(SELF_SIGNED.rfc9440, id="signed by itself"),
        pytest.param(":AAAA:", id="no certificate"),
        pytest.param("%2D%2D", id="no PEM"),
        pytest.param("-" * 20_000, id="too long"),
        pytest.param("", id="absent"),
    ],
)
def test_any_other_certificate_proves_nothing(
    browser: Browser, by_ca: Enrol, certificate: str
) -> None:
    by_ca("efiling")

    found = call(browser, certificate)

    assert (found.status_code, (found.json or {})["error"]) == (401, "invalid_client")


def test_a_header_from_anybody_but_the_proxy_is_not_read(browser: Browser, by_ca: Enrol) -> None:
    by_ca("efiling")
    browser.client.environ_base["REMOTE_ADDR"] = "198.51.100.1"

    assert call(browser, APP.rfc9440).status_code == 401


def test_the_name_that_the_door_uses_itself_cannot_be_sent_from_outside(
    browser: Browser, by_ca: Enrol
) -> None:
    by_ca("efiling")
    form = {"grant_type": "client_credentials", "client_id": "efiling"}

    found = browser.post("/token", form, **{"Client-Cert": APP.rfc9440})

    assert found.status_code == 401


def test_self_signed_certificates_are_compared_with_the_registered_ones(
    browser: Browser, enrol: Enrol
) -> None:
    enrol(
        "efiling",
        token_endpoint_auth_method="self_signed_tls_client_auth",
        secret_sha256="",
        jwks={"keys": [SELF_SIGNED.jwk]},
        grant_types=GRANTS,
        scope="openid api",
    )

    assert call(browser, SELF_SIGNED.rfc9440).status_code == 200
    assert call(browser, SELF_SIGNED_TOO.rfc9440).status_code == 401
    assert call(browser, APP.rfc9440).status_code == 401


def bought(browser: Browser, citizen: Person, certificate: Issued) -> Any:
    browser.authorize("efiling", scope="openid email offline_access")
    browser.sign_in(citizen)
    code = answer(browser.last)["code"]
    found = call(
        browser,
        certificate.rfc9440,
        grant_type="authorization_code",
        scope="",
        code=code,
        redirect_uri=CALLBACK,
        code_verifier=VERIFIER,
    )
    assert found.status_code == 200, found.text
    return found.json


def userinfo(browser: Browser, token: str, certificate: str) -> TestResponse:
    headers = {"Authorization": f"Bearer {token}"}
    if certificate:
        headers["X-Client-Cert"] = certificate
    return browser.client.get("/userinfo", base_url=BASE, headers=headers)


def test_a_bound_token_is_used_with_its_certificate_alone(
    browser: Browser, citizen: Person, by_ca: Enrol
) -> None:
    by_ca("efiling", tls_client_certificate_bound_access_tokens=True)

    document = bought(browser, citizen, APP)

    token = document["access_token"]
    assert claims_of(token)["cnf"]["x5t#S256"]
    assert document["token_type"] == "Bearer"
    assert userinfo(browser, token, APP.rfc9440).status_code == 200
    for other in (OTHER.rfc9440, "", ":AAAA:"):
        assert userinfo(browser, token, other).status_code == 401


def test_a_client_with_another_method_still_has_to_show_what_its_tokens_are_bound_to(
    browser: Browser, enrol: Enrol
) -> None:
    enrol(
        "efiling",
        grant_types=["client_credentials"],
        redirect_uris=[],
        scope="api",
        tls_client_certificate_bound_access_tokens=True,
    )

    found = browser.token("efiling", grant_type="client_credentials")

    assert (found.status_code, (found.json or {})["error"]) == (400, "invalid_grant")


def test_introspection_tells_the_binding(browser: Browser, citizen: Person, by_ca: Enrol) -> None:
    by_ca("efiling", tls_client_certificate_bound_access_tokens=True)
    token = bought(browser, citizen, APP)["access_token"]

    found: Any = browser.post(
        "/introspect",
        {"token": token, "client_id": "efiling"},
        **{"X-Client-Cert": APP.rfc9440},
    ).json

    assert found["cnf"] == claims_of(token)["cnf"]


def test_the_profile_fapi2_takes_a_certificate_for_key_and_binding(
    browser: Browser, citizen: Person, by_ca: Enrol
) -> None:
    by_ca(
        "efiling",
        profile="fapi2",
        id_token_signed_response_alg="ES256",
        tls_client_certificate_bound_access_tokens=True,
    )
    pushed: Any = browser.post("/par", request_of("efiling"), **{"X-Client-Cert": APP.rfc9440}).json
    browser.get("/authorize", client_id="efiling", request_uri=pushed["request_uri"])
    browser.follow()
    browser.sign_in(citizen)

    found = call(
        browser,
        APP.rfc9440,
        grant_type="authorization_code",
        scope="",
        code=answer(browser.last)["code"],
        redirect_uri=CALLBACK,
        code_verifier=VERIFIER,
    )

    assert found.status_code == 200, found.text


def test_discovery_tells_where_certificates_are_asked_for(browser: Browser) -> None:
    document: Any = browser.get("/.well-known/openid-configuration").json

    assert document["tls_client_certificate_bound_access_tokens"] is True
    assert document["mtls_endpoint_aliases"]["token_endpoint"] == "https://mtls.sso.example/token"
    assert "tls_client_auth" in document["token_endpoint_auth_methods_supported"]


@pytest.mark.parametrize(
    "changes",
    [
        {"tls_client_auth_subject_dn": ""},
        {"tls_client_auth_san_dns": "a.example"},
        {"tls_client_auth_subject_dn": "no name"},
        {"token_endpoint_auth_method": "self_signed_tls_client_auth"},
        {"token_endpoint_auth_method": "none"},
    ],
)
def test_a_registration_that_could_never_work_is_refused(
    by_ca: Enrol, changes: dict[str, str]
) -> None:
    with pytest.raises(BadRegistration):
        by_ca("efiling", **changes)


BINDINGS = ("tls_client_certificate_bound_access_tokens", "dpop_bound_access_tokens")


@pytest.mark.parametrize("binding", BINDINGS)
def test_a_client_whose_tokens_are_bound_gets_none_through_the_browser(
    browser: Browser, enrol: Enrol, provider: Provider, binding: str
) -> None:
    front: dict[str, Any] = {
        "profile": "oidc",
        "response_types": ["code id_token", "code id_token token"],
        "grant_types": ["authorization_code", "implicit"],
    }
    with pytest.raises(BadRegistration):
        enrol("refused", **front, **{binding: True})
    older = enrol("older", **front)
    stored_so = stored(msgspec.structs.replace(older, **{binding: True}))  # before it was refused
    with provider.database.write() as tx:
        tx.execute(
            update(ClientRow).where(ClientRow.client_id == "older").values(registration=stored_so)
        )

    browser.authorize("older", response_type="code id_token token")

    assert answer(browser.last)["error"] == "unsupported_response_type"
    browser.authorize("older", response_type="code id_token")
    assert "/signin/password" in browser.trail[-1]
