"""The page that says what a card needs and checks what is here (P40), where cards are taken."""

import re

import msgspec
import pytest

from idp.config import CardsSection, Config
from idp.web.portal.component import CHAIN
from idp.web.wording.component import CARD_STATES
from tests.people import BASE, CONFIG, Browser

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
TAKEN = CardsSection(
    enabled=True,
    bridge_ports=[34961, 34962],
    notices={"en": "Ask at http://desk.example <now>", "zh-Hant": "請洽服務台"},
)
WITH_ADDRESSES = msgspec.structs.replace(
    TAKEN, component_url="https://cards.example/bridge", driver_url="https://cards.example/hicos"
)


@pytest.fixture
def config(request: pytest.FixtureRequest) -> Config:
    return msgspec.structs.replace(CONFIG, cards=getattr(request, "param", TAKEN))


@on_sqlite
def test_it_says_how_this_very_site_is_allowed(browser: Browser) -> None:
    page = browser.get("/component?ui_locales=en").text

    assert f"cardbridge allow {BASE} --name" in page
    assert "cardbridge doctor" in page


@on_sqlite
def test_its_script_may_call_the_bridge_and_nobody_else(browser: Browser) -> None:
    policy = browser.get("/component").headers["Content-Security-Policy"]

    assert "connect-src 'self' http://127.0.0.1:34961 http://127.0.0.1:34962;" in policy


@on_sqlite
def test_without_javascript_it_says_what_does_the_same(browser: Browser) -> None:
    page = browser.get("/component?ui_locales=en").text

    explained = re.search(r"<noscript>(.*?)</noscript>", page, re.DOTALL)
    assert explained is not None
    assert "cardbridge doctor" in explained[1]
    assert re.search(r'id="card-check"[^>]* hidden', page)


def test_every_line_that_can_be_missing_has_a_sentence_for_it() -> None:
    codes = [code for check in CHAIN for code in check.codes]

    assert set(codes) <= set(CARD_STATES)
    assert len(codes) == len(set(codes))


@on_sqlite
def test_the_operators_words_are_shown_and_cannot_be_markup(browser: Browser) -> None:
    for path in ("/component", "/signin/card"):
        page = browser.get(f"{path}?ui_locales=en").text

        assert 'href="http://desk.example"' in page, path
        assert "&lt;now&gt;" in page, path
    assert "請洽服務台" in browser.get("/signin/card?ui_locales=zh-Hant").text


@on_sqlite
@pytest.mark.parametrize("config", [TAKEN, WITH_ADDRESSES], indirect=True)
def test_only_addresses_of_the_operator_are_linked(browser: Browser, config: Config) -> None:
    page = browser.get("/component").text

    offered = set(re.findall(r'href="(https://[^"]*)"', page))
    assert offered == {config.cards.component_url, config.cards.driver_url} - {""}


@on_sqlite
def test_it_is_linked_from_the_sign_in_page_and_the_guide(browser: Browser) -> None:
    for path in ("/signin/card", "/guide"):
        assert 'id="link-component" href="/component"' in browser.get(path).text, path


@on_sqlite
@pytest.mark.parametrize("config", [CardsSection()], indirect=True)
def test_where_no_card_is_taken_there_is_no_such_page(browser: Browser) -> None:
    assert browser.get("/component").status_code == 404
    assert 'href="/component"' not in browser.get("/guide").text
