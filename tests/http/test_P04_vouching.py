"""What stood on a directory's word ends with it: at a refresh, and between them (P04)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from idp import worker
from idp.authenticators.directory.model import Standing
from idp.provider import Provider
from tests.clock import MovableClock
from tests.http.test_P04_P20_judges import events, register, sign_in
from tests.labs.paper_directory import WANG, PaperDirectory
from tests.people import Browser, Person, answer

FOR_GOOD = [
    Standing.DISABLED,
    Standing.EXPIRED,
    Standing.PASSWORD_EXPIRED,
    Standing.MUST_CHANGE,
    Standing.NOT_ALLOWED,
    Standing.WRONG_CREDENTIALS,
    Standing.NOBODY,
    Standing.OTHER_WORKSTATION,
]
FOR_NOW = sorted(set(Standing) - set(FOR_GOOD) - {Standing.GOOD})
ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def judge(court: Provider) -> Browser:
    """The browser of a judge who has come into the app."""
    browser = Browser.on(court)
    browser.authorize(scope="openid offline_access", prompt="consent")
    sign_in(browser)
    register(browser, court)
    if 'id="consent-accept"' in page(browser):
        browser.post("/signin/consent", browser.hidden() | {"decision": "allow"})
        browser.follow()
    return browser


@pytest.fixture
def token(judge: Browser) -> str:
    assert judge.last is not None
    document: Any = judge.redeem(answer(judge.last)["code"]).json
    return str(document["refresh_token"])


def page(browser: Browser) -> str:
    assert browser.last is not None
    return browser.last.text


def refresh(browser: Browser, token: str) -> tuple[int, dict[str, Any]]:
    found = browser.token("app", grant_type="refresh_token", refresh_token=token)
    document: Any = found.json
    return found.status_code, document


def asked_of(paper: PaperDirectory) -> list[str]:
    """Note every question from now on."""
    found: list[str] = []
    ask: Callable[[str], Any] = paper.by_guid

    def noted(key: str) -> Any:
        found.append(key)
        return ask(key)

    paper.by_guid = noted  # type: ignore[assignment,method-assign]
    return found


def test_a_refresh_asks_the_directory_once_and_goes_on(
    judge: Browser, paper: PaperDirectory, token: str
) -> None:
    questions = asked_of(paper)

    status, first = refresh(judge, token)
    again, second = refresh(judge, first["refresh_token"])

    assert (status, again) == (200, 200)
    assert questions == [WANG.identity.key] * 2
    assert second["refresh_token"] not in {token, first["refresh_token"]}


@pytest.mark.parametrize("standing", FOR_GOOD)
def test_who_may_not_come_in_any_more_is_out_at_the_next_refresh(
    judge: Browser, court: Provider, paper: PaperDirectory, token: str, standing: Standing
) -> None:
    paper.standings["wang.dm"] = standing

    status, refused = refresh(judge, token)

    assert (status, refused["error"]) == (400, "invalid_grant")
    paper.standings.clear()
    assert refresh(judge, token)[1]["error"] == "invalid_grant", "it does not come back"
    assert "Good to see you" not in judge.get("/").text
    assert [one["why"] for one in events(court, "sessions.ended")] == [f"directory_{standing}"]


@pytest.mark.parametrize("standing", FOR_NOW)
@ONE_DATABASE
def test_a_directory_that_cannot_say_keeps_waiting_and_ends_nothing(
    judge: Browser, paper: PaperDirectory, token: str, standing: Standing
) -> None:
    """A locked account too: anybody who fails at its password could end its owner's work."""
    paper.standings["wang.dm"] = standing

    status, refused = refresh(judge, token)

    assert (status, refused["error"]) == (503, "temporarily_unavailable")
    paper.standings.clear()
    assert refresh(judge, token)[0] == 200, "the token was not used up"
    assert "Good to see you" in judge.get("/").text


@ONE_DATABASE
def test_an_entry_that_is_gone_takes_all_along_and_another_of_its_name_brings_nothing_back(
    judge: Browser, paper: PaperDirectory, token: str
) -> None:
    paper.recreate("wang.dm")

    assert refresh(judge, token)[1]["error"] == "invalid_grant"


def test_nobody_else_is_asked_about(
    court: Provider, paper: PaperDirectory, citizen: Person
) -> None:
    paper.is_down = True
    questions = asked_of(paper)
    browser = Browser.on(court)
    browser.authorize(scope="openid offline_access", prompt="consent")
    browser.sign_in(citizen)
    if 'id="consent-accept"' in page(browser):
        browser.post("/signin/consent", browser.hidden() | {"decision": "allow"})
        browser.follow()
    assert browser.last is not None
    document: Any = browser.redeem(answer(browser.last)["code"]).json

    status, _ = refresh(browser, document["refresh_token"])

    assert status == 200
    assert questions == []


def come_in_as_well(browser: Browser, sign_in: Callable[[], Any]) -> str:
    """Go into the app and take a refresh token."""
    browser.authorize(scope="openid offline_access", prompt="consent")
    sign_in()
    if 'id="consent-accept"' in page(browser):
        browser.post("/signin/consent", browser.hidden() | {"decision": "allow"})
        browser.follow()
    document: Any = browser.redeem(_code(browser)).json
    return str(document["refresh_token"])


def _code(browser: Browser) -> str:
    assert browser.last is not None
    return answer(browser.last)["code"]


@pytest.mark.usefixtures("token")
def test_each_is_asked_about_by_their_own_entry(
    court: Provider, paper: PaperDirectory, citizen: Person
) -> None:
    """Two judges and somebody who is none: an answer about one is nobody else's."""
    lee, other = Browser.on(court), Browser.on(court)
    paper.write(replace(WANG, account="lee.ys", guid="00000000-0000-4000-8000-000000000001"))

    def arrive() -> None:
        sign_in(lee, "lee.ys")
        register(lee, court, "lee@judges.example")

    of_lee = come_in_as_well(lee, arrive)
    of_citizen = come_in_as_well(other, lambda: other.sign_in(citizen))
    paper.standings["wang.dm"] = Standing.DISABLED
    questions = asked_of(paper)

    answered = refresh(lee, of_lee)[0], refresh(other, of_citizen)[0]

    assert answered == (200, 200)
    assert questions == ["court:00000000-0000-4000-8000-000000000001"]
    paper.standings["lee.ys"] = Standing.DISABLED
    assert worker.ask_of_those_signed_in(court) == 2
    assert "Good to see you" in other.get("/").text


@pytest.mark.usefixtures("token")
def test_between_refreshes_the_worker_asks(
    judge: Browser, court: Provider, paper: PaperDirectory
) -> None:
    assert worker.ask_of_those_signed_in(court) == 0
    paper.is_down = True
    assert worker.ask_of_those_signed_in(court) == 0
    assert "Good to see you" in judge.get("/").text

    paper.is_down = False
    paper.standings["wang.dm"] = Standing.DISABLED
    assert worker.ask_of_those_signed_in(court) == 1

    assert "Good to see you" not in judge.get("/").text
    assert worker.ask_of_those_signed_in(court) == 0, "whoever is out is not asked about"


@ONE_DATABASE
def test_the_worker_asks_where_there_is_a_directory(court: Provider, provider: Provider) -> None:
    def names(portico: Provider) -> set[str]:
        return {one.name for one in worker.rounds(portico)}

    assert names(court) - names(provider) == {"directories"}


def code_of(browser: Browser, **more: str) -> str:
    """Go into the app again, with the session that is there."""
    browser.authorize(scope="openid offline_access", **more)
    assert browser.last is not None
    return str(answer(browser.last)["code"])


@pytest.mark.usefixtures("token")
def test_a_code_for_an_older_session_asks_and_one_for_a_new_one_does_not(
    judge: Browser, paper: PaperDirectory, clock: MovableClock
) -> None:
    questions = asked_of(paper)
    assert judge.redeem(code_of(judge)).status_code == 200
    assert questions == []

    clock.advance(timedelta(minutes=2))

    assert judge.redeem(code_of(judge)).status_code == 200
    assert questions == [WANG.identity.key]


@pytest.mark.usefixtures("token")
def test_who_may_not_come_in_any_more_gets_no_new_app_by_an_older_session(
    judge: Browser, court: Provider, paper: PaperDirectory, clock: MovableClock
) -> None:
    clock.advance(timedelta(minutes=2))
    code = code_of(judge, prompt="none")
    paper.standings["wang.dm"] = Standing.DISABLED

    refused: Any = judge.redeem(code).json

    assert refused["error"] == "invalid_grant"
    assert "Good to see you" not in judge.get("/").text
    assert [one["why"] for one in events(court, "sessions.ended")] == ["directory_disabled"]


@pytest.mark.usefixtures("token")
@ONE_DATABASE
def test_a_code_waits_for_a_directory_that_cannot_say(
    judge: Browser, paper: PaperDirectory, clock: MovableClock
) -> None:
    clock.advance(timedelta(minutes=2))
    code = code_of(judge)
    paper.is_down = True

    assert judge.redeem(code).status_code == 503
    paper.is_down = False
    assert judge.redeem(code).status_code == 200


FROM_THE_FRONT = [
    {"response_type": one, "nonce": "n", "scope": "openid"}
    for one in ("id_token", "id_token token", "code id_token", "code token")
]


def ask_in_front(browser: Browser, request: dict[str, str], **more: str) -> dict[str, str]:
    """Ask for tokens in the answer itself, with the session that is there."""
    browser.authorize("hybrid", **(request | more))
    return answer(browser.last)


@pytest.mark.usefixtures("token")
@pytest.mark.parametrize("request_", FROM_THE_FRONT, ids=lambda one: one["response_type"])
@ONE_DATABASE
def test_tokens_in_the_answer_of_an_older_session_ask_and_of_a_new_one_do_not(
    judge: Browser, paper: PaperDirectory, clock: MovableClock, request_: dict[str, str]
) -> None:
    questions = asked_of(paper)
    assert "error" not in ask_in_front(judge, request_)
    assert questions == []

    clock.advance(timedelta(minutes=2))

    assert "error" not in ask_in_front(judge, request_)
    assert questions == [WANG.identity.key]


@pytest.mark.usefixtures("token")
@pytest.mark.parametrize("prompt", ["none", ""])
def test_who_may_not_come_in_any_more_gets_no_tokens_in_an_answer(
    judge: Browser, court: Provider, paper: PaperDirectory, clock: MovableClock, prompt: str
) -> None:
    clock.advance(timedelta(minutes=2))
    paper.standings["wang.dm"] = Standing.DISABLED

    refused = ask_in_front(judge, FROM_THE_FRONT[1], prompt=prompt)

    assert refused["error"] == "access_denied"
    assert not {"id_token", "access_token"} & set(refused)
    assert "Good to see you" not in judge.get("/").text
    assert [one["why"] for one in events(court, "sessions.ended")] == ["directory_disabled"]


@pytest.mark.usefixtures("token")
@pytest.mark.parametrize("standing", FOR_NOW)
@ONE_DATABASE
def test_an_answer_with_tokens_waits_for_a_directory_that_cannot_say(
    judge: Browser, paper: PaperDirectory, clock: MovableClock, standing: Standing
) -> None:
    clock.advance(timedelta(minutes=2))
    paper.standings["wang.dm"] = standing

    assert ask_in_front(judge, FROM_THE_FRONT[0])["error"] == "temporarily_unavailable"
    paper.standings.clear()
    assert "id_token" in ask_in_front(judge, FROM_THE_FRONT[0])


@ONE_DATABASE
def test_nobody_else_s_tokens_in_an_answer_ask(
    court: Provider, paper: PaperDirectory, citizen: Person, clock: MovableClock
) -> None:
    paper.is_down = True
    browser = Browser.on(court)
    browser.authorize("hybrid", **FROM_THE_FRONT[1])
    browser.sign_in(citizen)
    clock.advance(timedelta(minutes=2))

    assert "id_token" in ask_in_front(browser, FROM_THE_FRONT[1])
