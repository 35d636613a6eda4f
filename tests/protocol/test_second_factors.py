"""Second factors as apps see them: ``acr``, ``amr``, step-up (RFC 9470), ``prompt=none``."""

import json
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jws

from idp.accounts.model import SecondFactor
from idp.oidc.vocabulary import ACR_MFA, ACR_PASSWORD
from idp.provider import Provider
from tests import factors
from tests.clock import MovableClock
from tests.conftest import Enrol
from tests.factors import SoftKey
from tests.people import Browser, Person, answer

ESSENTIAL = json.dumps({"id_token": {"acr": {"essential": True, "value": ACR_MFA}}})


def claims(browser: Browser) -> dict[str, Any]:
    """Redeem the code at hand and read the ID token."""
    tokens = browser.redeem(answer(browser.last)["code"]).json
    assert tokens is not None
    found: dict[str, Any] = json.loads(jws.extract_compact(tokens["id_token"].encode()).payload)
    return found


def at(browser: Browser, path: str) -> bool:
    """Tell whether the browser stands on a page."""
    return browser.trail[-1].partition("?")[0].endswith(path)


@pytest.fixture
def app(provider: Provider, citizen: Person, clock: MovableClock) -> factors.App:
    """The citizen has an authenticator app, and its first code is a minute old."""
    made = factors.with_app(provider, citizen)
    clock.advance(timedelta(minutes=1))
    return made


@pytest.fixture
def on_demand(provider: Provider, citizen: Person, app: factors.App) -> factors.App:
    """The same, and a password alone is enough where no app wants more."""
    only_on_demand(provider, citizen)
    return app


def only_on_demand(provider: Provider, person: Person) -> None:
    """Switch "always ask" off, as the page does."""
    from idp.accounts import status

    assert person.account is not None
    with provider.database.write() as tx:
        status.set_second_factor(tx, person.account.id, SecondFactor.ON_DEMAND)


def test_a_password_alone_reaches_no_app_where_there_is_a_second_factor(
    browser: Browser, citizen: Person, app: factors.App, clock: MovableClock
) -> None:
    browser.authorize()
    browser.sign_in(citizen)
    assert at(browser, "/signin/second-factor")

    factors.show_code(browser, app.code(clock()))

    told = claims(browser)
    assert told["acr"] == ACR_MFA
    assert told["amr"] == ["pwd", "otp", "mfa"]


@pytest.mark.usefixtures("app")
def test_half_a_sign_in_opens_no_page_and_answers_no_prompt(
    browser: Browser, citizen: Person
) -> None:
    browser.authorize()
    browser.sign_in(citizen)

    assert "sign-in" in browser.get("/").text
    for path in ("/account/totp", "/account/passkeys", "/requests", "/device"):
        assert browser.get(path).headers["Location"].startswith("/signin/password"), path
    browser.authorize(prompt="none")
    assert answer(browser.last)["error"] == "login_required"


@pytest.mark.usefixtures("app")
def test_half_a_sign_in_can_be_signed_out(browser: Browser, citizen: Person) -> None:
    browser.authorize()
    browser.sign_in(citizen)
    before = browser.client.get_cookie("__Host-portico_session", "sso.example")
    assert before is not None

    browser.get("/logout")
    browser.post("/logout/confirm", browser.hidden())

    browser.client.set_cookie("__Host-portico_session", before.value, domain="sso.example")
    browser.get("/signin/second-factor")
    assert browser.last is not None
    assert browser.last.headers["Location"].startswith("/signin/password")


def test_the_portals_own_sign_in_asks_too(
    browser: Browser, citizen: Person, app: factors.App, clock: MovableClock
) -> None:
    browser.get("/signin/password")
    browser.sign_in(citizen)
    assert at(browser, "/signin/second-factor")

    factors.show_code(browser, app.code(clock()))

    assert browser.last is not None
    assert "Good to see you" in browser.last.text
    assert browser.last.text.count("Password and authenticator app") == 1


def test_one_sign_in_is_one_line_and_half_of_one_is_told_as_what_it_is(
    browser: Browser, citizen: Person, app: factors.App, clock: MovableClock, provider: Provider
) -> None:
    stranger = Browser.on(provider)
    stranger.get("/signin/password")
    stranger.sign_in(citizen)
    clock.advance(timedelta(minutes=1))

    browser.get("/signin/password")
    browser.sign_in(citizen)
    factors.show_code(browser, app.code(clock()))

    assert browser.last is not None
    assert browser.last.text.count("Right password, but no second factor") == 2  # and the summary


def test_a_rise_gives_a_new_session_and_the_old_cookie_opens_nothing(
    browser: Browser, citizen: Person, app: factors.App, clock: MovableClock, provider: Provider
) -> None:
    only_on_demand(provider, citizen)
    browser.code(citizen)
    before = claims(browser)
    cookie = browser.client.get_cookie("__Host-portico_session", "sso.example")
    assert cookie is not None

    browser.authorize(acr_values=ACR_MFA)
    factors.show_code(browser, app.code(clock()))

    after = claims(browser)
    assert before["acr"] == ACR_PASSWORD
    assert after["acr"] == ACR_MFA
    assert before["sid"] != after["sid"]
    assert before["auth_time"] == after["auth_time"]
    thief = Browser.on(provider)
    thief.client.set_cookie("__Host-portico_session", cookie.value, domain="sso.example")
    assert "Good to see you" not in thief.get("/").text


@pytest.mark.parametrize("wish", [{"acr_values": ACR_MFA}, {"claims": ESSENTIAL}])
@pytest.mark.usefixtures("on_demand")
def test_rfc9470_a_session_is_stepped_up_once(
    browser: Browser, citizen: Person, app: factors.App, clock: MovableClock, wish: dict[str, str]
) -> None:
    browser.code(citizen)

    browser.authorize(**wish)
    assert at(browser, "/signin/second-factor")
    factors.show_code(browser, app.code(clock()))
    assert claims(browser)["acr"] == ACR_MFA

    browser.authorize(**wish)
    assert claims(browser)["acr"] == ACR_MFA


def test_without_a_factor_a_wish_is_let_go_and_a_demand_refused(
    browser: Browser, citizen: Person
) -> None:
    browser.code(citizen, acr_values=ACR_MFA)
    assert claims(browser)["acr"] == ACR_PASSWORD

    browser.authorize(claims=ESSENTIAL)

    assert browser.last is not None
    assert browser.last.status_code == 403
    browser.authorize(claims=ESSENTIAL, prompt="none")
    assert answer(browser.last)["error"] == "unmet_authentication_requirements"


@pytest.mark.usefixtures("app")
def test_prompt_none_lets_a_wish_go_and_asks_to_sign_in_for_a_demand(
    browser: Browser, citizen: Person, provider: Provider
) -> None:
    only_on_demand(provider, citizen)
    browser.code(citizen)

    browser.authorize(prompt="none", acr_values=ACR_MFA)
    assert claims(browser)["acr"] == ACR_PASSWORD

    browser.authorize(prompt="none", claims=ESSENTIAL)
    assert answer(browser.last)["error"] == "login_required"


def test_an_app_that_demands_one_value_is_told_that_value(
    browser: Browser, citizen: Person, app: factors.App, clock: MovableClock
) -> None:
    asked = json.dumps({"id_token": {"acr": {"essential": True, "value": ACR_PASSWORD}}})
    browser.authorize(claims=asked)
    browser.sign_in(citizen)
    factors.show_code(browser, app.code(clock()))

    assert claims(browser)["acr"] == ACR_PASSWORD


def test_an_app_that_demands_a_second_factor_leads_to_where_one_is_set_up_and_back(
    browser: Browser, citizen: Person, enrol: Enrol, provider: Provider
) -> None:
    enrol("strict", require_second_factor=True)
    browser.authorize("strict")
    browser.sign_in(citizen)
    assert at(browser, "/account/totp")
    journey = factors.journey_of(browser)

    app = factors.set_up_app(browser, provider, journey=journey)
    assert len(set(app.recovery_codes)) == 10
    browser.get(f"/authorize/continue?journey={journey}")

    tokens = browser.redeem(answer(browser.last)["code"], "strict").json
    assert tokens is not None
    told = json.loads(jws.extract_compact(tokens["id_token"].encode()).payload)
    assert told["acr"] == ACR_MFA
    assert told["amr"] == ["pwd", "otp", "mfa"]


@pytest.mark.usefixtures("on_demand")
def test_an_app_that_demands_a_second_factor_asks_for_it(
    browser: Browser, citizen: Person, app: factors.App, enrol: Enrol, clock: MovableClock
) -> None:
    enrol("strict", require_second_factor=True)
    browser.code(citizen)

    browser.authorize("strict", prompt="none")
    assert answer(browser.last)["error"] == "login_required"
    browser.authorize("strict")
    factors.show_code(browser, app.code(clock()))

    assert "code" in answer(browser.last)


def test_prompt_none_cannot_set_up_a_factor(
    browser: Browser, citizen: Person, enrol: Enrol
) -> None:
    enrol("strict", require_second_factor=True)
    browser.code(citizen)

    browser.authorize("strict", prompt="none")

    assert answer(browser.last)["error"] == "interaction_required"


@pytest.mark.usefixtures("app")
def test_cancelling_at_the_second_factor_tells_the_app(browser: Browser, citizen: Person) -> None:
    browser.authorize()
    browser.sign_in(citizen)

    browser.post("/signin/second-factor", browser.hidden() | {"action": "cancel"})
    browser.follow()

    assert answer(browser.last)["error"] == "access_denied"


def test_signing_in_again_asks_for_both_again(
    browser: Browser, citizen: Person, app: factors.App, clock: MovableClock
) -> None:
    browser.authorize()
    browser.sign_in(citizen)
    factors.show_code(browser, app.code(clock()))
    clock.advance(timedelta(minutes=1))

    browser.authorize(prompt="login")
    browser.sign_in(citizen)
    assert at(browser, "/signin/second-factor")
    factors.show_code(browser, app.code(clock()))

    assert claims(browser)["acr"] == ACR_MFA


def test_a_recovery_code_stands_in_once(
    citizen: Person, app: factors.App, provider: Provider
) -> None:
    typed = app.recovery_codes[3].lower().replace("-", " ")
    for expected in (303, 422):
        again = Browser.on(provider)
        again.authorize()
        again.sign_in(citizen)
        fields = again.hidden() | {"action": "recovery_code", "recovery_code": typed}

        assert again.post("/signin/second-factor", fields).status_code == expected


def test_a_passkey_alone_counts_as_two_factors(
    browser: Browser, citizen: Person, provider: Provider
) -> None:
    key = SoftKey()
    browser.get("/signin/password")
    browser.sign_in(citizen)
    factors.add_passkey(browser, key)

    other = Browser.on(provider)
    other.authorize(claims=ESSENTIAL)
    factors.sign_in_by(other, key)

    told = claims(other)
    assert told["acr"] == ACR_MFA
    assert told["amr"] == ["hwk", "user", "mfa"]
    assert told["sub"] == citizen.sub


def test_a_passkey_that_is_on_several_machines_says_so(
    browser: Browser, citizen: Person, provider: Provider
) -> None:
    key = SoftKey(flags=factors.SYNCED)
    browser.get("/signin/password")
    browser.sign_in(citizen)
    factors.add_passkey(browser, key)

    other = Browser.on(provider)
    other.authorize()
    factors.sign_in_by(other, key)

    assert claims(other)["amr"] == ["swk", "user", "mfa"]


def test_a_passkey_serves_as_second_factor(
    browser: Browser, citizen: Person, provider: Provider
) -> None:
    key = SoftKey()
    browser.get("/signin/password")
    browser.sign_in(citizen)
    factors.add_passkey(browser, key)

    other = Browser.on(provider)
    other.authorize()
    other.sign_in(citizen)
    assert at(other, "/signin/second-factor")
    factors.show_key(other, key)

    assert claims(other)["amr"] == ["pwd", "hwk", "user", "mfa"]


def test_discovery_lists_both_values(browser: Browser) -> None:
    document: Any = browser.get("/.well-known/openid-configuration").json

    assert document["acr_values_supported"] == [ACR_PASSWORD, ACR_MFA]
