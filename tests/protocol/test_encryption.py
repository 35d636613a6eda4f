"""Answers that only the client reads, and requests that only we read (RFC 7516)."""

from typing import Any

import msgspec
import pytest
from joserfc import jwe
from joserfc.jwk import ECKey, RSAKey

from idp.clock import seconds
from idp.config import Config, KeysSection
from idp.oidc.clients import BadRegistration
from idp.provider import Provider
from idp.worker import rotate_keys
from tests.clock import MovableClock
from tests.conftest import Enrol
from tests.labs.signing import Key, base64url, claims_of, public, signed
from tests.people import BASE, CONFIG, Browser, Person, answer, request_of
from tests.protocol.test_signed_answers import introspect

EC, RSA, SIGNING = ECKey.generate_key("P-256"), RSAKey.generate_key(2048), ECKey.generate_key()
KEYS: dict[str, Key] = {"ECDH-ES": EC, "ECDH-ES+A256KW": EC, "RSA-OAEP-256": RSA}
REGISTRY = jwe.JWERegistry(algorithms=[*KEYS, "A128GCM", "A256GCM", "A128CBC-HS256"])


@pytest.fixture
def config() -> Config:
    algorithms: Any = ["RS256", "ES256", "EdDSA", "RSA-OAEP-256", "ECDH-ES"]
    return msgspec.structs.replace(CONFIG, keys=KeysSection(algorithms=algorithms))


@pytest.fixture(autouse=True)
def _with_keys(provider: Provider) -> None:
    rotate_keys(provider)


def opened(token: str, alg: str) -> str:
    found = jwe.decrypt_compact(token, KEYS[alg], registry=REGISTRY)
    assert found.protected["cty"] == "JWT"
    return (found.plaintext or b"").decode()


def enrolled(enrol: Enrol, alg: str, enc: str = "A256GCM") -> None:
    kinds = ("id_token", "userinfo", "authorization", "introspection")
    fields: dict[str, str] = {f"{kind}_encrypted_response_alg": alg for kind in kinds}
    fields |= {f"{kind}_encrypted_response_enc": enc for kind in kinds}
    enrol("secretive", jwks=public(KEYS[alg]), userinfo_signed_response_alg="RS256", **fields)


@pytest.mark.parametrize("alg", sorted(KEYS))
@pytest.mark.parametrize("enc", ["A128GCM", "A128CBC-HS256"])
def test_id_token_and_userinfo_are_signed_and_then_encrypted(
    browser: Browser, citizen: Person, enrol: Enrol, alg: str, enc: str
) -> None:
    enrolled(enrol, alg, enc)

    bought: Any = browser.redeem(browser.code(citizen, "secretive"), "secretive").json
    told = browser.userinfo(bought["access_token"]).text

    assert claims_of(opened(bought["id_token"], alg))["sub"] == citizen.sub
    assert claims_of(opened(told, alg))["aud"] == "secretive"


def test_so_are_authorization_responses_and_introspection(
    browser: Browser, citizen: Person, enrol: Enrol
) -> None:
    enrolled(enrol, "ECDH-ES")
    bought: Any = browser.redeem(browser.code(citizen, "secretive"), "secretive").json

    browser.authorize("secretive", response_mode="jwt")
    answered = answer(browser.last)["response"]
    accept = "application/token-introspection+jwt"
    told = introspect(browser, "secretive", bought["access_token"], accept).text

    assert "code" in claims_of(opened(answered, "ECDH-ES"))
    assert claims_of(opened(told, "ECDH-ES"))["token_introspection"]["active"] is True


@pytest.mark.parametrize("alg", ["RSA-OAEP-256", "ECDH-ES"])
def test_a_request_object_is_encrypted_to_a_published_key(
    browser: Browser, citizen: Person, clock: MovableClock, enrol: Enrol, alg: str
) -> None:
    enrol("secretive", jwks=public(SIGNING))
    browser.code(citizen)
    published: Any = browser.get("/jwks").json
    (ours,) = [one for one in published["keys"] if one["alg"] == alg]
    assert ours["use"] == "enc"
    now = seconds(clock())
    own = {"iss": "secretive", "aud": BASE, "nbf": now, "exp": now + 300}
    token = signed(SIGNING, request_of("secretive", state="hidden") | own)
    key = (RSAKey if alg.startswith("RSA") else ECKey).import_key(ours)
    header = {"alg": alg, "enc": "A256GCM", "kid": ours["kid"], "cty": "JWT"}

    sealed = jwe.encrypt_compact(header, token.encode(), key, registry=REGISTRY)
    browser.get("/authorize", client_id="secretive", request=sealed)

    assert answer(browser.last)["state"] == "hidden"


@pytest.mark.parametrize("token", ["a.b.c.d.e", "eyJhbGciOiJkaXIifQ....", "....", "é.b.c.d.e"])
def test_what_no_key_of_ours_opens_is_refused(browser: Browser, enrol: Enrol, token: str) -> None:
    enrol("secretive", jwks=public(SIGNING))

    browser.get("/authorize", **(request_of("secretive") | {"request": token}))

    assert answer(browser.last)["error"] == "invalid_request_object"


def test_a_key_on_a_curve_that_is_none_opens_nothing(browser: Browser, enrol: Enrol) -> None:
    enrol("secretive", jwks=public(SIGNING))
    header = {"alg": "ECDH-ES", "enc": "A256GCM", "epk": {"kty": "EC", "crv": "P-0", "x": "AA"}}
    token = f"{base64url(msgspec.json.encode(header))}..AAAA.AAAA.AAAA"

    browser.get("/authorize", **(request_of("secretive") | {"request": token}))

    assert answer(browser.last)["error"] == "invalid_request_object"


def test_an_encrypted_request_is_no_signed_one(browser: Browser, enrol: Enrol) -> None:
    enrol("secretive", jwks=public(SIGNING))
    published: Any = browser.get("/jwks").json
    (ours,) = [one for one in published["keys"] if one["alg"] == "ECDH-ES"]
    claims = msgspec.json.encode(request_of("secretive"))
    header = {"alg": "ECDH-ES", "enc": "A256GCM"}

    sealed = jwe.encrypt_compact(header, claims, ECKey.import_key(ours), registry=REGISTRY)
    browser.get("/authorize", **(request_of("secretive") | {"request": sealed}))

    assert answer(browser.last)["error"] == "invalid_request_object"


@pytest.mark.parametrize(
    "changes",
    [
        {"id_token_encrypted_response_alg": "RSA-OAEP-256"},
        {"userinfo_encrypted_response_alg": "ECDH-ES"},
    ],
    ids=["no key for it", "not signed"],
)
def test_a_client_that_could_not_read_the_answer_cannot_register(
    enrol: Enrol, changes: dict[str, str]
) -> None:
    with pytest.raises(BadRegistration):
        enrol("secretive", jwks=public(EC), **changes)
