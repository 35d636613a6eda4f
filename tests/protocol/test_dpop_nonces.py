"""DPoP proofs with nonces of ours, where the configuration asks for them (RFC 9449, section 8)."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from idp.config import Config, TokensSection
from tests.clock import MovableClock
from tests.people import CONFIG, Browser, Person
from tests.protocol.test_dpop import ath, proof, redeem, token, userinfo


@pytest.fixture
def config() -> Config:
    return msgspec.structs.replace(CONFIG, tokens=TokensSection(dpop_nonces_required=True))


def test_the_nonce_comes_with_the_refusal_and_the_code_is_not_used_up(
    browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    code = browser.code(citizen)

    refused = redeem(browser, code, proof(clock))
    nonce = refused.headers["DPoP-Nonce"]
    granted = redeem(browser, code, proof(clock, nonce=nonce))

    assert (refused.status_code, (refused.json or {})["error"]) == (400, "use_dpop_nonce")
    assert granted.status_code == 200, granted.text


def test_a_resource_asks_in_its_challenge(
    browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    code = browser.code(citizen)
    nonce = redeem(browser, code, proof(clock)).headers["DPoP-Nonce"]
    bought: Any = redeem(browser, code, proof(clock, nonce=nonce)).json
    access_token = bought["access_token"]
    plain = proof(clock, "/userinfo", "GET", ath=ath(access_token))

    refused = userinfo(browser, access_token, plain)
    fresh = refused.headers["DPoP-Nonce"]
    good = proof(clock, "/userinfo", "GET", ath=ath(access_token), nonce=fresh)

    assert refused.status_code == 401
    challenge = refused.headers["WWW-Authenticate"]
    assert challenge.startswith("DPoP ")
    assert 'error="use_dpop_nonce"' in challenge
    assert userinfo(browser, access_token, good).status_code == 200


@pytest.mark.parametrize("nonce", ["", "made-up", 7, ["a"]])
def test_a_nonce_of_somebody_else_is_none(
    browser: Browser, clock: MovableClock, nonce: object
) -> None:
    found = token(browser, {"grant_type": "client_credentials"}, proof(clock, nonce=nonce), "app")

    assert (found.json or {})["error"] == "use_dpop_nonce"


def test_a_nonce_is_good_for_two_to_four_minutes(browser: Browser, clock: MovableClock) -> None:
    form = {"grant_type": "client_credentials", "scope": "api"}
    nonce = token(browser, form, proof(clock), "machine").headers["DPoP-Nonce"]

    clock.advance(timedelta(minutes=2))
    assert token(browser, form, proof(clock, nonce=nonce), "machine").status_code == 200
    clock.advance(timedelta(minutes=2))
    stale = token(browser, form, proof(clock, nonce=nonce), "machine")

    assert (stale.json or {})["error"] == "use_dpop_nonce"


def test_who_sends_no_proof_needs_no_nonce(browser: Browser) -> None:
    found = browser.token("machine", grant_type="client_credentials")

    assert found.status_code == 200
