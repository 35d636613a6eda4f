"""Both transports in Chromium, from a page in the public address space; and a site's attacks."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, Page, Playwright

from cardbridge.card.process import CardProcess
from cardbridge.front.gate import Gate
from tests.bridge.callers import request, signed, verify
from tests.bridge.cards import FileCard
from tests.bridge.conftest import listening
from tests.bridge.person import Person
from tests.bridge.running import is_alive, until
from tests.labs.listener import listener, says
from tests.labs.tls import certify

CHROMIUM = "/usr/bin/chromium"
HOST, EVIL = "idp.localtest", "evil.localtest"
PAGE = """<!doctype html><meta charset=utf-8><title>A page that signs in by card</title>
<button id=popup>open</button><iframe id=frame></iframe>
<script>
"use strict";
async function byFetch(bridge, request) {
  const headers = {"X-Cardbridge": "1", "Content-Type": "application/json"};
  const hello = await fetch(`${bridge}/v1/hello`, {method: "POST", headers, body: "{}"});
  headers["X-Cardbridge-Ticket"] = (await hello.json()).ticket;
  const body = JSON.stringify(request);
  const answer = await fetch(`${bridge}/v1/authenticate`, {method: "POST", headers, body});
  return await answer.json();
}
function byPopup(bridge, request) {
  const opened = window.open(`${bridge}/popup`, "_blank", "popup,width=420,height=240");
  window.opened = opened;
  return new Promise((resolve) => {
    window.addEventListener("message", (event) => {
      if (event.source !== opened || event.origin !== bridge) return;
      if (event.data.cardbridge === "ready") opened.postMessage(request, bridge);
      else resolve(event.data);
    });
  });
}
document.getElementById("popup").addEventListener("click", () => {
  window.answer = byPopup(window.bridge, window.request);
});
</script>"""


@dataclass(frozen=True)
class Sites:
    """A good site and a bad one, both of the public Internet as far as the browser knows."""

    good: str
    evil: str


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    server = certify(tmp_path_factory.mktemp("tls"), HOST).server
    page = says(
        "200 OK",
        PAGE.encode(),
        "Content-Type: text/html",
        "Cross-Origin-Opener-Policy: same-origin-allow-popups",
        "Connection: close",
    )
    with listener(page, tls=server) as good, listener(page, tls=server) as evil:
        yield Sites(f"https://{HOST}:{good.port}", f"https://{EVIL}:{evil.port}")


@pytest.fixture(scope="module")
def browser(playwright: Playwright, sites: Sites) -> Iterator[Browser]:
    ports = [site.rpartition(":")[2] for site in (sites.good, sites.evil)]
    public = ",".join(f"127.0.0.1:{port}=public" for port in ports)
    one = playwright.chromium.launch(
        executable_path=CHROMIUM,
        args=[
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--host-resolver-rules=MAP *.localtest 127.0.0.1",
            f"--ip-address-space-overrides={public}",
        ],
    )
    yield one
    one.close()


@pytest.fixture
def bridge(cards: CardProcess, person: Person, gate: Gate, sites: Sites) -> Iterator[str]:
    """A bridge that knows the good site; its address as pages write it."""
    with listening(cards, person, gate, sites.good) as port:
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def page_of(browser: Browser, site: str, *permissions: str) -> Iterator[Page]:
    """Open a site's page, with or without leave to call this machine."""
    context = browser.new_context(ignore_https_errors=True, permissions=list(permissions))
    try:
        page = context.new_page()
        page.goto(site)
        yield page
    finally:
        context.close()


@pytest.fixture
def page_of_evil(browser: Browser, sites: Sites) -> Iterator[Page]:
    """A bad site's page, which was even given leave to call this machine."""
    with page_of(browser, sites.evil, "local-network-access") as page:
        yield page


def ask_by_popup(page: Page, bridge: str, asked: dict[str, Any]) -> None:
    """Click, so that the popup opens."""
    page.evaluate("([b, r]) => { window.bridge = b; window.request = r; }", [bridge, asked])
    page.click("#popup")


def test_A_a_page_with_leave_signs_in_by_fetch(browser: Browser, bridge: str, sites: Sites) -> None:
    asked = request()
    with page_of(browser, sites.good, "local-network-access") as page:
        token = page.evaluate("([b, r]) => byFetch(b, r)", [bridge, asked])

    verify(token, signed(sites.good, asked))


def test_A_without_leave_the_browser_keeps_the_page_away(
    browser: Browser, bridge: str, sites: Sites, card: FileCard
) -> None:
    with (
        page_of(browser, sites.good) as page,
        pytest.raises(Error, match="Failed to fetch"),
    ):
        page.evaluate("([b, r]) => byFetch(b, r)", [bridge, request()])

    assert card.calls() == []


def test_B_the_popup_needs_no_leave_and_closes_itself(
    browser: Browser, bridge: str, sites: Sites
) -> None:
    asked = request()
    with page_of(browser, sites.good) as page:
        ask_by_popup(page, bridge, asked)
        token = page.evaluate("() => window.answer")
        page.wait_for_function("() => window.opened.closed")

    verify(token, signed(sites.good, asked))


def test_B_a_popup_that_is_closed_takes_the_dialog_along(
    browser: Browser, bridge: str, sites: Sites, person: Person, card: FileCard
) -> None:
    person.answers("wait")
    with page_of(browser, sites.good) as page:
        ask_by_popup(page, bridge, request())
        until(lambda: "GETPIN" in person.questions())
        page.evaluate("() => window.opened.close()")

        until(lambda: not is_alive(person.window))
    assert "login" not in card.calls()


def test_B_the_page_may_call_the_popup_off(
    browser: Browser, bridge: str, sites: Sites, person: Person
) -> None:
    person.answers("wait")
    with page_of(browser, sites.good) as page:
        ask_by_popup(page, bridge, request())
        until(lambda: "GETPIN" in person.questions())
        page.evaluate("b => window.opened.postMessage({cardbridge: 'cancel'}, b)", bridge)

        answer = page.evaluate("() => window.answer")
    assert answer["error"] == "cancelled"


def test_T56_a_popup_of_another_site_is_told_no_and_shows_nothing(
    browser: Browser, bridge: str, sites: Sites, person: Person, card: FileCard
) -> None:
    with page_of(browser, sites.evil) as page:
        ask_by_popup(page, bridge, request())
        answer = page.evaluate("() => window.answer")

    assert answer == {"error": "origin_denied", "tries_left": None, "retry": False}
    assert person.was_told() == []
    assert card.calls() == []


def test_T59_the_popup_speaks_for_its_opener_whatever_the_message_says(
    browser: Browser, bridge: str, sites: Sites, card: FileCard
) -> None:
    forged = {"origin": sites.good, "request": request()}
    with page_of(browser, sites.evil) as page:
        ask_by_popup(page, bridge, forged)
        answer = page.evaluate("() => window.answer")

    assert answer["error"] == "origin_denied"
    assert card.calls() == []


def test_T56_a_popup_that_nobody_opened_does_nothing(
    browser: Browser, bridge: str, card: FileCard
) -> None:
    with page_of(browser, f"{bridge}/popup") as page:
        assert "opened by a sign-in page" in page.inner_text("#said")
        assert page.title() == "Card sign-in"
    assert card.calls() == []


@pytest.mark.parametrize("lang", ["zh-TW", "zh-CN"])
def test_the_popup_speaks_the_browsers_language(browser: Browser, bridge: str, lang: str) -> None:
    context = browser.new_context(locale=lang)
    page = context.new_page()
    page.goto(f"{bridge}/popup")

    assert page.evaluate("() => document.documentElement.lang") == lang
    context.close()


ATTACKS = {
    "a form": """b => { const form = document.createElement("form");
        form.method = "post"; form.action = `${b}/v1/authenticate`; form.enctype = "text/plain";
        document.body.append(form); form.submit(); }""",
    "a fetch without a preflight": """b => fetch(`${b}/v1/authenticate`,
        {method: "POST", mode: "no-cors", body: "{}"}).catch(() => 0)""",
    "a fetch as the bridge wants it": """b => fetch(`${b}/v1/hello`, {method: "POST", body: "{}",
        headers: {"X-Cardbridge": "1", "Content-Type": "application/json"}}).then(
        (r) => r.json(), () => 0)""",
    "an image": "b => { new Image().src = `${b}/v1/authenticate`; }",
    "a frame": "b => { document.getElementById('frame').src = `${b}/popup`; }",
    "a web socket": "b => { new WebSocket(b.replace('http', 'ws') + '/v1/status'); }",
    "a beacon": "b => navigator.sendBeacon(`${b}/v1/cancel`, '{}')",
    "a navigation": "b => { location.href = `${b}/v1/status`; }",
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_T56_nothing_another_site_does_in_the_browser_reaches_the_card(
    page_of_evil: Page, bridge: str, card: FileCard, person: Person, attack: str
) -> None:
    said = page_of_evil.evaluate(attack, bridge)
    page_of_evil.wait_for_timeout(400)

    assert said in (None, 0, True) or "error" in str(said) or said == {}
    assert card.calls() == []
    assert person.was_told() == []


def test_T57_a_rebound_name_is_not_answered(browser: Browser, bridge: str, card: FileCard) -> None:
    port = bridge.rpartition(":")[2]
    with page_of(browser, "about:blank") as page:
        answer = page.goto(f"http://rebound.localtest:{port}/popup")

        assert answer is not None
        assert answer.status == 421
        assert "TICKET" not in page.content()
    assert card.calls() == []


def test_T57_a_page_whose_name_is_rebound_to_this_machine_calls_in_vain(
    browser: Browser, bridge: str, card: FileCard
) -> None:
    """What it would run after its own server's first answer runs here in the refusal's place."""
    context = browser.new_context(bypass_csp=True)
    page = context.new_page()
    page.goto(f"http://rebound.localtest:{bridge.rpartition(':')[2]}/popup")

    statuses = page.evaluate(
        """() => Promise.all([
            fetch("/v1/info", {headers: {"X-Cardbridge": "1"}}),
            fetch("/v1/hello", {method: "POST", body: "{}",
                headers: {"X-Cardbridge": "1", "Content-Type": "application/json"}}),
            fetch("/popup"),
        ]).then((answers) => answers.map((answer) => answer.status))"""
    )

    assert statuses == [421, 421, 421]
    assert card.calls() == []
    context.close()


def test_the_popup_lets_nothing_else_in(browser: Browser, bridge: str) -> None:
    with page_of(browser, f"{bridge}/popup") as page:
        blocked = page.evaluate(
            """() => new Promise((resolve) => {
            document.addEventListener("securitypolicyviolation",
                (event) => resolve(event.violatedDirective));
            const script = document.createElement("script"); script.textContent = "1";
            document.body.append(script); })"""
        )

    assert blocked == "script-src-elem"
