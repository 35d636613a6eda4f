"""P01: a form that nothing is wrong with is taken in front of the pages, to the same effect."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from idp.audit.store import AuditRow
from idp.provider import Provider
from idp.sessions.store import BrowserSession
from idp.signin.store import SignInAttempt
from tests.clock import MovableClock
from tests.factors import without_challenge
from tests.people import Browser, Person

FORM = "application/x-www-form-urlencoded"
FOR_THE_PAGES = f"{FORM}; charset=utf-8"


def send(browser: Browser, content_type: str, /, **typed: str) -> TestResponse:
    browser.authorize()
    return browser.post(
        "/signin/password", browser.hidden() | typed, **{"Content-Type": content_type}
    )


def attempts(provider: Provider) -> list[tuple[str | None, str]]:
    with provider.database.read() as tx:
        rows = tx.execute(select(SignInAttempt.refused_for, SignInAttempt.user_agent))
        return [(row.refused_for, row.user_agent) for row in rows]


def cookies(response: TestResponse) -> dict[str, set[str]]:
    """List what is given with each cookie, but the second in which it was."""
    given = (one.split("; ") for one in response.headers.getlist("Set-Cookie"))
    return {
        named.partition("=")[0]: {each for each in rest if not each.startswith("Expires=")}
        for named, *rest in given
    }


def test_the_cookies_and_the_way_on_are_those_of_the_pages(
    provider: Provider, citizen: Person
) -> None:
    typed = {"username": citizen.account_name, "password": citizen.password}

    in_front = send(Browser.on(provider), FORM, **typed)
    by_a_page = send(Browser.on(provider), FOR_THE_PAGES, **typed)

    assert in_front.status_code == by_a_page.status_code == 303
    assert "Content-Type" not in in_front.headers, "it was not taken in front of the pages"
    assert cookies(in_front) == cookies(by_a_page)
    assert len(cookies(in_front)) == 5
    assert in_front.location.partition("=")[0] == by_a_page.location.partition("=")[0]
    assert [one[0] for one in attempts(provider)] == [None, None]


@pytest.mark.parametrize("account_name", ["CITIZEN1", "NOBODY9"])
def test_a_wrong_password_is_counted_once_and_told_by_the_page(
    provider: Provider, citizen: Person, account_name: str
) -> None:
    typed = {"username": account_name, "password": f"not {citizen.password}"}
    told = []
    for content_type in (FORM, FOR_THE_PAGES):
        browser = Browser.on(provider)
        answer = send(browser, content_type, **typed)
        page = without_challenge(answer.text)
        for word in browser.hidden().values():
            page = page.replace(word, "") if word else page
        told.append((answer.status_code, page))
        with provider.database.read() as tx:
            numbers = tx.execute(select(AuditRow.request_id)).scalars().all()

        assert answer.headers["X-Request-Id"] in numbers

    assert told[0] == told[1]
    assert told[0][0] == 422
    assert len(attempts(provider)) == 2


def test_who_writes_what_the_browser_is_called_is_the_same(
    provider: Provider, citizen: Person
) -> None:
    browser = Browser.on(provider)
    browser.client.environ_base["HTTP_USER_AGENT"] = "Browser/1.0 " + "x" * 400

    send(browser, FORM, username=citizen.account_name, password=citizen.password)

    assert attempts(provider) == [(None, ("Browser/1.0 " + "x" * 400)[:255])]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"csrf_token": "of another browser"}, 403),
        ({"csrf_token": ""}, 403),
        ({"journey": "pjy_" + "a" * 49}, 400),
        ({"journey": "../" + "a" * 49}, 400),
        ({"password": "with a \x00"}, 400),
        ({"password": ""}, 422),
        ({"username": "  "}, 422),
        ({"password": "x" * 70_000}, 413),
    ],
)
def test_whatever_is_wrong_is_for_the_pages_and_counts_nothing(
    provider: Provider, browser: Browser, citizen: Person, changes: dict[str, str], status: int
) -> None:
    typed = {"username": citizen.account_name, "password": citizen.password}

    answer = send(browser, FORM, **(typed | changes))

    assert answer.status_code == status
    assert attempts(provider) == []


@pytest.mark.parametrize("site", ["cross-site", "same-site", ""])
def test_a_form_that_another_site_has_sent_is_refused(
    provider: Provider, browser: Browser, citizen: Person, site: str
) -> None:
    browser.authorize()
    typed = {"username": citizen.account_name, "password": citizen.password}

    answer = browser.post("/signin/password", browser.hidden() | typed, **{"Sec-Fetch-Site": site})

    assert answer.status_code == 403
    assert attempts(provider) == []


def test_a_field_that_comes_twice_is_refused(browser: Browser, citizen: Person) -> None:
    browser.authorize()
    fields = browser.hidden() | {"username": citizen.account_name, "password": citizen.password}
    twice = {**fields, "password": [citizen.password, citizen.password]}

    answer = browser.client.post("/signin/password", data=twice, base_url="https://sso.example")

    assert answer.status_code == 400


def test_who_signs_in_again_takes_the_place_of_the_session_before(
    provider: Provider, browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    browser.code(citizen)
    clock.advance(timedelta(minutes=1))
    browser.authorize(prompt="login")

    browser.sign_in(citizen)

    with provider.database.read() as tx:
        rows = tx.execute(select(BrowserSession.successor_id).order_by(BrowserSession.id)).all()
    assert [row.successor_id is None for row in rows] == [False, True]
