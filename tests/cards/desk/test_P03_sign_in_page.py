"""How bridge, reader and card stand, and how a try ends: the page says it, with what to do."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from cardbridge.card.process import CardProcess
from cardbridge.front.gate import Gate
from idp.web.wording.component import CARD_STATES
from tests.bridge.callers import Caller, request
from tests.bridge.conftest import listening
from tests.bridge.running import until
from tests.cards.desk.conftest import PATIENCE, Desk
from tests.labs.listener import listener, says

pytestmark = [
    pytest.mark.usefixtures("responder"),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]


@pytest.fixture
def ready(desk: Desk) -> Iterator[Desk]:
    """A page before which only the PIN is missing."""
    desk.grant()
    with desk.bridge():
        desk.open()
        desk.state("ready")
        yield desk


def test_P03_a_card_and_its_pin_open_the_front_page(ready: Desk) -> None:
    code = ready.page.inner_text("#card-code")

    ready.press()
    ready.signed_in()

    told = " ".join(ready.person.was_told())
    assert code in told
    assert ready.site.removeprefix("https://") in told


@pytest.mark.parametrize("locale", ["en", "zh-Hant", "zh-Hans"])
def test_P01_the_ways_stand_in_one_row_at_every_width(desk: Desk, locale: str) -> None:
    desk.page.goto(f"{desk.site}/signin/directory?ui_locales={locale}")
    fits = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    for width in (320, 390, 768, 1280):
        desk.page.set_viewport_size({"width": width, "height": 800})
        tabs = desk.page.eval_on_selector_all(".p-tabs a", _TABS)

        assert len(tabs) == 3
        assert len({one["top"] for one in tabs}) == 1
        assert [one for one in tabs if one["lines"] > len(one["text"].split())] == [], "words break"
        assert desk.page.evaluate(fits)


_TABS = """tabs => tabs.map(one => {
  const text = document.createRange();
  text.selectNodeContents(one);
  const lines = new Set([...text.getClientRects()].map(line => line.top)).size;
  return {top: one.getBoundingClientRect().top, lines, text: one.textContent};
})"""


def test_P03_a_bridge_that_does_not_run_is_waited_for(desk: Desk) -> None:
    desk.grant()
    desk.open()
    desk.state("not_running")
    expect(desk.page.locator("#card-submit")).to_be_disabled()
    expect(desk.page.locator("#card-start")).to_be_visible()
    expect(desk.page.locator("#card-install")).to_be_visible()

    with desk.bridge():
        desk.state("ready")
        expect(desk.page.locator("#card-start")).to_be_hidden()
        desk.press()
        desk.signed_in()


def test_P03_a_bridge_that_is_too_old_is_told(desk: Desk) -> None:
    allowed = (
        f"Access-Control-Allow-Origin: {desk.site}\r\nAccess-Control-Allow-Headers: x-cardbridge"
    )
    old = says("200 OK", b'{"product":"cardbridge","version":"0.0","api":[0]}', allowed)
    desk.grant()
    with listener(old, port=desk.port):
        desk.open()
        desk.state("too_old")
    expect(desk.page.locator("#card-install")).to_be_visible()


def test_P03_a_bridge_that_does_not_know_the_site_is_told_with_the_line_that_helps(
    desk: Desk,
) -> None:
    desk.grant()
    with desk.bridge(site="https://other.example"):
        desk.open()
        desk.state("not_running")  # it tells a stranger's page nothing, not even that it is there
        desk.page.click("#card-popup")
        desk.state("origin_denied")

    assert f"cardbridge allow {desk.site}" in desk.page.inner_text("#card-form")


def test_P03_reader_and_card_are_watched_while_the_page_is_open(desk: Desk) -> None:
    desk.grant()
    desk.card.put(loads=False)
    with desk.bridge():
        desk.open()
        desk.state("no_module")
        expect(desk.page.locator("#card-submit")).to_be_disabled()
    desk.card.put(loads=True, reader=False)
    with desk.bridge():
        desk.state("no_reader")
        desk.card.put(reader=True, inserted=False)
        desk.state("no_card")
        expect(desk.page.locator("#card-submit")).to_be_disabled()
        desk.card.put(inserted=True)
        desk.state("ready")
        expect(desk.page.locator("#card-submit")).to_be_enabled()


def test_P03_a_card_that_is_not_taken_here_is_told(ready: Desk) -> None:
    ready.page.evaluate("() => document.forms['card-form'].setAttribute('data-kinds', 'gca')")

    ready.press()

    ready.state("wrong_card")
    assert ready.person.was_told() == []


PLANS: dict[str, tuple[dict[str, Any], list[str], str, bool]] = {
    # what the card is like, what the person answers, what is said, whether to try again
    "a wrong PIN": ({}, ["111111"], "pin_incorrect", True),
    "a wrong PIN before the last try": (
        {"flags_after_wrong_pin": {"last_try": True}},
        ["111111"],
        "pin_incorrect_last",
        True,
    ),
    "the last try is not spent": ({"flags": {"last_try": True}}, ["ERR 99"], "pin_last_try", True),
    "the last try was wrong": (
        {"flags": {"last_try": True}, "flags_after_wrong_pin": {"locked": True}},
        ["yes", "111111"],
        "pin_locked",
        False,
    ),
    "locked": ({"flags": {"locked": True}}, [], "pin_locked", False),
    "a PIN too short": ({}, ["12"], "pin_length", True),
    "cancelled": ({}, ["ERR 99"], "cancelled", True),
    "nobody types": ({}, ["ERR 62"], "timeout", True),
    "a card that fails": ({"crash_at": "sign"}, ["246810"], "module_error", True),
    "no certificate": ({"certificates": []}, [], "no_credential", False),
}


@pytest.mark.parametrize(("plan", "answers", "said", "retry"), PLANS.values(), ids=PLANS)
def test_P03_how_a_try_ends_is_said_and_stays_to_be_read(
    ready: Desk, plan: dict[str, Any], answers: list[str], said: str, *, retry: bool
) -> None:
    ready.card.put(**plan)
    ready.person.answers(*answers)

    ready.press()
    ready.state(said)
    ready.page.wait_for_timeout(2_500)  # the next looks at the card change nothing of it

    ready.state(said)
    tries = ready.page.locator("[data-tries]")
    assert tries.is_visible() == (said in {"pin_incorrect_last", "pin_last_try", "pin_locked"})
    assert ready.page.locator("#card-submit").is_enabled() == retry
    assert ready.sessions() == 0


def test_P03_after_a_wrong_pin_the_right_one_signs_in(ready: Desk) -> None:
    ready.person.answers("111111", "246810")
    ready.press()
    ready.state("pin_incorrect")
    assert ready.person.questions() == ["GETPIN"]

    ready.press()

    ready.signed_in()


def test_P03_the_page_calls_it_off(ready: Desk) -> None:
    ready.person.answers("wait")
    ready.press()
    ready.state("waiting")
    until(lambda: "GETPIN" in ready.person.questions())

    ready.page.click("#card-cancel")

    ready.state("cancelled")
    assert ready.card.calls().count("login") == 0


def test_P03_of_two_pages_the_second_is_told_to_wait(ready: Desk) -> None:
    ready.person.answers("wait")
    other = Caller(ready.port, ready.site)
    asking = threading.Thread(target=lambda: other.authenticate(request()))
    asking.start()
    until(lambda: "GETPIN" in ready.person.questions())

    ready.press()

    ready.state("busy")
    other.call("POST", "/v1/cancel", {})
    asking.join()


def test_P03_a_card_that_is_taken_out_is_asked_for_again(ready: Desk) -> None:
    ready.person.answers("wait", "246810")
    ready.press()
    until(lambda: "GETPIN" in ready.person.questions())
    ready.card.put(inserted=False)
    ready.state("card_removed")
    ready.page.wait_for_timeout(2_500)
    ready.state("card_removed")

    ready.card.put(inserted=True)
    ready.state("ready")
    ready.press()

    ready.signed_in()


def test_T64_a_page_that_asks_too_often_is_told_to_wait(desk: Desk) -> None:
    desk.person.answers("ERR 99", "ERR 99")
    desk.grant()
    with desk.bridge(dialogs=1):
        desk.open()
        desk.state("ready")
        desk.press()
        desk.state("cancelled")
        desk.press()
        desk.state("too_many")
    assert len(desk.person.questions()) == 1


def test_T60_what_another_site_had_signed_does_not_sign_in_here(ready: Desk) -> None:
    """A site that the person allowed as well, and that relays the challenge of this one."""
    other = "https://evil.localtest:8443"
    challenge = ready.page.input_value("#card-form input[name=challenge]")
    cards = CardProcess(5.0, ready.card.worker)
    with listening(cards, ready.person, Gate(100), other) as port:
        relayed = Caller(port, other).authenticate(request(nonce=challenge)).json
    cards.end()
    assert "signature" in relayed
    assert other.removeprefix("https://") in " ".join(ready.person.was_told())

    ready.page.evaluate(
        """signed => { const mine = document.getElementById("card-form");
            mine.elements.format.value = "twcard:1"; mine.elements.document.value = signed;
            mine.submit(); }""",
        json.dumps(relayed),
    )

    expect(ready.page.locator("#error-summary")).to_be_visible(timeout=PATIENCE)
    assert ready.sessions() == 0


def test_a_page_that_was_open_for_long_fetches_a_fresh_challenge_before_a_pin(ready: Desk) -> None:
    before = ready.page.inner_text("#card-code")
    form = "document.forms['card-form']"
    # Any age is half of nothing: however soon the button is pressed.
    ready.page.evaluate(f"() => {form}.setAttribute('data-lifetime', '0')")

    ready.press()
    expect(ready.page.locator("#card-code")).not_to_have_text(before, timeout=PATIENCE)
    assert ready.person.was_told() == []
    ready.state("ready")
    ready.press()

    ready.signed_in()


@pytest.mark.parametrize("locale", ["zh-Hant", "zh-Hans", "en"])
def test_every_sentence_fits_a_small_screen_and_axe_finds_no_fault(desk: Desk, locale: str) -> None:
    desk.page.set_viewport_size({"width": 320, "height": 800})
    desk.grant()
    desk.open(locale)
    desk.state("not_running")
    assert Axe().run(desk.page).violations_count == 0

    desk.page.evaluate(
        "() => document.querySelectorAll('form [hidden]').forEach(e => e.hidden = 0)"
    )
    found = Axe().run(desk.page)

    assert found.violations_count == 0, found.generate_report()
    assert desk.page.evaluate("() => document.documentElement.scrollWidth") <= 320
    said = desk.page.locator("[data-state]").all_inner_texts()
    assert len(set(said)) == len(CARD_STATES)
