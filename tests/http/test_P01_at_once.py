"""P01: the redirects on the way to the sign-in page and back to the app need no page."""

from datetime import timedelta
from urllib.parse import urlencode, urlsplit

import pytest
from sqlalchemy import delete

from idp.keys.store import SigningKey
from idp.provider import Provider
from tests.clock import MovableClock
from tests.people import BASE, Browser, Person, answer, request_of


def attributes(cookie: str) -> tuple[str, list[str]]:
    named, *rest = cookie.split("; ")
    return named.partition("=")[0], sorted(rest)


def test_a_browser_is_bound_in_front_of_the_pages_as_by_them(provider: Provider) -> None:
    in_front, by_a_page = Browser.on(provider), Browser.on(provider)

    there = in_front.get("/authorize", **request_of("app"))
    # A language to remember is for the pages.
    here = by_a_page.get("/authorize", **request_of("app", lang="en"))

    assert there.status_code == here.status_code == 303
    assert there.location.startswith("/signin/password?journey=pjy_")
    assert here.location.startswith("/signin/password?journey=pjy_")
    (given,) = there.headers.getlist("Set-Cookie")
    page_gave = [attributes(one) for one in here.headers.getlist("Set-Cookie")]
    assert attributes(given) == next(one for one in page_gave if one[0].endswith("_browser"))
    assert there.headers["X-Request-Id"]
    assert there.headers["Cache-Control"] == "no-store"


def test_who_is_bound_already_stays_so(browser: Browser) -> None:
    browser.get("/authorize", **request_of("app"))

    again = browser.get("/authorize", **request_of("app"))

    assert "Set-Cookie" not in again.headers
    assert browser.get(again.location).status_code == 200


def test_a_binding_that_somebody_has_planted_beside_ours_is_left_to_the_pages(
    browser: Browser,
) -> None:
    name = "__Host-portico_browser"
    planted = f"{name}={'a' * 43}; {name}={'b' * 43}"

    done = browser.client.application.test_client(use_cookies=False).get(
        "/authorize", query_string=request_of("app"), headers={"Cookie": planted}, base_url=BASE
    )

    assert done.status_code == 303
    assert "Set-Cookie" not in done.headers


def test_a_language_in_the_request_is_remembered(browser: Browser) -> None:
    page = browser.authorize(lang="zh-Hans")

    assert '<html lang="zh-Hans">' in page.text


def test_an_answer_is_given_once(browser: Browser, citizen: Person) -> None:
    browser.authorize()
    browser.sign_in(citizen)
    path = browser.trail[-1].removeprefix("GET ")
    assert path.startswith("/authorize/continue")

    again = browser.get(path)

    assert (again.status_code, "Location" in again.headers) == (400, False)


def test_the_answer_of_a_journey_is_for_the_browser_that_is_on_it(
    browser: Browser, citizen: Person
) -> None:
    browser.authorize()
    done = browser.post(
        "/signin/password",
        browser.hidden() | {"username": citizen.account_name, "password": citizen.password},
    )
    other = Browser.of(browser.client.application)
    other.code(citizen)

    assert other.get(done.location).status_code == 400
    assert "code" in answer(browser.get(done.location))


@pytest.mark.parametrize("client_id", ["app", "hybrid", "public"])
def test_an_app_of_any_profile_gets_its_code(
    browser: Browser, citizen: Person, client_id: str
) -> None:
    assert browser.code(citizen, client_id)


def test_who_cancels_leads_back_with_a_no(browser: Browser) -> None:
    browser.authorize()

    done = browser.post("/signin/password", browser.hidden() | {"action": "cancel"})

    assert answer(browser.get(done.location))["error"] == "access_denied"


def test_a_session_that_somebody_has_planted_beside_ours_is_left_to_the_pages(
    browser: Browser, citizen: Person
) -> None:
    browser.code(citizen)
    name = "__Host-portico_session"
    session = browser.client.get_cookie(name, urlsplit(BASE).hostname or "")
    assert session is not None
    twice = f"{name}={session.value}; {name}={'z' * 43}"
    asked = request_of("app")

    told = [
        browser.client.application.test_client(use_cookies=False).get(
            "/authorize", query_string=asked | more, headers={"Cookie": twice}, base_url=BASE
        )
        for more in ({}, {"lang": "en"})  # the second is for the pages by its language alone
    ]

    assert [set(answer(one)) for one in told] == [{"code", "state", "iss"}] * 2


@pytest.mark.parametrize("spelled", ["lang", "la%6eg"])
def test_a_language_clicked_is_remembered_where_somebody_is_signed_in(
    browser: Browser, citizen: Person, spelled: str
) -> None:
    browser.code(citizen)

    done = browser.get(f"/authorize?{urlencode(request_of('app'))}&{spelled}=zh-Hans")

    assert "code=" in done.location
    assert any("_lang=zh-Hans" in one for one in done.headers.getlist("Set-Cookie"))


def test_what_goes_wrong_on_the_way_back_has_a_page_and_a_number(
    browser: Browser, citizen: Person, provider: Provider, clock: MovableClock
) -> None:
    browser.code(citizen, "hybrid")
    clock.advance(timedelta(minutes=1))
    browser.authorize("hybrid", response_type="code id_token", prompt="login")
    with provider.database.write() as tx:
        tx.execute(delete(SigningKey))
    clock.advance(timedelta(seconds=6))

    page = browser.sign_in(citizen)

    assert page.status_code in {500, 503}
    assert "<main" in page.text
    assert page.headers["X-Request-Id"]
