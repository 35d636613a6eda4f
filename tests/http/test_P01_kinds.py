"""P01: each way to register has a page that says what it needs, and what to do without it."""

import re

import msgspec
import pytest

from idp.accounts.model import Kind
from idp.config import AccountsSection, CardsSection, Config
from idp.registration import flows
from idp.registration.flows import Entry, ProofKind, Track
from idp.web.wording.registering import PROOFS, TRACKS
from tests import people
from tests.people import Browser

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def heading(text: str) -> str:
    found = re.search(r"<h1[^>]*>(.*?)</h1>", text)
    assert found
    return found[1]


def kinds_on(text: str) -> list[str]:
    return re.findall(r'<section class="p-kind" id="kind-(\w+)"', text)


@pytest.mark.parametrize(
    ("link", "title", "kinds"),
    [
        ("card", "Register with a certificate", ["citizen", "organisation"]),
        ("lawyer", "Lawyer", ["lawyer"]),
        (
            "professional",
            "Accountants, patent attorneys and agents: register",
            ["accountant", "patent_attorney", "patent_agent"],
        ),
        ("firm", "Firm administrator", ["firm_administrator"]),
    ],
)
def test_each_link_of_the_sign_in_page_leads_to_a_page_of_its_own(
    browser: Browser, link: str, title: str, kinds: list[str]
) -> None:
    page = browser.get("/signin/password", journey="account").text
    found = re.search(rf'id="link-register-{link}" href="([^"]+)"', page)
    assert found

    shown = browser.get(found[1].replace("&amp;", "&"))

    assert shown.status_code == 200
    assert heading(shown.text) == title
    assert kinds_on(shown.text) == kinds
    assert shown.text.count("What to do instead") == len(kinds)
    assert 'id="instead-uncertified" href="/register-account?kind=uncertified' in shown.text
    assert "journey=account" in shown.text


@pytest.mark.parametrize("track", flows.TRACKS)
def test_each_kind_says_what_it_is_for_and_what_it_needs(browser: Browser, track: str) -> None:
    shown = browser.get("/register-account", kind=track).text

    kind = flows.TRACKS[track]
    assert kinds_on(shown) == [track]
    with browser.client.application.test_request_context(headers={"Accept-Language": "en"}):
        told = TRACKS[track], PROOFS[kind.proof]
        assert all(str(words) in shown for words in told)


def test_an_open_kind_begins_on_its_page(browser: Browser) -> None:
    shown = browser.get("/register-account", kind="uncertified", journey="links")
    assert "What to do instead" not in shown.text
    assert 'id="instead"' not in shown.text

    browser.post("/register-account", browser.hidden())

    assert "/register-account/terms" in browser.last.headers["Location"]  # type: ignore[union-attr]


@pytest.mark.parametrize("word", ["nobody", "LAWYER", "lawyer%00", "<script>", "x" * 5000])
def test_an_unknown_kind_is_not_found_and_the_known_ones_are_listed(
    browser: Browser, word: str
) -> None:
    shown = browser.get("/register-account", kind=word)

    assert shown.status_code == 404
    assert "There is no such kind of account" in shown.text
    assert 'id="about-lawyer" href="/register-account?kind=lawyer"' in shown.text
    assert 'id="kind-uncertified"' in shown.text
    assert "<script>" not in shown.text


def test_a_kind_whose_proof_is_not_there_cannot_be_begun(browser: Browser) -> None:
    browser.get("/register-account", kind="lawyer")
    browser.get("/register-account", kind="uncertified")

    refused = browser.post("/register-account", browser.hidden() | {"kind": "lawyer"})

    assert refused.status_code == 422


def test_the_language_is_switched_on_the_page_of_the_kind(browser: Browser) -> None:
    shown = browser.get("/register-account", kind="lawyer", journey="links").text

    assert "/register-account?journey=links&amp;kind=lawyer&amp;lang=en" in shown


def test_a_new_kind_shows_up_by_itself(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    new = Track("clerk", Kind.STAFF, ProofKind.APPLICATION, (), entry=Entry.FIRM)
    monkeypatch.setattr(flows, "TRACKS", {**flows.TRACKS, "clerk": new})

    assert kinds_on(browser.get("/register-account", kind="clerk").text) == ["clerk"]
    assert kinds_on(browser.get("/register-account", kind="firm").text) == [
        "firm_administrator",
        "clerk",
    ]
    assert 'id="about-clerk"' in browser.get("/register-account").text


class TestWhereCardsAreTaken:
    @pytest.fixture
    def config(self) -> Config:
        accounts = AccountsSection(open_to=["uncertified", "citizen"])
        cards = CardsSection(enabled=True)
        return msgspec.structs.replace(people.CONFIG, cards=cards, accounts=accounts)

    def test_the_kinds_that_need_one_are_open(self, browser: Browser) -> None:
        shown = browser.get("/register-account", kind="card").text

        assert 'id="begin-citizen"' in shown
        assert shown.count("What to do instead") == 1
        assert "Not offered on this site." in shown


class TestWhereNothingIsOpen:
    @pytest.fixture
    def config(self) -> Config:
        return msgspec.structs.replace(people.CONFIG, accounts=AccountsSection(open_to=[]))

    def test_the_page_does_not_promise_what_it_does_not_offer(self, browser: Browser) -> None:
        shown = browser.get("/register-account", kind="uncertified").text

        assert "Not offered on this site." in shown
        assert 'id="begin-uncertified"' not in shown
        assert 'id="instead"' not in shown
