"""A real Chromium, a real provider and a real relying app, each a process of its own."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import msgspec
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Playwright

from idp.authenticators.password.captcha import Captcha
from idp.config import CaptchaSection, ClientSection
from idp.secret import keychain, system_entropy
from tests.conftest import ROOT_KEY
from tests.labs.listener import Listener, listener, says
from tests.labs.ports import free_port
from tests.people import PASSWORD
from tests.races.harness import HOUSE, Running, running

CHROMIUM = "/usr/bin/chromium"
QUIET = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-gpu",
    "--no-first-run",
)
APP_SECRET = "what case query keeps to itself"


@dataclass(frozen=True)
class Stack:
    """Addresses of what runs."""

    provider: Running
    app: str
    older: Listener
    """An app that takes its answers by form post and is framed at sign-out; it says hello."""

    def captcha(self, page: Page) -> str:
        """Hear the captcha as its audio says it: the answer follows from the key of the test."""
        captcha = Captcha(keychain(ROOT_KEY).key("captcha"), CaptchaSection(), system_entropy)
        return captcha.answer(page.input_value("input[name=captcha_id]"))

    def sign_in(self, page: Page, username: str = "CITIZEN1", password: str = PASSWORD) -> None:
        """Fill in the sign-in page at hand and press the button."""
        page.fill("#username", username)
        page.fill("#password", password)
        page.fill("#captcha", self.captcha(page))
        page.click("#login-submit")
        page.wait_for_load_state()


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("stack")
    port = free_port()
    app = f"http://localhost:{port}"
    hello = says("200 OK", b"<h1 id=hello>hello</h1>", "Content-Type: text/html")
    with listener(hello) as older:
        yield from _stack(folder, app, older)


def _stack(folder: Path, app: str, older: Listener) -> Iterator[Stack]:
    port = int(app.rpartition(":")[2])
    settings = {
        "PORTICO__CLIENTS": msgspec.json.encode(
            [_casequery(app), _stranger(), _older(older.port), _kiosk(), _counter()]
        ).decode(),
        "PORTICO__CAPTCHA__MODE": "always",
        "PORTICO__THROTTLE__EXEMPT_NETWORKS": '["127.0.0.0/8"]',
        "PORTICO__FETCH__ALLOWED_NETWORKS": '["127.0.0.0/8","::1/128"]',
        "PORTICO__WORKER__INSIDE_SERVE": "true",
        "PORTICO__OUTBOX__POLL_SECONDS": "1",
        "PORTICO__PROVIDER__DEVELOPERS_PAGE": "true",
    }
    database = f"sqlite:///{folder / 'idp.sqlite'}"
    with running(folder, database, workers=1, settings=settings) as provider:
        known = provider.command(
            "account", "add", "--username", "CITIZEN1", "--password-stdin",
            "--name", "林美玲", "--email", "mei@people.example", stdin=f"{PASSWORD}\n",
        )  # fmt: skip
        provider.command(
            "client", "add", "--id", "developers", "--auth", "none",
            "--redirect-uri", f"{provider.url}/developers/callback",
            "--scope", "openid profile email offline_access",
        )  # fmt: skip
        with _case_query(folder, provider.url, port, known["sub"]):
            yield Stack(provider, app, older)


def _casequery(app: str) -> ClientSection:
    return ClientSection(
        client_id="casequery",
        names={"en": "Case progress query", "zh-Hant": "案件進度線上查詢"},
        redirect_uris=[f"{app}/signin/callback"],
        post_logout_redirect_uris=[f"{app}/"],
        backchannel_logout_uri=f"{app}/signin/backchannel-logout",
        home_uri=f"{app}/",
        trusted=True,
        secret_sha256=_sha256(APP_SECRET),
    )


def _stranger() -> ClientSection:
    return ClientSection(
        client_id="stranger",
        names={"en": "A stranger's app"},
        redirect_uris=["http://localhost:1/callback"],
        scope="openid profile email phone address offline_access",
        secret_sha256=_sha256(APP_SECRET),
    )


def _older(port: int) -> ClientSection:
    home = f"http://127.0.0.1:{port}"
    return ClientSection(
        client_id="older",
        names={"en": "An older app"},
        profile="oidc",
        response_types=["code", "code id_token"],
        grant_types=["authorization_code", "implicit"],
        redirect_uris=[f"{home}/callback", f"http://localhost:{port}/callback"],
        post_logout_redirect_uris=[f"{home}/bye"],
        frontchannel_logout_uri=f"{home}/gone",
        trusted=True,
        secret_sha256=_sha256(APP_SECRET),
    )


def _kiosk() -> ClientSection:
    return ClientSection(
        client_id="kiosk",
        names={"en": "Courthouse kiosk", "zh-Hant": "法院服務台觸控螢幕"},
        token_endpoint_auth_method="none",
        grant_types=["urn:ietf:params:oauth:grant-type:device_code"],
    )


def _counter() -> ClientSection:
    return ClientSection(
        client_id="counter",
        names={"en": "Telephone service desk", "zh-Hant": "電話服務專線"},
        grant_types=["urn:openid:params:grant-type:ciba"],
        secret_sha256=_sha256(APP_SECRET),
    )


def _sha256(text: str) -> str:
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest()


@contextlib.contextmanager
def _case_query(folder: Path, issuer: str, port: int, sub: str) -> Iterator[None]:
    people = folder / "people.json"
    people.write_text(json.dumps([{"username": "CITIZEN1", "sub": sub}]))
    environment = os.environ | {
        "CASEQUERY__SERVER__PORT": str(port),
        "CASEQUERY__SERVER__BASE_URL": f"http://localhost:{port}",
        "CASEQUERY__PROVIDER__ISSUER": issuer,
        "CASEQUERY__PROVIDER__CLIENT_SECRET": APP_SECRET,
        "CASEQUERY__DATABASE__URL": f"sqlite:///{folder / 'casequery.sqlite'}",
    }
    program = [sys.executable, "-m", "clients.casequery"]
    for words in (["migrate"], ["seed", "--people", str(people)]):
        subprocess.run([*program, *words], check=True, cwd=HOUSE, env=environment)
    process = subprocess.Popen([*program, "serve"], cwd=HOUSE, env=environment)
    try:
        _wait(f"http://localhost:{port}/health/ready")
        yield
    finally:
        process.terminate()
        process.wait(10)


def _wait(url: str) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with contextlib.suppress(httpx2.HTTPError):
            if httpx2.get(url, timeout=1).status_code == 200:
                return
        time.sleep(0.05)
    raise AssertionError(f"{url} does not answer")


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A window of its own, in English; whatever the console complains of fails the test."""
    context = chromium.new_context(locale="en-US")
    opened = context.new_page()
    complaints: list[str] = []
    opened.on(
        "console", lambda said: complaints.append(said.text) if said.type == "error" else None
    )
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()
    assert [one for one in complaints if "status of 4" not in one] == []


def violations(page: Page) -> list[str]:
    """Examine the page at hand with axe-core, which the browser injects past the page's policy."""
    found = Axe().run(page)
    return [f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in found.response["violations"]]
