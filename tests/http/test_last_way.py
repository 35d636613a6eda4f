"""The page of the way that a browser used last comes first, and tells of nobody."""

import pytest

from idp.provider import Provider
from tests.conftest import Enrol
from tests.http.test_P04_P20_judges import open_form, registered, sign_out
from tests.labs.paper_directory import PASSWORD
from tests.people import Browser, Person

COOKIE = "__Host-portico_way"


@pytest.fixture
def judge(court: Provider) -> Browser:
    """The browser of a judge who has signed in, and out again."""
    browser = Browser.on(court)
    registered(browser, court)
    return browser


def kept(browser: Browser) -> str:
    found = browser.client.get_cookie(COOKIE, domain="sso.example")
    return found.value if found else ""


def keep(browser: Browser, way: str) -> None:
    browser.client.set_cookie(COOKIE, way, domain="sso.example", secure=True)


def led_to(browser: Browser, client_id: str = "app", **asked: str) -> str:
    browser.authorize(client_id, **asked)
    return browser.trail[-1].partition("?")[0]


def test_a_new_browser_is_led_to_the_password(court: Provider) -> None:
    assert led_to(Browser.on(court)) == "GET /signin/password"


def test_a_judges_browser_is_led_to_the_judges_page(judge: Browser) -> None:
    assert led_to(judge) == "GET /signin/directory"
    assert 'id="sign-in" href="/signin/directory"' in judge.get("/").text.replace(
        'class="btn btn-primary" ', ""
    )
    judge.get("/account")
    judge.follow()
    assert "/signin/directory" in judge.trail[-1]


def test_an_address_that_names_a_way_leads_to_that_one(judge: Browser) -> None:
    led_to(judge)
    assert judge.last is not None
    journey = judge.hidden()["journey"]
    assert f'id="way-password" href="/signin/password?journey={journey}"' in judge.last.text

    shown = judge.get("/signin/password", journey=journey)

    assert 'id="way-password"' in shown.text
    assert "directory-form" not in shown.text


def test_the_way_that_succeeded_last_counts_and_no_other(judge: Browser, citizen: Person) -> None:
    judge.get("/signin/password")
    judge.sign_in(citizen, password="a wrong guess")
    assert kept(judge) == "directory"

    judge.get("/signin/password")
    judge.sign_in(citizen)
    sign_out(judge)

    assert kept(judge) == "password"
    assert led_to(judge) == "GET /signin/password"


def test_nothing_of_an_account_is_kept_or_shown(judge: Browser) -> None:
    assert kept(judge) == "directory"
    led_to(judge)

    assert judge.last is not None
    assert "wang" not in judge.last.text.partition("<main")[2].replace("wang.dm@", "")
    assert judge.hidden().keys() == {"csrf_token", "journey"}


def test_the_cookie_is_for_no_script_and_no_other_site(judge: Browser) -> None:
    open_form(judge)
    assert judge.last is not None
    form = judge.hidden() | {"username": "wang.dm", "password": PASSWORD}

    set_ = judge.post("/signin/directory", form).headers.getlist("Set-Cookie")

    (way,) = [one for one in set_ if one.startswith(COOKIE)]
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(way.split("; "))


@pytest.mark.parametrize("planted", ["card", "ticket", "https://evil.example", "", "password.show"])
def test_what_is_no_way_here_leads_to_the_password(court: Provider, planted: str) -> None:
    browser = Browser.on(court)
    keep(browser, planted)

    assert led_to(browser) == "GET /signin/password"


def test_where_there_is_no_directory_any_more_it_is_the_password(provider: Provider) -> None:
    browser = Browser.on(provider)
    keep(browser, "directory")

    assert led_to(browser) == "GET /signin/password"


def test_an_app_that_is_not_for_judges_leads_to_the_password(judge: Browser, enrol: Enrol) -> None:
    enrol("citizens", account_kinds=["citizen"])

    assert led_to(judge, "citizens") == "GET /signin/password"


def test_who_is_to_sign_in_again_is_asked_for_no_ticket(judge: Browser) -> None:
    judge.get("/")
    judge.authorize(prompt="login")

    assert judge.trail[-1].startswith("GET /signin/directory?")
    assert "form=1" in judge.trail[-1]
