"""A forgotten password: neutral, single-use, ends everything, signs nobody in (P15, T32 to T36)."""

import re
from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from idp.accounts import emails, passwords
from idp.accounts.model import Email, Kind
from idp.mail.messages import PasswordChanged, Recovery
from idp.provider import Provider
from tests.clock import MovableClock
from tests.labs import letters
from tests.labs.counting import Counted, every_connection
from tests.people import Browser, Person, add

NEW = "seven quiet boats at anchor"


def ask(browser: Browser, username: str, email: str) -> TestResponse:
    browser.get("/recovery")
    browser.post("/recovery", browser.hidden() | {"username": username, "email": email})
    return browser.follow()


def link(provider: Provider, person: Person) -> str:
    found = [one for one in letters.messages(provider, person.email) if isinstance(one, Recovery)]
    return found[-1].token


def set_new(browser: Browser, token: str, password: str = NEW, **more: str) -> TestResponse:
    browser.get("/recovery")  # for the token against forgery alone
    fields = {"token": token, "password": password, "password_again": password} | more
    browser.post("/recovery/new", browser.hidden() | fields)
    return browser.follow()


def signed_in(browser: Browser, person: Person, password: str) -> bool:
    browser.get("/signin/password")
    browser.sign_in(person, password)
    assert browser.last is not None
    return 'id="sign-out"' in browser.last.text


def test_P15_a_new_password_is_set_by_a_link_and_nobody_is_signed_in_by_it(
    browser: Browser, provider: Provider, citizen: Person
) -> None:
    ask(browser, "citizen1", "MING@people.example")
    done = set_new(browser, link(provider, citizen))

    assert 'id="password-set"' in done.text
    assert browser.get("/account").status_code == 303, "not signed in"
    assert not signed_in(browser, citizen, citizen.password)
    assert signed_in(browser, citizen, NEW)


def test_T36_it_ends_every_session_and_token_and_tells_the_owner(
    browser: Browser, provider: Provider, citizen: Person
) -> None:
    tokens: Any = browser.redeem(browser.code(citizen, scope="openid offline_access")).json
    letters.waiting(provider)
    other = Browser.on(provider)

    ask(other, citizen.account_name, citizen.email)
    set_new(other, link(provider, citizen))

    assert browser.userinfo(tokens["access_token"]).status_code == 401
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert browser.token("app", **form).status_code == 400
    assert 'id="sign-out"' not in browser.get("/").text
    told = letters.messages(provider, citizen.email)
    assert [type(one) for one in told] == [PasswordChanged]


@pytest.mark.parametrize(
    ("username", "email"),
    [
        ("NOBODY", "ming@people.example"),
        ("CITIZEN1", "else@people.example"),
        ("CITIZEN1", "ming@people.example\n"),
        ("CITIZEN1'--", "x@x"),
    ],
)
def test_T43_the_answer_is_the_same_for_whoever_does_not_exist(
    browser: Browser, provider: Provider, citizen: Person, username: str, email: str
) -> None:
    right = ask(browser, citizen.account_name, citizen.email)
    wrong = ask(Browser.on(provider), username, email)

    def bare(page: TestResponse) -> str:
        return re.sub(r'value="[^"]*"', "", page.text)

    assert (right.status_code, bare(right)) == (wrong.status_code, bare(wrong))


def test_what_is_no_address_is_told_and_nothing_typed_is_lost(browser: Browser) -> None:
    browser.get("/recovery")
    refused = browser.post("/recovery", browser.hidden() | {"username": "WU", "email": "nobody"})

    assert refused.status_code == 422
    assert "This is no e-mail address" in refused.text
    assert 'value="WU"' in refused.text
    assert 'value="nobody"' in refused.text


def test_T32_no_mail_goes_to_an_address_that_is_not_the_accounts(
    browser: Browser, provider: Provider, citizen: Person
) -> None:
    ask(browser, citizen.account_name, "attacker@evil.example")
    browser.get("/recovery")
    form = browser.hidden() | {"username": citizen.account_name}
    twice = browser.client.post(
        "/recovery",
        data={**form, "email": ["ming@people.example", "attacker@evil.example"]},
        base_url="https://sso.example",
    )

    assert twice.status_code == 400
    assert letters.waiting(provider) == []


@pytest.mark.parametrize("token", ["", "null", "0", "pml_x", "[]", "pml_" + "a" * 49])
def test_T33_what_is_no_token_opens_nothing(browser: Browser, token: str) -> None:
    assert browser.get("/recovery/new", token=token).status_code == 410
    assert set_new(browser, token).status_code == 410


def test_T33_a_link_is_good_once(browser: Browser, provider: Provider, citizen: Person) -> None:
    ask(browser, citizen.account_name, citizen.email)
    token = link(provider, citizen)
    for _ in range(3):
        assert browser.get("/recovery/new", token=token).status_code == 200, "opening uses nothing"

    assert set_new(browser, token).status_code == 200
    assert set_new(browser, token, "another sentence of words").status_code == 410


def test_T33_an_older_link_is_void_after_a_newer_one(
    browser: Browser, provider: Provider, citizen: Person
) -> None:
    ask(browser, citizen.account_name, citizen.email)
    older = link(provider, citizen)
    ask(browser, citizen.account_name, citizen.email)
    newer = link(provider, citizen)

    assert set_new(browser, older).status_code == 410
    assert set_new(browser, newer).status_code == 200


def test_T33_a_link_is_void_once_the_owner_has_signed_in(
    browser: Browser, provider: Provider, citizen: Person, clock: MovableClock
) -> None:
    ask(browser, citizen.account_name, citizen.email)
    token = link(provider, citizen)
    clock.advance(timedelta(seconds=1))
    assert signed_in(Browser.on(provider), citizen, citizen.password)

    assert set_new(browser, token).status_code == 410


def test_T33_a_link_is_void_once_the_address_is_the_accounts_no_more(
    browser: Browser, provider: Provider, citizen: Person
) -> None:
    ask(browser, citizen.account_name, citizen.email)
    token = link(provider, citizen)
    assert citizen.account is not None
    with provider.database.write() as tx:
        emails.replace(tx, citizen.account.id, [Email("other@people.example", verified=True)])

    assert set_new(browser, token).status_code == 410


def test_a_link_is_good_for_half_an_hour(
    browser: Browser, provider: Provider, citizen: Person, clock: MovableClock
) -> None:
    ask(browser, citizen.account_name, citizen.email)
    token = link(provider, citizen)
    clock.advance(timedelta(minutes=30))

    assert set_new(browser, token).status_code == 410


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("correct horse battery staple", "used this password before"),
        ("short", "at least 15"),
        ("CITIZEN1citizen1", "too close"),
    ],
)
def test_a_weak_password_is_refused_and_the_link_stays_good(
    browser: Browser, provider: Provider, citizen: Person, password: str, words: str
) -> None:
    ask(browser, citizen.account_name, citizen.email)
    token = link(provider, citizen)

    refused = set_new(browser, token, password)
    assert refused.status_code == 422
    assert words in refused.text
    assert set_new(browser, token).status_code == 200


def test_it_switches_a_disabled_password_on_again(
    browser: Browser, provider: Provider, citizen: Person
) -> None:
    assert citizen.account is not None
    with provider.database.write() as tx:
        passwords.disable(tx, citizen.account.id)
    assert not signed_in(browser, citizen, citizen.password)

    other = Browser.on(provider)
    ask(other, citizen.account_name, citizen.email)
    set_new(other, link(provider, citizen))

    assert signed_in(Browser.on(provider), citizen, NEW)


def test_a_mailbox_is_not_flooded(browser: Browser, provider: Provider, citizen: Person) -> None:
    said = [ask(browser, citizen.account_name, citizen.email).status_code for _ in range(8)]

    assert 429 in said
    assert len(letters.waiting(provider)) <= 5


def test_T40_the_links_host_comes_from_the_configuration(
    browser: Browser, provider: Provider, citizen: Person
) -> None:
    browser.get("/recovery")
    fields = browser.hidden() | {"username": citizen.account_name, "email": citizen.email}
    browser.post("/recovery", fields, **{"X-Forwarded-Host": "evil.example", "Forwarded": "host=e"})

    (letter,) = letters.waiting(provider)
    text = provider.stationery.render(letter).text
    assert "https://sso.example/recovery/new?token=" in text
    assert "evil" not in text


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_T43_the_database_is_asked_the_same_for_whoever_does_not_exist(
    browser: Browser, provider: Provider, citizen: Person
) -> None:
    counted = Counted()
    found = []
    with every_connection(provider.database, counted.hear):
        for name, address in ((citizen.account_name, citizen.email), ("NOBODY", "x@y.example")):
            browser.get("/recovery")
            fields = browser.hidden() | {"username": name, "email": address}
            counted.seen.clear()
            browser.post("/recovery", fields)
            found.append(dict(counted.seen))

    assert found[0] == found[1]
    assert found[0]["commits"] == 1


def test_a_password_past_its_time_opens_nothing_and_its_owner_gets_a_link(
    browser: Browser, provider: Provider, clock: MovableClock
) -> None:
    clerk = add(provider, Person("CLERK1", Kind.STAFF, email="clerk@court.example"))
    clock.advance(timedelta(days=89))
    assert signed_in(Browser.on(provider), clerk, clerk.password)
    letters.waiting(provider)
    clock.advance(timedelta(days=2))

    assert not signed_in(browser, clerk, clerk.password)
    assert "too old" in browser.last.text  # type: ignore[union-attr]
    other = Browser.on(provider)
    assert set_new(other, link(provider, clerk), "Seven quiet boats 7").status_code == 200
    assert signed_in(Browser.on(provider), clerk, "Seven quiet boats 7")
