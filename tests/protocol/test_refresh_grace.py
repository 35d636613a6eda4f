"""A refresh whose answer was lost: repeated by who proves a key, it costs nobody the family."""

from datetime import timedelta
from typing import Any

import pytest
from joserfc.jwk import ECKey

from tests.clock import MovableClock
from tests.conftest import Enrol
from tests.labs.signing import public
from tests.people import CALLBACK, VERIFIER, Browser, Person
from tests.protocol.test_client_keys import ask, assertion
from tests.protocol.test_dpop import proof
from tests.protocol.test_dpop import redeem as redeem_bound
from tests.protocol.test_dpop import token as call_bound

KEY = ECKey.generate_key("P-256")
OTHER = ECKey.generate_key("P-256")


@pytest.fixture
def keyed(enrol: Enrol) -> None:
    enrol(
        "keyed",
        token_endpoint_auth_method="private_key_jwt",
        secret_sha256="",
        jwks=public(KEY),
    )


def bought(browser: Browser, citizen: Person, clock: MovableClock) -> str:
    found: Any = ask(
        browser,
        assertion(KEY, clock),
        grant_type="authorization_code",
        code=browser.code(citizen, "keyed", scope="openid offline_access"),
        redirect_uri=CALLBACK,
        code_verifier=VERIFIER,
    ).json
    return str(found["refresh_token"])


def refresh(browser: Browser, clock: MovableClock, token: str) -> Any:
    form = {"grant_type": "refresh_token", "refresh_token": token}
    return ask(browser, assertion(KEY, clock), **form).json


@pytest.mark.usefixtures("keyed")
def test_who_proves_a_key_may_repeat_a_refresh_within_seconds(
    browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    token = bought(browser, citizen, clock)
    lost = refresh(browser, clock, token)
    clock.advance(timedelta(seconds=9))

    again = refresh(browser, clock, token)

    assert again["refresh_token"] not in {token, lost["refresh_token"]}
    assert "access_token" in refresh(browser, clock, again["refresh_token"])
    assert "access_token" in refresh(browser, clock, lost["refresh_token"])


@pytest.mark.usefixtures("keyed")
def test_after_that_it_is_reuse_and_ends_the_family(
    browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    token = bought(browser, citizen, clock)
    latest = refresh(browser, clock, token)["refresh_token"]
    clock.advance(timedelta(seconds=10))

    assert refresh(browser, clock, token)["error"] == "invalid_grant"
    assert refresh(browser, clock, latest)["error"] == "invalid_grant"


@pytest.mark.usefixtures("keyed")
def test_the_repetition_buys_no_more_than_was_granted(
    browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    token = bought(browser, citizen, clock)
    latest = refresh(browser, clock, token)["refresh_token"]
    form = {"grant_type": "refresh_token", "refresh_token": token, "scope": "openid email"}

    wider: Any = ask(browser, assertion(KEY, clock), **form).json

    assert wider["error"] == "invalid_grant"
    assert refresh(browser, clock, latest)["error"] == "invalid_grant"  # it was reuse


def test_a_public_client_repeats_with_the_key_of_the_token(
    browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    code = browser.code(citizen, "public", scope="openid offline_access")
    first: Any = redeem_bound(browser, code, proof(clock, key=KEY), "public").json
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}

    used = call_bound(browser, form, proof(clock, key=KEY), "public")
    again = call_bound(browser, form, proof(clock, key=KEY), "public")
    assert (used.status_code, again.status_code) == (200, 200), again.text

    stolen: Any = call_bound(browser, form, proof(clock, key=OTHER), "public").json
    last: Any = again.json
    assert stolen["error"] == "invalid_grant"
    form["refresh_token"] = last["refresh_token"]
    assert call_bound(browser, form, proof(clock, key=KEY), "public").status_code == 400


def test_T09_a_secret_alone_is_no_such_proof(browser: Browser, citizen: Person) -> None:
    first: Any = browser.redeem(browser.code(citizen, scope="openid offline_access")).json
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}

    used: Any = browser.token("app", **form).json
    reused: Any = browser.token("app", **form).json
    ended: Any = browser.token("app", **form | {"refresh_token": used["refresh_token"]}).json

    assert (reused["error"], ended["error"]) == ("invalid_grant", "invalid_grant")
