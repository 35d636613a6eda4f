"""Request objects by value and by reference (RFC 9101), beyond the Foundation's modules."""

import base64
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from joserfc.jwk import ECKey, RSAKey

from idp.clock import seconds
from idp.config import Config, FetchSection
from tests.clock import MovableClock
from tests.conftest import Enrol
from tests.labs.listener import listener, says
from tests.labs.signing import claims_of, public, signed
from tests.people import (
    BASE,
    CALLBACK,
    CHALLENGE,
    CONFIG,
    SECRET,
    Browser,
    Person,
    answer,
    request_of,
)
from tests.protocol.test_authorization_endpoint import error_page

KEY = ECKey.generate_key("P-256")
RSA = RSAKey.generate_key(2048)
OTHER = ECKey.generate_key("P-256")
REQUEST = {
    "response_type": "code",
    "redirect_uri": CALLBACK,
    "scope": "openid email",
    "state": "the inner state",
    "nonce": "the inner nonce",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
    "max_age": 3600,
    "claims": {"userinfo": {"name": {"essential": True}}},
}


@pytest.fixture
def config() -> Config:
    return msgspec.structs.replace(CONFIG, fetch=FetchSection(allowed_networks=["127.0.0.1/32"]))


def claims(clock: MovableClock, client_id: str = "signer", **changes: Any) -> dict[str, Any]:
    now = seconds(clock())
    own = {"iss": client_id, "aud": BASE, "client_id": client_id, "nbf": now, "exp": now + 300}
    return REQUEST | own | changes


def send(browser: Browser, token: str, **beside: str) -> None:
    browser.get("/authorize", **({"client_id": "signer", "request": token} | beside))
    browser.follow()


@pytest.mark.parametrize("profile", ["oauth21", "oidc"])
def test_what_is_signed_is_the_request(
    browser: Browser, citizen: Person, clock: MovableClock, enrol: Enrol, profile: str
) -> None:
    enrol("signer", profile=profile, jwks=public(KEY))

    send(browser, signed(KEY, claims(clock), {"typ": "oAuth-AuthZ-req+JWT"}), state="outer")
    browser.sign_in(citizen)

    found = answer(browser.last)
    assert found["state"] == "the inner state"
    tokens: Any = browser.redeem(found["code"], "signer").json
    assert tokens["scope"] == "email openid"
    assert (browser.userinfo(tokens["access_token"]).json or {})["name"] == "王小明𠮷"


def test_outside_of_oidc_what_stands_beside_the_object_counts_for_nothing(
    browser: Browser, citizen: Person, clock: MovableClock, enrol: Enrol
) -> None:
    enrol("signer", jwks=public(KEY))
    browser.code(citizen)

    send(browser, signed(KEY, claims(clock, state=None)), **request_of("signer"))

    assert "state" not in answer(browser.last)


def test_oidc_takes_from_beside_what_the_object_leaves_out(
    browser: Browser, citizen: Person, clock: MovableClock, enrol: Enrol
) -> None:
    enrol("signer", profile="oidc", jwks=public(KEY))
    browser.code(citizen)

    send(browser, signed(KEY, claims(clock, state=None)), state="beside")

    assert answer(browser.last)["state"] == "beside"


@pytest.mark.parametrize("pushed", [False, True])
def test_nothing_unsigned_is_taken_from_a_client_that_signs_all_it_asks(
    browser: Browser, citizen: Person, clock: MovableClock, enrol: Enrol, pushed: bool
) -> None:
    enrol("signer", profile="oidc", jwks=public(KEY), require_signed_request_object=True)
    token = signed(KEY, claims(clock, state=None, nonce=None, scope="openid"))
    wanted = '{"id_token": {"email": null}}'
    beside = {"state": "unsigned", "nonce": "unsigned", "scope": "openid", "claims": wanted}

    if pushed:
        basic = "Basic " + base64.b64encode(f"signer:{SECRET}".encode()).decode()
        answered = browser.post("/par", beside | {"request": token}, Authorization=basic)
        reference: Any = answered.json
        browser.get("/authorize", client_id="signer", request_uri=reference["request_uri"])
        browser.follow()
    else:
        send(browser, token, response_mode="query", **beside)
    browser.sign_in(citizen)

    found = answer(browser.last)
    told = claims_of((browser.redeem(found["code"], "signer").json or {})["id_token"])
    assert "state" not in found
    assert not {"nonce", "email"} & told.keys()


def test_a_reference_that_is_not_registered_calls_nobody(browser: Browser, enrol: Enrol) -> None:
    with listener(says("200 OK", b"x.y.z")) as server:
        enrol("signer", jwks=public(KEY), request_uris=["https://signer.example/r.jwt"])

        browser.get(
            "/authorize", client_id="signer", request_uri=f"http://127.0.0.1:{server.port}/r.jwt"
        )

    assert error_page(browser) == "invalid_request_uri"
    assert server.connections == 0


@pytest.mark.parametrize(
    ("status", "body"),
    [("404 Not Found", b""), ("200 OK", b"<html>"), ("200 OK", "é".encode()), ("302 Found", b"")],
)
def test_a_reference_that_leads_to_no_object_is_an_error(
    browser: Browser, enrol: Enrol, status: str, body: bytes
) -> None:
    with listener(says(status, body, "Location: http://127.0.0.1:1/")) as server:
        uri = f"http://127.0.0.1:{server.port}/r.jwt"
        enrol("signer", jwks=public(KEY), request_uris=[uri])

        browser.get("/authorize", **(request_of("signer") | {"request_uri": uri}))

    told = answer(browser.last)
    assert told["error"] in {"invalid_request_uri", "invalid_request_object"}
    assert told["state"] == "state of the app"


@pytest.mark.parametrize(
    ("changes", "header"),
    [
        pytest.param({"aud": "https://elsewhere.example"}, {}, id="bad aud"),
        pytest.param({"iss": "another"}, {}, id="another's iss"),
        pytest.param({"client_id": "app"}, {}, id="another's client_id"),
        pytest.param({"sub": "signer"}, {}, id="T76 an assertion"),
        pytest.param({"exp": -1}, {}, id="expired"),
        pytest.param({"exp": 5000}, {}, id="exp over 60 minutes"),
        pytest.param({"nbf": 62}, {}, id="nbf ahead"),
        pytest.param({"exp": "soon"}, {}, id="exp is no number"),
        pytest.param({"exp": True}, {}, id="exp is a boolean"),
        pytest.param({"request": "x.y.z"}, {}, id="one within"),
        pytest.param({"request_uri": "https://a"}, {}, id="a reference within"),
        pytest.param({"state": ["a"]}, {}, id="state is a list"),
        pytest.param({"state": "a\x00b"}, {}, id="a NUL"),
        pytest.param({}, {"alg": "none"}, id="alg none"),
        pytest.param({}, {"alg": "HS256"}, id="T28 a public key as a secret"),
        pytest.param({}, {"alg": "RS256"}, id="an algorithm of other keys"),
        pytest.param({}, {"kid": "unknown"}, id="an unknown kid"),
        pytest.param({}, {"typ": "at+jwt"}, id="typ of something else"),
        pytest.param({}, {"crit": ["exp"]}, id="crit"),
    ],
)
def test_what_is_wrong_with_an_object_is_told_and_nothing_in_it_believed(
    browser: Browser,
    clock: MovableClock,
    enrol: Enrol,
    changes: dict[str, Any],
    header: dict[str, Any],
) -> None:
    enrol("signer", jwks=public(KEY))
    now = seconds(clock())
    changes = {
        name: now + value if name in {"exp", "nbf"} and type(value) is int else value
        for name, value in changes.items()
    }

    send(browser, signed(KEY, claims(clock, **changes), header), **request_of("signer"))

    told = answer(browser.last)
    assert told["error"] == "invalid_request_object"
    assert told["state"] == "state of the app"


def test_an_object_signed_by_another_client_is_refused_on_a_page(
    browser: Browser, clock: MovableClock, enrol: Enrol
) -> None:
    enrol("signer", jwks=public(KEY))

    send(browser, signed(OTHER, claims(clock), {"kid": None}))

    assert error_page(browser) == "invalid_request_object"


def test_a_bad_redirect_uri_inside_is_never_answered(
    browser: Browser, citizen: Person, clock: MovableClock, enrol: Enrol
) -> None:
    enrol("signer", profile="oidc", jwks=public(KEY))
    browser.code(citizen)

    send(
        browser,
        signed(KEY, claims(clock, redirect_uri="https://evil.example/")),
        redirect_uri=CALLBACK,
    )

    assert error_page(browser) == "invalid_request"


def test_a_client_that_signs_its_requests_cannot_send_plain_ones(
    browser: Browser, enrol: Enrol
) -> None:
    enrol("signer", jwks=public(KEY), require_signed_request_object=True)

    browser.get("/authorize", **request_of("signer"))

    assert answer(browser.last)["error"] == "invalid_request"


def test_both_ways_at_once_are_refused(browser: Browser, clock: MovableClock, enrol: Enrol) -> None:
    enrol("signer", jwks=public(KEY))

    send(browser, signed(KEY, claims(clock)), request_uri="https://signer.example/r.jwt")

    assert error_page(browser) == "invalid_request"


def test_a_host_that_never_answers_costs_two_seconds_and_is_left_in_peace(
    browser: Browser, enrol: Enrol
) -> None:
    """D21: the brake is the fetcher's; here it reaches the page."""

    def silent(caller: Any) -> None:
        caller.settimeout(5)
        with suppress(OSError):  # on a busy machine they may stay longer
            caller.recv(1)

    with listener(silent) as server:
        uri = f"http://127.0.0.1:{server.port}/r.jwt"
        enrol("signer", jwks=public(KEY), request_uris=[uri])

        for _ in range(7):
            browser.get("/authorize", client_id="signer", request_uri=uri)
            assert error_page(browser) == "invalid_request_uri"

        assert server.connections == 5
