"""A new version of the terms is asked for at the next sign-in, once (P10)."""

import pytest

from idp.accounts import status
from idp.provider import Provider
from idp.terms import documents
from idp.terms import store as terms
from tests.people import Browser, Person, answer


@pytest.fixture
def behind(provider: Provider, citizen: Person) -> Person:
    """Somebody who has accepted an earlier version."""
    assert citizen.account is not None
    with provider.database.write() as tx:
        status.accept_terms(tx, citizen.account.id, "2025-01-02")
    return citizen


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
        ("privacy", "2026-11-01"),
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

    assert documents.in_force() == max(newest)


@pytest.mark.parametrize("locale", ["zh-Hant", "zh-Hans", "en"])
@pytest.mark.parametrize("document", list(documents.Document))
def test_every_version_is_there_in_every_language(
    document: documents.Document, locale: str
) -> None:
    for version in documents.versions(document):
        found = documents.text(document, version, locale)
        assert found is not None
        assert "<h1>" in found.html
