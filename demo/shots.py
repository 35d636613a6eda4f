"""``make shots``: a picture of every page in each locale, light and dark, narrow and wide.

Starts the demo stack if it is not running, walks through it in a real browser, and writes
``var/shots/`` with an index page.
"""

import contextlib
import html
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2
from playwright.sync_api import Browser, Page, sync_playwright

from demo.reader.known import OWNED, PIN
from idp.authenticators.password.captcha import Captcha
from idp.config import CaptchaSection
from idp.secret import keychain, system_entropy

HERE = Path(__file__).resolve().parent.parent
SHOTS, KNOWN = HERE / "var" / "shots", HERE / "var" / "demo.json"
CHROMIUM = "/usr/bin/chromium"
QUIET = ["--no-sandbox", "--disable-background-networking", "--disable-sync", "--disable-gpu"]
LOCALES = {"zh-Hant": "zh-TW", "zh-Hans": "zh-CN", "en": "en-US"}
WIDTHS = {"narrow": 320, "wide": 1280}
_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Look:
    """One way of looking at the pages."""

    locale: str
    scheme: str
    width: str

    @property
    def name(self) -> str:
        """What its files are called after."""
        return f"{self.locale}-{self.scheme}-{self.width}"


class Walk:
    """Walks through all pages in one look and takes a picture of each."""

    def __init__(self, page: Page, demo: dict[str, Any], look: Look) -> None:
        self._page = page
        self._demo = demo
        self._look = look
        self._portal = demo["addresses"]["provider"]
        self._app = demo["addresses"]["casequery"]
        self.taken: list[str] = []

    def go(self) -> list[str]:
        """Take every picture, signed out first; gives the names of the pages."""
        page = self._page
        self._open("welcome", f"{self._portal}/")
        self._open("guide", f"{self._portal}/guide")
        self._open("error", f"{self._portal}/authorize")
        self._register()
        self._open("recovery", f"{self._portal}/recovery")
        page.click("#recovery-submit")
        self._take("recovery-mistakes")
        self._open("privacy", f"{self._portal}/terms/privacy")
        self._open("app-welcome", f"{self._app}/")
        self._open("app-sign-in", f"{self._app}/account/signin")
        self._open("app-words", f"{self._app}/open-case-words")
        self._open("sign-in-judges", self._request("chambers", "openid profile judiciary"))
        self._open("sign-in", self._consent_request())
        page.click("#login-submit")
        self._take("sign-in-mistakes")
        self._sign_in_by_an_unknown_card()
        page.goto(self._consent_request())
        self._sign_in()
        self._take("consent")
        self._ask_elsewhere()
        self._open("developers", f"{self._portal}/developers")
        page.click("#flow-par")
        page.click("#next-step")
        self._take("developers-par")
        self._open("front-page", f"{self._portal}/")
        self._open("requests", f"{self._portal}/requests")
        self._look_after_the_account()
        self._open("device", self._begin_device())
        page.click("#device-continue")
        self._take("device-question")
        page.click("#device-deny")
        self._take("device-denied")
        self._link()
        self._take("app-cases")
        page.click("#open-1")
        self._take("app-case")
        self._open("app-account", f"{self._app}/account")
        self._open("app-password", f"{self._app}/account/password")
        self._open("links", f"{self._portal}/links")
        page.click("#unlink-1")  # the next look finds the first visit before it, too
        self._take("links-none")
        self._open("sign-out-question", f"{self._portal}/logout")
        page.click("#logout-confirm")
        self._take("signed-out")
        self._open("mailbox", self._demo["addresses"]["mailbox"])
        return self.taken

    def _open(self, name: str, url: str) -> None:
        self._page.goto(url)
        self._take(name)

    def _take(self, name: str) -> None:
        self._page.wait_for_load_state("load")
        self._page.screenshot(path=SHOTS / f"{name}-{self._look.name}.png", full_page=True)
        self.taken.append(name)

    def _sign_in(self) -> None:
        page = self._page
        person = next(one for one in self._demo["accounts"] if one["username"] == "CITIZEN1")
        page.fill("#username", person["username"])
        page.fill("#password", person["password"])
        page.fill("#captcha", _answer(page.input_value("input[name=captcha_id]")))
        page.click("#login-submit")

    def _sign_in_by_an_unknown_card(self) -> None:
        """Look at what a card needs, and use one that opens no account, where there are cards."""
        page, reader = self._page, self._demo["addresses"].get("reader")
        page.goto(f"{self._portal}/component")
        self._take_once_known("card-set-up")
        page.goto(f"{self._portal}/signin/card")
        self._take_once_known("sign-in-card")
        if not reader:
            return
        desk = page.context.new_page()
        desk.goto(reader)
        desk.click("#move-gca-1")
        desk.wait_for_selector("#in-gca-1")
        page.click("#card-submit:enabled")
        desk.wait_for_selector("#pin")
        self._take("sign-in-card-waiting")
        desk.fill("#pin", PIN)
        desk.click("#ok")
        page.wait_for_selector("#card-led")
        self._take("sign-in-card-unknown")
        desk.wait_for_selector("#cards")
        desk.click(f"#move-{OWNED}")
        desk.wait_for_selector(f"#in-{OWNED}")
        desk.close()
        self._open("card-reader", reader)

    def _take_once_known(self, name: str) -> None:
        """Take a picture once the script has found out how things stand."""
        self._page.wait_for_selector('[data-state]:visible:not([data-state="looking"])')
        self._take(name)

    def _register(self) -> None:
        """Go through a registration up to the code, which stays unread."""
        page = self._page
        self._open("register-kind", f"{self._portal}/register-account?kind=professional")
        self._open("register", f"{self._portal}/register-account")
        page.check("#kind-uncertified")
        page.click("#register-begin")
        self._take("register-terms")
        page.check("#accept")
        page.click("#register-accept")
        page.fill("#name", "吳𠮷安")
        page.click("#register-details")
        self._take("register-details-mistakes")
        typed = {
            "username": "WU2026", "phone": "02-2311-3456", "email_1": "wu@people.example",
            "password": (words := "blue heron over quiet water"), "password_again": words,
        }  # fmt: skip
        for name, value in typed.items():
            page.fill(f"#{name}", value)
        page.click("#register-details")
        self._take("register-email")
        page.click("#register-cancel")

    def _look_after_the_account(self) -> None:
        """Visit every page of the account."""
        for name in (
            "", "/details", "/emails", "/password", "/passkeys", "/totp", "/sessions", "/apps",
            "/history", "/data",
        ):  # fmt: skip
            self._open(f"account{name.replace('/', '-')}", f"{self._portal}/account{name}")

    def _link(self) -> None:
        """Visit the case query for the first time: its account is asked for, then its cases."""
        page = self._page
        self._open("link", f"{self._app}/cases")
        page.click("#link-submit")
        self._take("link-mistakes")
        local = next(one for one in self._demo["local_accounts"] if one["name"] == "CITIZEN1")
        page.fill("#account-1", local["name"])
        page.fill("#password-1", local["password"])
        page.click("#link-submit")

    def _begin_device(self) -> str:
        """Begin as a kiosk does; gives the address that it shows."""
        form = {"client_id": "kiosk", "scope": "openid profile"}
        begun = httpx2.post(f"{self._portal}/device_authorization", data=form).json()
        return str(begun["verification_uri_complete"])

    def _ask_elsewhere(self) -> None:
        """Ask as the service desk does."""
        secret = next(
            one["client_secret"] for one in self._demo["clients"] if one["client_id"] == "counter"
        )
        form = {"scope": "openid email", "login_hint": "CITIZEN1", "binding_message": "W-4711"}
        httpx2.post(f"{self._portal}/bc-authorize", data=form, auth=("counter", secret))

    def _consent_request(self) -> str:
        return self._request("flowbench", "openid profile email", prompt="consent")

    def _request(self, client_id: str, scope: str, **more: str) -> str:
        """Write the address that an app of the demo sends a browser to."""
        app = next(one for one in self._demo["clients"] if one["client_id"] == client_id)
        query = {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": app["redirect_uris"][0],
            "scope": scope,
            "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            "code_challenge_method": "S256",
        }
        return f"{self._portal}/authorize?{urlencode(query | more)}"


def _answer(captcha_id: str) -> str:
    root = bytes.fromhex((HERE / "var" / "kek").read_text().strip())
    captcha = Captcha(keychain(root).key("captcha"), CaptchaSection(), system_entropy)
    return captcha.answer(captcha_id)


def _answers(demo: dict[str, Any]) -> bool:
    try:
        return httpx2.get(f"{demo['addresses']['provider']}/health/ready").status_code == 200
    except httpx2.HTTPError:
        return False


@contextlib.contextmanager
def stack() -> Iterator[dict[str, Any]]:
    """Give what the running demo says of itself; start one for the time being if none runs."""
    if KNOWN.exists() and _answers(json.loads(KNOWN.read_text("utf-8"))):
        yield json.loads(KNOWN.read_text("utf-8"))
        return
    KNOWN.unlink(missing_ok=True)  # of a stack that was killed
    process = subprocess.Popen(
        [sys.executable, "-m", "demo.stack"], cwd=HERE, stdout=subprocess.DEVNULL
    )
    until = time.monotonic() + _PATIENCE_SECONDS
    while not KNOWN.exists() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.2)
    try:
        yield json.loads(KNOWN.read_text("utf-8"))
    finally:
        process.terminate()
        process.wait(10)


def index(names: list[str], looks: list[Look]) -> str:
    """Write the page that shows all pictures."""
    rows = "".join(
        f"<h2>{html.escape(name)}</h2><p>"
        + "".join(
            f'<a href="{name}-{look.name}.png"><img src="{name}-{look.name}.png" '
            f'alt="{look.name}" title="{look.name}" height="320"></a> '
            for look in looks
        )
        + "</p>"
        for name in names
    )
    return f'<!doctype html><meta charset="utf-8"><title>Pages</title>{rows}'


def take(browser: Browser, demo: dict[str, Any], look: Look) -> list[str]:
    """Take all pictures of one look in a window of its own."""
    context = browser.new_context(
        locale=LOCALES[look.locale],
        color_scheme=look.scheme,  # type: ignore[arg-type]
        viewport={"width": WIDTHS[look.width], "height": 900},
    )
    taken = Walk(context.new_page(), demo, look).go()
    context.close()
    return taken


def main() -> None:
    """Take all pictures."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    looks = [
        Look(locale, scheme, width)
        for locale in LOCALES
        for scheme in ("light", "dark")
        for width in WIDTHS
    ]
    names: list[str] = []
    with stack() as demo, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        for number, look in enumerate(looks, 1):
            print(f"{number:2} of {len(looks)}  {look.name}", flush=True)
            names = take(browser, demo, look)
        browser.close()
    (SHOTS / "index.html").write_text(index(names, looks), "utf-8")
    print(f"{len(names) * len(looks)} pictures: {SHOTS / 'index.html'}")


if __name__ == "__main__":
    main()
