"""The scope ``judiciary``: what apps are told of a judge's office, and what they are not."""

import json
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from idp.config import Names
from idp.mail.messages import Code
from idp.provider import Provider
from tests.clock import MovableClock
from tests.conftest import Enrol
from tests.http.test_B_registration import accept, confirm, finish, send
from tests.http.test_P04_P20_judges import (
    MAIL,
    describe,
    open_form,
    page,
    register,
    sign_in,
    sign_out,
)
from tests.labs import letters
from tests.labs.paper_directory import COURTS, SECTION, WANG, PaperDirectory, with_directory
from tests.labs.signing import claims_of
from tests.people import Browser, Person, answer

OFFICE = {
    "court": "TPD",
    "court_name": COURTS["TPD"],
    "department": "民事庭",
    "title": "法官",
    "ad_account": "wang.dm",
    "roles": ["president"],
}
SCOPE = "openid profile judiciary"


@pytest.fixture
def judge(court: Provider, enrol: Enrol) -> Browser:
    """The browser of a judge who has an account."""
    enrol("petitions", scope=f"{SCOPE} offline_access", account_kinds=["judge"])
    browser = Browser.on(court)
    open_form(browser)
    sign_in(browser)
    register(browser, court)
    sign_out(browser)
    return browser


def tokens(browser: Browser, client_id: str = "petitions", **asked: str) -> dict[str, str]:
    """Sign in to an app, and redeem what it gets."""
    browser.authorize(client_id, **asked)
    if browser.last is not None and browser.last.status_code == 200:
        sign_in(browser)
    code = answer(browser.last)["code"]
    found: dict[str, str] = browser.redeem(code, client_id).get_json()
    return found


def test_P21_an_app_for_judges_leads_to_their_page_at_once(judge: Browser) -> None:
    judge.authorize("petitions", scope=SCOPE)

    assert "/signin/directory" in judge.trail[-1]


def test_userinfo_tells_the_office_and_the_id_token_stays_lean(judge: Browser) -> None:
    held = tokens(judge, scope=SCOPE)
    told = judge.userinfo(held["access_token"]).get_json()

    assert {name: told[name] for name in OFFICE} == OFFICE
    assert "employee_number" not in told
    assert (told["name"], told["preferred_username"]) == ("王大明𠮷", "wang.dm")
    inside = claims_of(held["id_token"])
    assert not set(OFFICE) & set(inside)
    assert (inside["amr"], inside["acr"]) == (["pwd"], SECTION.acr)


def test_without_the_scope_nothing_of_it_is_told(judge: Browser) -> None:
    told = judge.userinfo(tokens(judge, scope="openid profile")["access_token"]).get_json()

    assert not set(OFFICE) & set(told)


def test_single_claims_are_asked_for_in_either_place(judge: Browser) -> None:
    asked = json.dumps({"id_token": {"court": None, "roles": None}, "userinfo": {"title": None}})
    held = tokens(judge, scope="openid", claims=asked)
    told = judge.userinfo(held["access_token"]).get_json()

    inside = claims_of(held["id_token"])
    assert (inside["court"], inside["roles"]) == ("TPD", ["president"])
    assert set(told) == {"sub", "title"}


def test_a_client_that_is_not_registered_for_it_cannot_ask(judge: Browser) -> None:
    asked = json.dumps({"userinfo": {"court": None}})
    told = judge.userinfo(tokens(judge, "app", scope="openid", claims=asked)["access_token"])

    assert set(told.get_json()) == {"sub"}


def test_of_who_is_no_judge_there_is_nothing_to_tell(
    court: Provider, citizen: Person, enrol: Enrol
) -> None:
    enrol("petitions", scope=SCOPE)
    browser = Browser.on(court)
    code = browser.code(citizen, "petitions", scope=SCOPE)
    told = browser.userinfo(browser.redeem(code, "petitions").get_json()["access_token"])

    assert not set(OFFICE) & set(told.get_json())


def test_the_staff_number_is_told_where_the_directory_is_configured_for_it(
    judge: Browser, paper: PaperDirectory
) -> None:
    paper.write(replace(WANG, employee_number="A12345", roles=()))
    told = judge.userinfo(tokens(judge, scope=SCOPE)["access_token"]).get_json()

    assert told["employee_number"] == "A12345"
    assert "roles" not in told, "an absent claim, never an empty one"


def test_an_app_that_demands_the_directory_gets_its_value(judge: Browser, enrol: Enrol) -> None:
    enrol("anybody", scope=SCOPE)
    demanded = {"id_token": {"acr": {"essential": True, "values": [SECTION.acr]}}}
    judge.authorize("anybody", scope="openid", claims=json.dumps(demanded))
    assert "/signin/directory" in judge.trail[-1]

    code = answer(sign_in(judge))["code"]

    assert claims_of(judge.redeem(code, "anybody").get_json()["id_token"])["acr"] == SECTION.acr


@pytest.mark.parametrize("asked", [{"prompt": "login"}, {"max_age": "0"}], ids=["login", "max_age"])
def test_who_is_to_sign_in_again_sees_the_form(
    judge: Browser, clock: MovableClock, asked: dict[str, str]
) -> None:
    tokens(judge, scope="openid")
    clock.advance(timedelta(minutes=1))

    judge.authorize("petitions", scope="openid", **asked)

    assert "/signin/directory" in judge.trail[-1]
    assert answer(sign_in(judge))["code"]


def test_consent_says_what_is_told(judge: Browser, enrol: Enrol) -> None:
    enrol("stranger2", scope=SCOPE, trusted=False)
    judge.authorize("stranger2", scope=SCOPE)
    sign_in(judge)

    assert judge.last is not None
    assert "Your office" in judge.last.text


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_discovery_tells_of_it_where_there_is_a_directory(
    court: Provider, provider: Provider
) -> None:
    with_it, without = (
        Browser.on(one).get("/.well-known/openid-configuration").get_json()
        for one in (court, provider)
    )

    assert {*OFFICE, "employee_number"} <= set(with_it["claims_supported"])
    assert SECTION.acr in with_it["acr_values_supported"]
    assert SECTION.ticket_acr not in with_it["acr_values_supported"], "no keytab is configured"
    assert not {*OFFICE} & set(without["claims_supported"])
    assert SECTION.acr not in without["acr_values_supported"]


NAMES = {"zh-Hant": COURTS["TPD"], "en": "Taipei District Court"}


def test_a_court_is_called_by_its_name_in_the_language_of_the_page_and_of_the_claim(
    provider: Provider, paper: PaperDirectory, enrol: Enrol
) -> None:
    courts = {"TPD": NAMES, "TPH": COURTS["TPH"]}
    court = with_directory(provider, paper, msgspec.structs.replace(SECTION, courts=courts))
    enrol("petitions", scope=SCOPE)
    browser = Browser.on(court)
    browser.get("/signin/directory", lang="en")
    sign_in(browser)
    accept(browser)
    assert f'id="fact-court">{NAMES["en"]}<' in page(browser)
    describe(browser)
    send(browser)
    confirm(
        browser, next(one.code for one in letters.messages(court, MAIL) if isinstance(one, Code))
    )
    assert f'id="court" tabindex="-1">{NAMES["en"]} <' in page(browser)
    finish(browser)
    assert NAMES["en"] in browser.get("/account").text
    assert NAMES["zh-Hant"] in browser.get("/account", lang="zh-Hans").text, "Chinese for Chinese"

    told = browser.userinfo(tokens(browser, scope=SCOPE)["access_token"]).get_json()

    assert told["court_name"] == NAMES["zh-Hant"]
    assert {tag: told[f"court_name#{tag}"] for tag in NAMES} == NAMES


def test_P31_a_role_is_called_by_its_name_and_by_its_value_where_it_has_none(
    provider: Provider, paper: PaperDirectory
) -> None:
    names: dict[str, Names] = {
        "president": {"zh-Hant": "院長", "zh-Hans": "院长", "en": "President"},
        "on-call": "值班",
    }
    court = with_directory(provider, paper, msgspec.structs.replace(SECTION, role_names=names))
    paper.write(replace(WANG, roles=("president", "night-duty", "on-call")))
    browser = Browser.on(court)
    open_form(browser)
    sign_in(browser)
    register(browser, court)

    pages = {lang: browser.get("/account", lang=lang).text for lang in ("zh-Hant", "zh-Hans", "en")}

    assert ">院長、night-duty、值班<" in pages["zh-Hant"]
    assert ">院长、night-duty、值班<" in pages["zh-Hans"]
    assert ">President, night-duty, 值班<" in pages["en"]
