"""`make run` in a fresh checkout, and a newcomer who signs in by card with what its table says."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Playwright, expect

from demo.plan import ROOT
from tests.labs.ports import free_port

FOLDERS = ("cardbridge", "clients", "demo", "idp", "migrations", "ui")
SETTINGS = (
    *("PORTICO__SERVER__PORT", "PORTICO__SERVER__METRICS_PORT", "PORTICO__SMTP__PORT"),
    *("CASEQUERY__SERVER__PORT", "MAILBOX__PORT"),
    *("READER__PORT", "RESPONDER__PORT", "BRIDGE__PORT"),
)
QUIET = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
PATIENCE_SECONDS = 180  # beside a full run of all tests


@dataclass(frozen=True)
class Checkout:
    """A copy of the sources in a folder of its own, with ports of its own."""

    folder: Path
    environment: dict[str, str]

    @contextmanager
    def running(self) -> Iterator[dict[str, Any]]:
        """Run the stack; gives what it says of itself."""
        words = [sys.executable, "-m", "demo.stack"]
        with (self.folder / "said").open("wb") as said:
            stack = subprocess.Popen(
                words, cwd=self.folder, env=self.environment, stdout=said, stderr=said
            )
        try:
            until = time.monotonic() + PATIENCE_SECONDS
            while "ready" not in self.said().split():
                assert stack.poll() is None, self.said()
                assert time.monotonic() < until, self.said()
                time.sleep(0.05)
            yield json.loads((self.folder / "var" / "demo.json").read_text("utf-8"))
        finally:
            stack.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                stack.wait(15)
            stack.kill()
            stack.wait()

    def said(self) -> str:
        return (self.folder / "said").read_text("utf-8")


@dataclass(frozen=True)
class Desk:
    """Two windows of one browser: the provider's and the reader's."""

    portal: str
    page: Page
    reader: Page

    def state(self, code: str) -> None:
        expect(self.page.locator(f'[data-state="{code}"]')).to_be_visible(timeout=20_000)

    def put_in(self, card: str) -> None:
        self.reader.click(f"#move-{card}")
        self.reader.wait_for_selector(f"#in-{card}")

    def sign_in(self) -> str:
        """Sign in by the card that is in the reader; gives the digits of the page."""
        self.page.goto(f"{self.portal}/signin/card?ui_locales=en")
        self.state("ready")
        code = self.page.inner_text("#card-code")
        self.page.click("#card-submit")
        self.reader.wait_for_selector("#pin")
        assert code in self.reader.inner_text("#asked")
        self.reader.fill("#pin", "123456")
        self.reader.click("#ok")
        return code


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    folder = tmp_path_factory.mktemp("checkout")
    for name in FOLDERS:
        leave = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=leave)
    env = {name: value for name, value in os.environ.items() if name != "DISPLAY"}
    return Checkout(folder, env | {name: str(free_port()) for name in SETTINGS})


@pytest.fixture(scope="module")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    one = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=QUIET)
    yield one
    one.close()


@contextmanager
def at_the_desk(browser: Browser, demo: dict[str, Any]) -> Iterator[Desk]:
    context = browser.new_context(locale="en")
    reader = context.new_page()
    reader.goto(demo["addresses"]["reader"])
    yield Desk(demo["addresses"]["provider"], context.new_page(), reader)
    context.close()


def keys_of(checkout: Checkout) -> dict[str, bytes]:
    """Everything that authorities and cards are made of."""
    (folder,) = (checkout.folder / "var").glob("cards-*")
    kept = (path for path in folder.rglob("*") if path.suffix in {".key", ".cer", ".object"})
    return {str(path): path.read_bytes() for path in kept}


def test_a_newcomer_signs_in_by_card_and_finds_it_the_same_after_a_second_start(
    checkout: Checkout, chromium: Browser
) -> None:
    with checkout.running() as demo, at_the_desk(chromium, demo) as desk:
        # The citizen's card is in the reader, and opens an account.
        desk.sign_in()
        desk.page.wait_for_url(f"{desk.portal}/")
        assert "林美玲" in desk.page.inner_text("header")
        _check(desk)
        assert len(demo["cards"]) == 4
        assert checkout.said().count("nobody's yet") == 3
    made = keys_of(checkout)
    assert not list(checkout.folder.glob("var/demo.json"))

    with checkout.running() as again, at_the_desk(chromium, again) as desk:
        assert again["cards"] == demo["cards"]
        assert keys_of(checkout) == made
        # A card that nobody knows.
        desk.put_in("gca-1")
        desk.sign_in()
        desk.page.wait_for_selector("#card-led")


def _check(desk: Desk) -> None:
    """Look at the check page while things are there, and while they are missing (P40)."""
    page = desk.page
    page.goto(f"{desk.portal}/component?ui_locales=en")
    desk.state("ready")
    assert _found(page) == dict.fromkeys(_found(page), "in order") | {"popup": "not known yet"}
    page.click("#try-popup")
    assert _found(page)["popup"] == "in order"
    assert Axe().run(page).violations_count == 0
    assert Axe().run(desk.reader).violations_count == 0

    desk.reader.click("#move-moica-1")
    desk.state("no_card")
    assert (_found(page)["reader"], _found(page)["card"]) == ("in order", "missing")

    page.route("http://127.0.0.1:*/**", lambda route: route.abort())
    page.reload()
    desk.state("not_running")
    found = _found(page)
    assert (found["bridge"], found["module"], found["card"]) == ("missing", *["not known yet"] * 2)
    page.unroute("http://127.0.0.1:*/**")
    desk.put_in("moica-1")


def _found(page: Page) -> dict[str, str]:
    """Give what the check shows, line by line."""
    lines = page.locator("tr[data-check]:has([data-found])")
    return {
        str(line.get_attribute("data-check")): line.locator("[data-found]:visible").inner_text()
        for line in lines.all()
    }
