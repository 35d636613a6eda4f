"""Tokens bound to a key (RFC 9449), each negative one named by what it changes."""

import base64
import hashlib
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry
from werkzeug.test import TestResponse

from idp.clock import seconds
from idp.oidc import clients
from idp.provider import Provider
from tests.clock import MovableClock
from tests.people import APP, BASE, CALLBACK, SECRET, VERIFIER, Browser, Person, answer, request_of

KEY = ECKey.generate_key("P-256")
OTHER = ECKey.generate_key("P-256")
_NUMBER = iter(range(1_000_000))


def ath(token: str) -> str:
    hashed = hashlib.sha256(token.encode()).digest()
    return base64.urlsafe_b64encode(hashed).rstrip(b"=").decode()


def proof(
    clock: MovableClock,
    path: str = "/token",
    method: str = "POST",
    *,
    key: Any = KEY,
    header: dict[str, Any] | None = None,
    **claims: Any,
) -> str:
    """Sign a proof as a client does; a claim of ``None`` is left out."""
    alg = {"EC": "ES256", "OKP": "EdDSA", "RSA": "PS256"}[key.key_type]
    head = {"typ": "dpop+jwt", "alg": alg, "jwk": key.as_dict(private=False)} | (header or {})
    body = {
        "jti": f"proof-{next(_NUMBER)}",
        "htm": method,
        "htu": f"{BASE}{path}",
        "iat": seconds(clock()),
    } | claims
    head = {name: value for name, value in head.items() if value is not None}
    body = {name: value for name, value in body.items() if value is not None}
    # Our own writing of a JWS: a library would refuse to sign most of what is tested here.
    signing_input = ".".join(
        base64.urlsafe_b64encode(msgspec.json.encode(part)).rstrip(b"=").decode()
        for part in (head, body)
    )
    signature = JWSRegistry.algorithms[alg].sign(signing_input.encode(), key)
    return f"{signing_input}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def redeem(browser: Browser, code: str, sent: str, client_id: str = "app") -> TestResponse:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }
    return token(browser, form, sent, client_id)


def token(
    browser: Browser, form: dict[str, str], sent: str, client_id: str = "app"
) -> TestResponse:
    headers = {"DPoP": sent} if sent else {}
    if client_id == "public":
        return browser.post("/token", form | {"client_id": "public"}, **headers)
    basic = base64.b64encode(f"{client_id}:{SECRET}".encode()).decode()
    return browser.post("/token", form, Authorization=f"Basic {basic}", **headers)


def userinfo(browser: Browser, access_token: str, sent: str, scheme: str = "DPoP") -> TestResponse:
    headers = {"Authorization": f"{scheme} {access_token}"} | ({"DPoP": sent} if sent else {})
    return browser.client.get("/userinfo", base_url=BASE, headers=headers)


def refused(response: TestResponse) -> tuple[int, str]:
    return response.status_code, (response.json or {}).get("error", "")


@pytest.fixture
def bound(browser: Browser, citizen: Person, clock: MovableClock) -> str:
    """An access token that only ``KEY`` can use."""
    document: Any = redeem(browser, browser.code(citizen), proof(clock)).json
    assert document["token_type"] == "DPoP"
    return str(document["access_token"])


@pytest.mark.parametrize(
    "key",
    [KEY, OKPKey.generate_key("Ed25519"), RSAKey.generate_key(2048)],
    ids=["ES256", "EdDSA", "PS256"],
)
def test_a_bound_token_is_used_with_its_key(
    browser: Browser, citizen: Person, clock: MovableClock, key: Any
) -> None:
    document: Any = redeem(browser, browser.code(citizen), proof(clock, key=key)).json
    access_token = document["access_token"]

    told = userinfo(
        browser, access_token, proof(clock, "/userinfo", "GET", key=key, ath=ath(access_token))
    )

    assert document["token_type"] == "DPoP"
    assert told.status_code == 200
    assert (told.json or {})["sub"] == citizen.sub


def test_introspection_names_the_key(browser: Browser, bound: str) -> None:
    basic = base64.b64encode(f"app:{SECRET}".encode()).decode()

    found: Any = browser.post("/introspect", {"token": bound}, Authorization=f"Basic {basic}").json

    assert found["cnf"] == {"jkt": KEY.thumbprint()}
    assert found["token_type"] == "DPoP"


def test_a_stolen_token_is_worth_nothing(browser: Browser, bound: str, clock: MovableClock) -> None:
    good = ath(bound)

    assert refused(browser.userinfo(bound)) == (401, "invalid_token")
    without = userinfo(browser, bound, "")
    assert refused(without) == (401, "invalid_dpop_proof")
    assert without.headers["WWW-Authenticate"].startswith("DPoP ")
    strangers = proof(clock, "/userinfo", "GET", key=OTHER, ath=good)
    assert refused(userinfo(browser, bound, strangers)) == (401, "invalid_token")
    assert refused(userinfo(browser, bound, strangers, "Bearer")) == (401, "invalid_token")


def test_an_unbound_token_is_not_taken_for_a_bound_one(
    browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    document: Any = browser.redeem(browser.code(citizen)).json
    plain = document["access_token"]

    found = userinfo(browser, plain, proof(clock, "/userinfo", "GET", ath=ath(plain)))

    assert refused(found) == (401, "invalid_token")


@pytest.mark.parametrize(
    "changes",
    [
        {"htm": "GET"},
        {"htm": None},
        {"htu": f"{BASE}/userinfo"},
        {"htu": "https://evil.example/token"},
        {"htu": None},
        {"htu": 7},
        {"jti": None},
        {"jti": ""},
        {"jti": "x" * 300},
        {"iat": None},
        {"iat": "now"},
        {"iat": True},
        {"header": {"typ": "JWT"}},
        {"header": {"typ": None}},
        {"header": {"jwk": OTHER.as_dict(private=False)}},
        {"header": {"jwk": KEY.as_dict(private=True)}},
        {"header": {"jwk": None}},
        {"header": {"jwk": {"kty": "oct", "k": "AAAA"}}},
        {"header": {"jwk": {"kty": "RSA", "e": "AQAB", "n": "_" * 4000}, "alg": "PS256"}},
        {"header": {"crit": ["exp"]}},
    ],
)
def test_a_proof_that_does_not_fit_is_refused(
    browser: Browser, citizen: Person, clock: MovableClock, changes: dict[str, Any]
) -> None:
    code = browser.code(citizen)

    found = redeem(browser, code, proof(clock, **changes))

    assert refused(found) == (400, "invalid_dpop_proof")
    assert redeem(browser, code, proof(clock)).status_code == 200, "the code must not be used up"


@pytest.mark.parametrize(
    ("off", "good"),
    [
        (-10, True),
        (10, True),
        (-59, True),
        (-61, False),
        (11, False),
        (3600, False),
        (-3600, False),
    ],
)
def test_a_proof_is_of_this_minute(
    browser: Browser, citizen: Person, clock: MovableClock, off: int, good: bool
) -> None:
    code = browser.code(citizen)

    found = redeem(browser, code, proof(clock, iat=seconds(clock()) + off))

    assert (found.status_code == 200) is good


@pytest.mark.parametrize("changes", [{"exp": -1}, {"nbf": 60}])
def test_a_proof_that_says_when_it_is_good_is_believed(
    browser: Browser, citizen: Person, clock: MovableClock, changes: dict[str, Any]
) -> None:
    at: dict[str, Any] = {name: seconds(clock()) + off for name, off in changes.items()}

    found = redeem(browser, browser.code(citizen), proof(clock, **at))

    assert refused(found) == (400, "invalid_dpop_proof")


@pytest.mark.parametrize(
    "htu", [f"{BASE}/token?a=b#c", "HTTPS://SSO.EXAMPLE/token", "https://sso.example:443/token"]
)
def test_an_address_is_compared_in_normal_form(
    browser: Browser, citizen: Person, clock: MovableClock, htu: str
) -> None:
    assert redeem(browser, browser.code(citizen), proof(clock, htu=htu)).status_code == 200


def test_a_proof_is_good_once(browser: Browser, citizen: Person, clock: MovableClock) -> None:
    used = proof(clock)
    assert redeem(browser, browser.code(citizen), used).status_code == 200
    clock.advance(timedelta(seconds=5))

    again = redeem(browser, browser.code(citizen), used)

    assert refused(again) == (400, "invalid_dpop_proof")


@pytest.mark.parametrize("alg", ["RS256", "HS256", "none"])
def test_another_algorithm_is_refused(
    browser: Browser, citizen: Person, clock: MovableClock, alg: str
) -> None:
    rsa = RSAKey.generate_key(2048)
    head, body, signature = proof(clock, key=rsa).split(".")
    written = msgspec.json.decode(base64.urlsafe_b64decode(head + "==")) | {"alg": alg}
    forged = base64.urlsafe_b64encode(msgspec.json.encode(written)).rstrip(b"=").decode()

    found = redeem(browser, browser.code(citizen), f"{forged}.{body}.{signature}")

    assert refused(found) == (400, "invalid_dpop_proof")


@pytest.mark.parametrize("sent", ["x", "a.b.c", "a.b.c, a.b.c", "x" * 20_000])
def test_a_header_that_is_no_proof_is_refused(browser: Browser, citizen: Person, sent: str) -> None:
    assert refused(redeem(browser, browser.code(citizen), sent)) == (400, "invalid_dpop_proof")


def test_the_token_under_the_proof_has_to_be_the_one_presented(
    browser: Browser, bound: str, clock: MovableClock
) -> None:
    for wrong in (ath("another"), None):
        found = userinfo(browser, bound, proof(clock, "/userinfo", "GET", ath=wrong))
        assert refused(found) == (401, "invalid_dpop_proof")


def test_a_public_clients_refresh_token_is_bound_to_its_key(
    browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    first: Any = redeem(browser, browser.code(citizen, "public"), proof(clock), "public").json
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}

    stolen = token(browser, form, proof(clock, key=OTHER), "public")
    without = token(browser, form, "", "public")
    own = token(browser, form, proof(clock), "public")

    assert refused(stolen) == refused(without) == (400, "invalid_grant")
    assert own.status_code == 200
    assert (own.json or {})["token_type"] == "DPoP"


def test_a_code_bound_by_dpop_jkt_is_bought_with_that_key_alone(
    browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    code = browser.code(citizen, dpop_jkt=KEY.thumbprint())

    stolen = redeem(browser, code, proof(clock, key=OTHER))
    without = redeem(browser, code, "")

    assert refused(stolen) == refused(without) == (400, "invalid_grant")
    assert redeem(browser, code, proof(clock)).status_code == 200


def test_a_pushed_request_binds_the_code_to_the_key_of_its_proof(
    browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    browser.code(citizen)
    basic = "Basic " + base64.b64encode(f"app:{SECRET}".encode()).decode()
    found: Any = browser.post(
        "/par", request_of("app"), Authorization=basic, DPoP=proof(clock, "/par")
    ).json
    browser.get("/authorize", client_id="app", request_uri=found["request_uri"])
    code = answer(browser.last)["code"]

    assert refused(redeem(browser, code, proof(clock, key=OTHER))) == (400, "invalid_grant")
    assert redeem(browser, code, proof(clock)).status_code == 200


def test_a_pushed_request_for_another_key_is_refused(browser: Browser, clock: MovableClock) -> None:
    basic = "Basic " + base64.b64encode(f"app:{SECRET}".encode()).decode()

    found = browser.post(
        "/par",
        request_of("app", dpop_jkt=OTHER.thumbprint()),
        Authorization=basic,
        DPoP=proof(clock, "/par"),
    )

    assert refused(found) == (400, "invalid_dpop_proof")


def test_a_client_registered_for_bound_tokens_gets_no_others(
    browser: Browser, citizen: Person, clock: MovableClock, provider: Provider
) -> None:
    strict = msgspec.structs.replace(APP, client_id="strict", dpop_bound_access_tokens=True)
    with provider.database.write() as tx:
        clients.add(tx, strict, source="operator")
    code = browser.code(citizen, "strict")

    without = redeem(browser, code, "", "strict")

    assert refused(without) == (400, "invalid_dpop_proof")
    assert redeem(browser, code, proof(clock), "strict").status_code == 200
