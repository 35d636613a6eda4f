"""Second factors under attack: replays, guesses, borrowed challenges, copied keys."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import inspect, text
from werkzeug.test import TestResponse

from idp.authenticators import passkey
from idp.provider import Provider
from idp.secret import base64url
from tests import factors
from tests.clock import MovableClock
from tests.conftest import Enrol
from tests.factors import SoftKey
from tests.people import LAWYER, SECRET, Browser, Person, add, answer


@pytest.fixture
def app(provider: Provider, citizen: Person, clock: MovableClock) -> factors.App:
    made = factors.with_app(provider, citizen)
    clock.advance(timedelta(minutes=1))
    return made


def at_second_factor(provider: Provider, person: Person) -> Browser:
    """Come to the page with the password alone."""
    browser = Browser.on(provider)
    browser.authorize()
    browser.sign_in(person)
    return browser


def try_code(browser: Browser, code: str) -> int:
    fields = browser.hidden() | {"action": "totp", "code": code}
    return browser.post("/signin/second-factor", fields).status_code


def test_a_code_is_good_once_also_in_another_browser(
    provider: Provider, citizen: Person, app: factors.App, clock: MovableClock
) -> None:
    code = app.code(clock())
    first, second = (at_second_factor(provider, citizen) for _ in range(2))

    assert try_code(first, code) == 303
    assert try_code(second, code) == 422


def test_an_older_step_is_over_once_a_newer_one_was_used(
    provider: Provider, citizen: Person, app: factors.App, clock: MovableClock
) -> None:
    first, second = (at_second_factor(provider, citizen) for _ in range(2))

    assert try_code(first, app.code(clock(), away=1)) == 303
    assert try_code(second, app.code(clock())) == 422


def test_the_code_that_confirmed_the_app_does_not_sign_in(
    provider: Provider, citizen: Person, clock: MovableClock
) -> None:
    app = factors.with_app(provider, citizen)

    assert try_code(at_second_factor(provider, citizen), app.code(clock())) == 422


def test_guessing_is_stopped_whatever_browser_it_comes_from(
    provider: Provider, citizen: Person, app: factors.App, clock: MovableClock
) -> None:
    """Each guess from a new browser that knows the password: its good name opens nothing."""
    statuses = [try_code(at_second_factor(provider, citizen), "000000") for _ in range(6)]
    assert statuses == [422] * 5 + [429]

    right = try_code(at_second_factor(provider, citizen), app.code(clock()))

    assert right == 429


@pytest.mark.usefixtures("app")
def test_guessing_from_everywhere_is_stopped_within_the_hour(
    provider: Provider, citizen: Person
) -> None:
    browser = at_second_factor(provider, citizen)
    tries = 0
    for number in range(80):
        browser.client.environ_base["REMOTE_ADDR"] = f"203.0.{number}.7"
        if try_code(browser, "000000") == 429:
            break
        tries += 1

    assert tries == provider.config.throttle.strangers_per_hour


def test_recovery_codes_have_a_gate_of_their_own_and_open_the_other(
    provider: Provider, citizen: Person, app: factors.App, clock: MovableClock
) -> None:
    browser = at_second_factor(provider, citizen)
    for _ in range(6):
        try_code(browser, "000000")

    fields = browser.hidden() | {
        "action": "recovery_code",
        "recovery_code": app.recovery_codes[0],
    }
    assert browser.post("/signin/second-factor", fields).status_code == 303

    assert try_code(at_second_factor(provider, citizen), app.code(clock())) == 303


def test_recovery_codes_fit_no_other_account(provider: Provider, app: factors.App) -> None:
    lawyer = add(provider, LAWYER)
    factors.with_app(provider, lawyer)
    browser = at_second_factor(provider, lawyer)

    for code in (app.recovery_codes[0], app.recovery_codes[0].replace("-", "")):
        fields = browser.hidden() | {"action": "recovery_code", "recovery_code": code}
        refused = browser.post("/signin/second-factor", fields)
        assert refused.status_code == 422
        assert "This recovery code is not right" in refused.text


def test_new_recovery_codes_make_the_old_ones_worthless(
    browser: Browser, provider: Provider, citizen: Person
) -> None:
    browser.get("/signin/password")
    browser.sign_in(citizen)
    app = factors.set_up_app(browser, provider)
    browser.get("/account/totp")
    page = browser.post("/account/totp", browser.hidden() | {"action": "renew"}).text
    assert len(set(factors.codes_on(page)) - set(app.recovery_codes)) == 10

    other = at_second_factor(provider, citizen)
    fields = other.hidden() | {"action": "recovery_code", "recovery_code": app.recovery_codes[0]}
    assert other.post("/signin/second-factor", fields).status_code == 422


@pytest.mark.usefixtures("app")
def test_a_password_alone_takes_no_factor_away(
    browser: Browser, provider: Provider, citizen: Person
) -> None:
    """Also where the owner does not want to be asked at every sign-in."""
    from idp.accounts import status
    from idp.accounts.model import SecondFactor

    assert citizen.account is not None
    with provider.database.write() as tx:
        status.set_second_factor(tx, citizen.account.id, SecondFactor.ON_DEMAND)
    browser.get("/signin/password")
    browser.sign_in(citizen)
    browser.get("/account/totp")
    fields = browser.hidden()

    for action in ("remove", "renew", "begin", "always"):
        refused = browser.post("/account/totp", fields | {"action": action})
        assert refused.headers["Location"] == "/signin/second-factor?journey=totp"
    removing = fields | {"action": "remove"}
    assert "second-factor" in browser.post("/account/passkeys", removing).headers["Location"]


@pytest.mark.parametrize("path", ["/account/totp", "/account/passkeys"])
def test_no_change_without_having_just_signed_in(
    browser: Browser, citizen: Person, clock: MovableClock, path: str
) -> None:
    browser.get("/signin/password")
    browser.sign_in(citizen)
    browser.get(path)
    fields = browser.hidden()
    clock.advance(timedelta(minutes=11))

    for action in ("begin", "confirm", "remove", "renew", "add", "rename", "always"):
        sent = browser.post(path, fields | {"action": action})
        name = path.rpartition("/")[2]
        assert sent.headers["Location"] == f"/signin/password?journey={name}"


def test_a_waiting_secret_is_shown_to_nobody_who_has_not_just_signed_in(
    browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    browser.get("/signin/password")
    browser.sign_in(citizen)
    browser.get("/account/totp")
    clock.advance(timedelta(minutes=9))
    browser.post("/account/totp", browser.hidden() | {"action": "begin"})
    assert "totp-secret" in browser.follow().text
    clock.advance(timedelta(minutes=2))

    assert "totp-secret" not in browser.get("/account/totp").text


def test_the_codes_and_the_secret_are_in_no_row_in_the_clear(
    provider: Provider, app: factors.App
) -> None:
    found = []
    with provider.database.read() as tx:
        for table in inspect(provider.database.reading).get_table_names():
            rows = tx.execute(text(f'SELECT * FROM "{table}"'))  # noqa: S608 - our own tables
            found += [repr(tuple(row)) for row in rows]
    kept = "\n".join(found)

    assert app.secret not in kept
    for code in app.recovery_codes:
        assert code not in kept
        assert code.replace("-", "") not in kept


def keyed(browser: Browser, citizen: Person, **changes: Any) -> SoftKey:
    """Give somebody a passkey."""
    key = SoftKey(**changes)
    browser.get("/signin/password")
    browser.sign_in(citizen)
    factors.add_passkey(browser, key)
    return key


def presented(provider: Provider, change: Callable[[Browser, dict[str, Any]], str]) -> int:
    """Bring an answer to the sign-in page that ``change`` makes of what the page asks."""
    browser = Browser.on(provider)
    browser.get("/signin/password")
    credential = change(browser, factors.options_on(browser))
    fields = browser.hidden() | {"credential": credential}
    return browser.post("/signin/passkey", fields).status_code


def test_a_passkey_signs_in(browser: Browser, provider: Provider, citizen: Person) -> None:
    key = keyed(browser, citizen)

    assert presented(provider, lambda _, options: key.show(options)) == 303


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"origin": "https://sso.example.evil"}, id="another origin"),
        pytest.param({"origin": "http://sso.example"}, id="without TLS"),
        pytest.param({"rp_id": "evil.example"}, id="another relying party"),
        pytest.param({"flags": factors.UNVERIFIED}, id="nobody was verified"),
        pytest.param({"flags": 0x04}, id="nobody was there"),
        pytest.param({"credential_id": b"another key"}, id="an unknown key"),
        pytest.param({"user_handle": base64url(b"s_somebody_else")}, id="somebody else's"),
        pytest.param({"user_handle": ""}, id="nobody's"),
        pytest.param({"key": SoftKey().key}, id="another private key"),
    ],
)
def test_what_is_not_the_passkey_is_refused(
    browser: Browser, provider: Provider, citizen: Person, change: dict[str, Any]
) -> None:
    key = replace(keyed(browser, citizen), **change)

    assert presented(provider, lambda _, options: key.show(options)) == 422


@pytest.mark.parametrize(
    "credential",
    [
        "",
        "{}",
        "[]",
        "null",
        "{" * 9000,
        '{"id":"%"}',
        "x" * 20_000,
    ],
)
def test_what_is_no_answer_at_all_is_refused(provider: Provider, credential: str) -> None:
    assert presented(provider, lambda _, __: credential) == 422


def test_a_page_that_is_framed_elsewhere_is_refused(
    browser: Browser, provider: Provider, citizen: Person
) -> None:
    key = keyed(browser, citizen)

    def framed(_: Browser, options: dict[str, Any]) -> str:
        document = json.loads(key.show(options))
        told = json.dumps(
            {"type": "webauthn.get", "challenge": options["challenge"], "crossOrigin": True}
        )
        document["response"]["clientDataJSON"] = base64url(told.encode())
        return json.dumps(document)

    assert presented(provider, framed) == 422


def test_a_challenge_is_good_once_in_its_browser_for_its_purpose_and_in_time(
    browser: Browser, provider: Provider, citizen: Person, clock: MovableClock
) -> None:
    key = keyed(browser, citizen)
    page, other = Browser.on(provider), Browser.on(provider)
    page.get("/signin/password")
    other.get("/signin/password")
    options = factors.options_on(page)
    answer_of_key = key.show(options)

    elsewhere = other.hidden() | {"credential": answer_of_key}
    assert other.post("/signin/passkey", elsewhere).status_code == 422
    fields = page.hidden() | {"credential": answer_of_key}
    assert page.post("/signin/passkey", fields).status_code == 303
    page.get("/signin/password")
    fields["csrf_token"] = page.hidden()["csrf_token"]  # renewed with the session
    assert page.post("/signin/passkey", fields).status_code == 422

    browser.get("/account/passkeys")
    registering = factors.options_on(browser)
    mixed = browser.hidden() | {"credential": key.show(registering), "journey": ""}
    assert browser.post("/signin/passkey", mixed).status_code == 422

    page.get("/signin/password")
    late = key.show(factors.options_on(page))
    clock.advance(timedelta(minutes=31))
    fields = page.hidden() | {"credential": late}
    assert page.post("/signin/passkey", fields).status_code == 422


def test_a_copied_key_is_found_by_its_counter(
    browser: Browser, provider: Provider, citizen: Person
) -> None:
    key = keyed(browser, citizen, count=5)
    copy = replace(key)

    assert presented(provider, lambda _, options: key.show(options)) == 303
    assert presented(provider, lambda _, options: copy.show(options)) == 422
    assert presented(provider, lambda _, options: key.show(options)) == 303


@pytest.mark.usefixtures("app")
def test_somebody_elses_passkey_is_no_second_factor(
    browser: Browser, provider: Provider, citizen: Person
) -> None:
    lawyer = add(provider, LAWYER)
    key = keyed(browser, lawyer)
    victim = Browser.on(provider)
    victim.get("/signin/password")
    options = factors.options_on(victim)
    victim.sign_in(citizen)

    fields = victim.hidden() | {"action": "passkey", "credential": key.show(options)}
    assert victim.post("/signin/second-factor", fields).status_code == 422


def test_a_removed_passkey_signs_in_no_more(
    browser: Browser, provider: Provider, citizen: Person
) -> None:
    key = keyed(browser, citizen)
    browser.get("/account/passkeys")
    browser.post("/account/passkeys", browser.hidden() | {"action": "remove"})

    assert presented(provider, lambda _, options: key.show(options)) == 422
    again = Browser.on(provider)
    again.authorize()
    again.sign_in(citizen)
    assert "code" in answer(again.last)


def test_a_passkey_is_added_to_one_account_alone(
    browser: Browser, provider: Provider, citizen: Person
) -> None:
    key = keyed(browser, citizen)
    lawyer = add(provider, LAWYER)
    other = Browser.on(provider)
    other.get("/signin/password")
    other.sign_in(lawyer)

    factors.add_passkey(other, key)

    assert other.last is not None
    assert other.last.status_code == 422
    assert lawyer.account is not None
    with provider.database.read() as tx:
        assert passkey.of_account(tx, lawyer.account.id) == []


def test_an_unverified_passkey_is_not_added(browser: Browser, citizen: Person) -> None:
    browser.get("/signin/password")
    browser.sign_in(citizen)

    factors.add_passkey(browser, SoftKey(flags=factors.UNVERIFIED))

    assert browser.last is not None
    assert browser.last.status_code == 422


def test_the_host_a_request_names_decides_nothing(browser: Browser) -> None:
    browser.client.environ_base["HTTP_HOST"] = "evil.example"
    browser.last = browser.client.get("/signin/password", base_url="https://evil.example")

    assert factors.options_on(browser)["rpId"] == "sso.example"


@pytest.mark.parametrize("where", ["device", "requests"])
def test_no_answer_elsewhere_to_an_app_that_demands_a_second_factor(
    browser: Browser, citizen: Person, enrol: Enrol, where: str
) -> None:
    """RFC 8628 and CIBA end at the same tokens: neither is a way around."""
    grant = {
        "device": "urn:ietf:params:oauth:grant-type:device_code",
        "requests": "urn:openid:params:grant-type:ciba",
    }[where]
    enrol(
        "strict",
        require_second_factor=True,
        grant_types=[grant],
        redirect_uris=[],
        post_logout_redirect_uris=[],
    )
    browser.get("/signin/password")
    browser.sign_in(citizen)

    if where == "device":
        started: Any = as_strict(browser, "/device_authorization").json
        browser.get("/device")
        fields = browser.hidden() | {"user_code": started["user_code"], "decision": "allow"}
    else:
        as_strict(browser, "/bc-authorize", login_hint=citizen.account_name)
        browser.get("/requests")
        fields = browser.hidden() | {"decision": "allow"}
    sent = browser.post(f"/{where}", fields)

    assert sent.headers.get("Location", "").startswith("/account/totp"), sent.text[:2000]


def as_strict(browser: Browser, path: str, **form: str) -> TestResponse:
    basic = base64.b64encode(f"strict:{SECRET}".encode()).decode()
    return browser.post(path, {"scope": "openid", **form}, Authorization=f"Basic {basic}")
