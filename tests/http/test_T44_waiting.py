"""Whoever has tried too often is told how long to wait: the same for names that nobody has."""

from datetime import timedelta

import pytest

from idp.provider import Provider
from tests.clock import MovableClock
from tests.http.test_P04_P20_judges import open_form, sign_in
from tests.people import Browser, Person

Told = tuple[int, str, bool]
ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def told(browser: Browser, sentence: str) -> Told:
    assert browser.last is not None
    found = browser.last
    return found.status_code, found.headers.get("Retry-After", ""), sentence in found.text


def guess(court: Provider, account: str, sentence: str) -> Told:
    """Try once more, from a browser that is new."""
    stranger = Browser.on(court)
    open_form(stranger)
    sign_in(stranger, account, "guess")
    return told(stranger, sentence)


def test_a_directory_s_rest_is_told_to_the_second_and_to_the_minute(
    court: Provider, clock: MovableClock
) -> None:
    said: dict[str, list[Told]] = {"wang.dm": [], "nobody": []}
    began = clock()
    for account, found in said.items():
        clock.now = began
        guess(court, account, "")
        guess(court, account, "")
        found.append(guess(court, account, "Try again in 95 minutes,"))
        clock.advance(timedelta(minutes=10, seconds=30))
        found.append(guess(court, account, "Try again in 85 minutes,"))
        clock.advance(timedelta(minutes=84))
        found.append(guess(court, account, "Try again in 1 minute,"))

    assert said["wang.dm"] == [(429, "5700", True), (429, "5070", True), (429, "30", True)]
    assert said["nobody"] == said["wang.dm"]


@ONE_DATABASE
def test_at_the_end_of_what_was_told_one_may_try_again(
    court: Provider, clock: MovableClock
) -> None:
    for _ in range(2):
        guess(court, "wang.dm", "")
    _, seconds, _ = guess(court, "wang.dm", "")

    clock.advance(timedelta(seconds=int(seconds) - 1))
    assert guess(court, "wang.dm", "")[0] == 429
    clock.advance(timedelta(seconds=1))
    assert guess(court, "wang.dm", "")[0] == 422


@ONE_DATABASE
@pytest.mark.parametrize(
    ("language", "sentence"),
    [("zh-TW", "請於 15 分鐘後再試"), ("zh-CN", "请在 15 分钟后重试"), ("en", "in 15 minutes,")],
)
def test_so_is_the_one_of_passwords_in_every_language(
    browser: Browser, citizen: Person, clock: MovableClock, language: str, sentence: str
) -> None:
    browser.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
    for name in (citizen.account_name, "NOBODY"):
        for _ in range(6):
            browser.get("/signin/password")
            fields = browser.hidden() | {"username": name, "password": "a guess"}
            browser.post("/signin/password", fields)

        assert told(browser, sentence) == (429, "900", True)
    clock.advance(timedelta(minutes=15))
    for _ in range(10):
        fields = browser.hidden() | {"username": citizen.account_name, "password": "a guess"}
        browser.post("/signin/password", fields)
        clock.advance(timedelta(seconds=1))
    assert told(browser, "")[:2] == (429, str(30 * 60 - 5))


@ONE_DATABASE
def test_a_wait_of_hours_is_told_in_hours(browser: Browser, clock: MovableClock) -> None:
    """A guesser's fifth, tenth … twentieth slip: 15 minutes, twice, four and eight times that."""
    for number in range(21):
        browser.get("/signin/password")
        fields = browser.hidden() | {"username": "NOBODY", "password": "a guess"}
        browser.post("/signin/password", fields)
        if number % 5 == 4 and number < 19:
            clock.advance(timedelta(hours=1))

    assert told(browser, "Try again in 2 hours,") == (429, "7200", True)
