"""A new version of the terms is asked for at the next sign-in, once (P10)."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from idp.provider import Provider
from idp.terms import documents
from idp.terms import store as terms
from tests.clock import MovableClock
from tests.http.test_B_registration import begin, describe
from tests.people import Browser, Person, answer, set_back


@pytest.fixture
def behind(provider: Provider, citizen: Person) -> Person:
    """Somebody who has accepted an earlier version."""
    return set_back(provider, citizen)


def accept(browser: Browser) -> None:
    browser.post("/signin/terms", browser.hidden() | {"accept": "1"})
    browser.follow()


def test_on_the_way_to_an_app_they_are_asked_for_and_lead_on(
    browser: Browser, provider: Provider, behind: Person
) -> None:
    browser.authorize()
    browser.sign_in(behind)
    assert browser.trail[-1].startswith("GET /signin/terms")

    refused = browser.post("/signin/terms", browser.hidden())
    assert refused.status_code == 422
    assert 'id="accept-error"' in refused.text
    accept(browser)

    assert "code" in answer(browser.last)
    assert behind.account is not None
    with provider.database.read() as tx:
        found = terms.accepted(tx, behind.account.id)
    assert {(document, version) for document, version, _at in found} == {
        ("terms", "2025-01-02"),
        ("privacy", "2026-11-15"),
    }


def test_once_accepted_nobody_asks_again(browser: Browser, behind: Person) -> None:
    browser.authorize()
    browser.sign_in(behind)
    accept(browser)

    browser.authorize()

    assert "code" in answer(browser.last)


def test_the_portal_asks_too(browser: Browser, behind: Person) -> None:
    browser.get("/signin/password")
    browser.sign_in(behind)
    assert browser.trail[-1].startswith("GET /signin/terms")

    accept(browser)

    assert 'id="sign-out"' in browser.last.text  # type: ignore[union-attr]


def test_without_a_page_the_app_is_told(browser: Browser, behind: Person) -> None:
    browser.get("/signin/password")
    browser.sign_in(behind)

    browser.authorize(prompt="none")

    assert answer(browser.last)["error"] == "interaction_required"


def test_who_has_accepted_what_is_in_force_is_not_asked(browser: Browser, citizen: Person) -> None:
    browser.authorize()
    browser.sign_in(citizen)

    assert "code" in answer(browser.last)


def test_the_version_in_force_is_the_newest_day_of_either_document() -> None:
    newest = {documents.versions(document)[0] for document in documents.Document}

    assert documents.in_force(MovableClock()()) == max(newest)


NEWER = "2026-11-20"
TOMORROW = "2026-11-21"


@pytest.fixture
def publish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Bring a newer privacy policy into force, while pages with the old one are open."""
    texts = tmp_path / "texts"
    shutil.copytree(documents.TEXTS, texts)

    def forget() -> None:
        for cached in (documents.versions, documents.text, documents.in_force_on):
            cached.cache_clear()

    def now(version: str = NEWER) -> None:
        for locale in ("zh-Hant", "zh-Hans", "en"):
            (texts / "privacy" / f"{version}.{locale}.md").write_text("# New words\n", "utf-8")
        monkeypatch.setattr(documents, "TEXTS", texts)
        forget()

    yield now
    monkeypatch.undo()
    forget()


def on_record(provider: Provider, person: Person) -> tuple[str, set[tuple[str, str]]]:
    assert person.account is not None
    with provider.database.read() as tx:
        account = provider.accounts.find(tx, person.account.id)
        found = terms.accepted(tx, person.account.id)
    assert account is not None
    return account.accepted_terms, {(document, version) for document, version, _at in found}


def test_what_came_into_force_meanwhile_is_shown_before_it_counts_as_accepted(
    browser: Browser, provider: Provider, behind: Person, publish: Callable[..., None]
) -> None:
    browser.authorize()
    browser.sign_in(behind)
    agreed = browser.hidden() | {"accept": "1"}
    publish()

    refused = browser.post("/signin/terms", agreed)

    assert refused.status_code == 422
    assert "came into force meanwhile" in refused.text
    assert "New words" in refused.text
    assert 'id="accept" name="accept" value="1" aria' in refused.text, "the box is empty again"
    assert on_record(provider, behind) == ("2025-01-02", set())
    accept(browser)
    assert "code" in answer(browser.last)
    assert on_record(provider, behind) == (
        NEWER,
        {("terms", "2025-01-02"), ("privacy", NEWER)},
    )


def test_what_is_announced_can_be_read_and_is_asked_for_from_its_day_in_taiwan(
    browser: Browser, clock: MovableClock, citizen: Person, publish: Callable[..., None]
) -> None:
    publish(TOMORROW)
    assert "New words" not in browser.get("/terms/privacy").text
    assert "New words" in browser.get("/terms/privacy", version=TOMORROW).text

    clock.now = datetime(2026, 11, 20, 16, 0, tzinfo=UTC) - timedelta(seconds=1)
    browser.authorize()
    browser.sign_in(citizen)
    assert "code" in answer(browser.last)
    clock.advance(timedelta(seconds=1))
    browser.authorize()

    assert browser.trail[-1].startswith("GET /signin/terms")
    assert "New words" in browser.get("/terms/privacy").text


def test_a_registration_shows_what_came_into_force_meanwhile(
    browser: Browser, publish: Callable[..., None]
) -> None:
    begin(browser)
    agreed = browser.hidden() | {"accept": "1"}
    publish()

    refused = browser.post("/register-account/terms", agreed)

    assert refused.status_code == 422
    assert "came into force meanwhile" in refused.text
    assert "New words" in refused.text
    assert describe(browser).status_code == 200, "led back to the terms"
    assert browser.trail[-1].startswith("GET /register-account/terms")
    browser.post("/register-account/terms", browser.hidden() | {"accept": "1"})
    assert "/register-account/details" in browser.last.headers["Location"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "invented",
    [
        "",
        "2099-01-01",
        "9",
        "~",
        "2025-01-02",
        "2026-11-15 ",
        "２０２６-11-01",
        "2026-11-15' OR 1",
        "x" * 5000,
    ],
)
def test_a_version_that_was_not_shown_is_not_accepted(
    browser: Browser, provider: Provider, behind: Person, invented: str
) -> None:
    browser.authorize()
    browser.sign_in(behind)

    refused = browser.post("/signin/terms", browser.hidden() | {"accept": "1", "version": invented})

    assert refused.status_code == 422
    assert on_record(provider, behind) == ("2025-01-02", set())
    assert (
        browser.get("/authorize/continue", journey=browser.hidden()["journey"])
        .headers["Location"]
        .startswith("/signin/terms")
    )


@pytest.mark.parametrize("invented", ["", "2099-01-01", "2025-01-02"])
def test_a_registration_cannot_accept_what_was_not_shown(browser: Browser, invented: str) -> None:
    begin(browser)

    refused = browser.post(
        "/register-account/terms", browser.hidden() | {"accept": "1", "version": invented}
    )

    assert refused.status_code == 422
    assert describe(browser).status_code == 200
    assert browser.trail[-1].startswith("GET /register-account/terms")


def test_an_acceptance_that_comes_late_takes_back_no_newer_one(
    provider: Provider, citizen: Person
) -> None:
    """Of two workers, one still has the older texts while a new version is rolled out."""
    assert citizen.account is not None
    with provider.database.write() as tx:
        terms.accept(tx, citizen.account.id, "2026-11-15")
    with provider.database.write() as tx:
        terms.accept(tx, citizen.account.id, "2025-01-02")

    version, documents_accepted = on_record(provider, citizen)

    assert version == "2026-11-15"
    assert ("privacy", "2026-11-15") in documents_accepted


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("en", ["court, department and title", "kept as long as the account", "registered for it"]),
        ("zh-Hant", ["所屬法院", "保存至帳號關閉為止", "僅經核准者"]),
        ("zh-Hans", ["所属法院", "保存至账号关闭为止", "仅经核准的系统"]),
    ],
)
def test_the_privacy_policy_says_what_is_taken_from_a_directory_how_long_and_for_whom(
    browser: Browser, locale: str, said: list[str]
) -> None:
    shown = browser.get("/terms/privacy", lang=locale).text

    assert [words for words in said if words not in shown] == []


@pytest.mark.parametrize("locale", ["zh-Hant", "zh-Hans", "en"])
@pytest.mark.parametrize("document", list(documents.Document))
def test_every_version_is_there_in_every_language(
    document: documents.Document, locale: str
) -> None:
    for version in documents.versions(document):
        found = documents.text(document, version, locale)
        assert found is not None
        assert "<h1>" in found.html
