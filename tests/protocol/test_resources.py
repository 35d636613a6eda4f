"""What resource servers build on: metadata (RFC 9728) and step-up (RFC 9470)."""

from datetime import timedelta
from typing import Any

from tests.clock import MovableClock
from tests.labs.signing import claims_of
from tests.people import BASE, Browser, Person, answer
from tests.protocol.test_signed_answers import introspect


def test_userinfo_says_where_its_tokens_are_from(browser: Browser) -> None:
    challenge = browser.get("/userinfo").headers["WWW-Authenticate"]
    document: Any = browser.get("/.well-known/oauth-protected-resource").json

    assert f'resource_metadata="{BASE}/.well-known/oauth-protected-resource"' in challenge
    assert document["resource"] == BASE
    assert document["authorization_servers"] == [BASE]
    assert "openid" in document["scopes_supported"]


def test_step_up_leads_to_a_token_that_tells_of_the_new_sign_in(
    browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    """A resource server finds the sign-in too old; the app asks again with ``max_age``."""
    first: Any = browser.redeem(browser.code(citizen)).json
    clock.advance(timedelta(minutes=5))
    seen: Any = introspect(browser, "app", first["access_token"], "*/*").json
    assert seen["auth_time"] == claims_of(first["access_token"])["auth_time"]

    acr = seen["acr"]
    browser.authorize("app", max_age="60", acr_values=acr)
    assert "/signin/password" in browser.trail[-1]
    browser.sign_in(citizen)
    second: Any = browser.redeem(answer(browser.last)["code"]).json

    told: Any = introspect(browser, "app", second["access_token"], "*/*").json
    assert told["auth_time"] == seen["auth_time"] + 300
    assert told["acr"] == acr
