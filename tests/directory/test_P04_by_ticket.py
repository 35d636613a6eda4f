"""Judges with a ticket are in their app before they have seen a page: all of it real."""

import base64
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from playwright.sync_api import BrowserContext, Playwright

from idp import assembly
from idp.accounts import identities
from idp.accounts.model import Kind, Profile
from idp.authenticators.directory.directory import Directories
from idp.authenticators.directory.model import DirectoryPerson
from idp.clock import system_clock
from idp.config import ClientSection, Config, DatabaseSection
from idp.database.transaction import open_database
from idp.secret import keychain
from tests import people
from tests.browser.conftest import CHROMIUM, QUIET
from tests.conftest import ROOT_KEY
from tests.labs.court_app import CLIENT_ID, CourtApp, court_app
from tests.labs.samba_ad import BASE, PASSWORD, TAIPEI, Domain
from tests.labs.tickets import header, token
from tests.people import Person, _app
from tests.races.harness import Running, running

pytestmark = pytest.mark.timeout(120)
JUDGES = ("wang.dm", "nomail", "elsewhere")


@dataclass(frozen=True)
class Court:
    """A provider of two workers beside the domain, an app, and what its people's programs need."""

    domain: Domain
    provider: Running
    app: CourtApp
    folder: Path

    def ticket(self, name: str, *options: str) -> Path:
        """Get somebody's ticket."""
        cache = self.folder / f"cc-{name}"
        return self.domain.kinit(name, cache, *options)

    def environment(self, cache: Path | None) -> dict[str, str]:
        """What a program at a desk sees; ``None``: nobody has a ticket there."""
        return {
            **os.environ,
            "KRB5_CONFIG": str(self.domain.krb5_conf),
            "KRB5CCNAME": f"FILE:{cache or self.folder / 'no-cache'}",
        }

    def open(self, cache: Path | None, url: str, jar: Path, *options: str) -> dict[str, Any]:
        """Go somewhere as a browser with a ticket does; give where it ended, and on what."""
        told = '\n{"status": %{http_code}, "url": "%{url_effective}", "hops": %{num_redirects}}'
        done = subprocess.run(
            ["curl", "-s", "-m", "20", "-L", "-c", jar, "-b", jar, "-w", told, *options, url],
            env=self.environment(cache),
            capture_output=True,
            text=True,
            check=True,
        )
        body, _, last = done.stdout.rpartition("\n")
        return {"body": body, **json.loads(last)}


@pytest.fixture(scope="module")
def court(samba_ad: Domain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Court]:
    folder = tmp_path_factory.mktemp("court")
    section = samba_ad.section(
        ticket_networks=["127.0.0.0/8", "::1/128"], replay_file=str(folder / "replays")
    )
    database = f"sqlite:///{folder / 'idp.sqlite'}"
    with court_app() as app:
        scope = "openid profile judiciary"
        client = _app(CLIENT_ID, trusted=True, redirect_uris=[app.callback], scope=scope)
        settings = {
            "PORTICO__DIRECTORIES": msgspec.json.encode([section]).decode(),
            "PORTICO__CLIENTS": msgspec.json.encode([client]).decode(),
        }
        with running(folder, database, workers=2, settings=settings) as provider:
            app.provider = provider.url
            register(samba_ad, database, client)
            yield Court(samba_ad, provider, app, folder)


def register(domain: Domain, database: str, client: ClientSection) -> None:
    """Open the accounts of judges who have been here before."""
    opened = open_database(database, system_clock, connections=2)
    config = Config(database=DatabaseSection(url=database), clients=[client])
    portico = assembly.assemble(config, opened, keychain(ROOT_KEY))
    directories = Directories([domain.section()], system_clock)
    for name in JUDGES:
        found = directories.sign_in(name, PASSWORD)
        assert isinstance(found, DirectoryPerson), found
        profile = Profile(name=found.name)
        person = people.add(portico, Person(name.upper(), Kind.JUDGE, profile, "", PASSWORD))
        assert person.account is not None
        with opened.write() as tx:
            identity = found.identity
            assert identities.take(tx, identity.kind, identity.key, person.account.id)
    opened.dispose()


@pytest.fixture
def jar(tmp_path: Path) -> Path:
    return tmp_path / "jar"


Desk = Callable[..., BrowserContext]
NEGOTIATE = ("--negotiate", "-u", ":")


def test_P04_kinit_and_curl_end_in_the_app(court: Court, jar: Path) -> None:
    came_to = court.open(court.ticket("wang.dm"), court.app.wish(), jar, *NEGOTIATE)

    claims = json.loads(came_to["body"])
    assert came_to["url"].startswith(court.app.callback)
    assert claims["name"] == "王大明"
    assert claims["amr"] == ["kerberos"]
    assert claims["acr"] == "urn:portico:acr:kerberos"


def test_P04_without_a_ticket_the_form_is_in_the_same_answer(court: Court, jar: Path) -> None:
    came_to = court.open(None, court.app.wish(), jar)

    assert came_to["status"] == 401
    assert 'name="password"' in came_to["body"]
    assert "/signin/ticket" in came_to["url"]


@pytest.mark.parametrize("wish", [{"prompt": "login"}, {"max_age": "60"}], ids=str)
def test_P04_an_app_that_wants_the_person_gets_the_form(
    court: Court, jar: Path, wish: dict[str, str]
) -> None:
    cache = court.ticket("wang.dm")

    came_to = court.open(cache, court.app.wish(**wish), jar, *NEGOTIATE)

    assert came_to["status"] == 200
    assert 'name="password"' in came_to["body"]


def test_P04_an_unlocked_desk_opens_the_account_and_nothing_sensitive_in_it(
    court: Court, jar: Path
) -> None:
    cache, account = court.ticket("wang.dm"), f"{court.provider.url}/account"

    seen = court.open(cache, account, jar, *NEGOTIATE)
    kept = court.open(cache, f"{account}/emails", jar, *NEGOTIATE)

    assert seen["url"] == account
    assert "王大明" in seen["body"]
    assert kept["url"] == f"{court.provider.url}/signin/directory?journey=emails"
    assert kept["status"] == 200


def test_P04_a_ticket_of_before_does_not_stand_in_for_the_person(court: Court, jar: Path) -> None:
    cache = court.ticket("wang.dm")
    assert court.open(cache, court.app.wish(), jar, *NEGOTIATE)["status"] == 200

    for wish in ({"prompt": "login"}, {"max_age": "36000"}):
        came_to = court.open(cache, court.app.wish(**wish), jar, *NEGOTIATE)

        assert 'name="password"' in came_to["body"]


def test_P04_who_is_switched_off_is_out_with_a_ticket_in_hand(court: Court, jar: Path) -> None:
    cache = court.ticket("nomail")
    first = court.open(cache, court.app.wish(), jar, *NEGOTIATE)
    assert first["status"] == 200

    with court.domain.disabled("nomail"):
        came_to = court.open(cache, court.app.wish(), jar.with_name("other"), *NEGOTIATE)

    assert came_to["status"] == 422
    assert "/signin/ticket" in came_to["url"]
    assert 'name="password"' in came_to["body"]


def test_P04_a_clerk_with_a_ticket_sees_what_everybody_sees(court: Court, jar: Path) -> None:
    came_to = court.open(court.ticket("clerk01"), court.app.wish(), jar, *NEGOTIATE)

    assert came_to["status"] == 200
    assert 'action="/signin/password"' in came_to["body"]
    assert 'class="error' not in came_to["body"]


def test_P20_a_judge_of_whom_there_is_no_account_yet_opens_one(court: Court, jar: Path) -> None:
    came_to = court.open(court.ticket("林法官"), court.app.wish(), jar, *NEGOTIATE)

    assert came_to["status"] == 200
    assert "/register-account" in came_to["url"]


def ask(court: Court, shown: bytes) -> tuple[httpx2.Response, str]:
    """Show a token on a connection of its own, to whichever worker takes it."""
    with httpx2.Client() as browser:
        found = browser.get(
            f"{court.provider.url}/signin/ticket", headers={"Authorization": header(shown)}
        )
        return found, found.headers.get("Location", "")


def test_a_token_is_taken_once_whichever_worker_sees_it_again(
    court: Court, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KRB5_CONFIG", str(court.domain.krb5_conf))
    cache = court.ticket("wang.dm")
    assert len(court.provider.workers()) == 2

    shown = token(cache)
    answers = [ask(court, shown) for _ in range(12)]

    assert [bool(led) for _, led in answers] == [True] + [False] * 11
    for again, _ in answers[1:]:
        assert again.status_code == 200
        assert "WWW-Authenticate" not in again.headers
        assert 'name="password"' in again.text


def test_a_browser_is_shown_that_we_are_who_it_asked_for(
    court: Court, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KRB5_CONFIG", str(court.domain.krb5_conf))

    found, _ = ask(court, token(court.ticket("wang.dm")))

    assert re.fullmatch(r"Negotiate [A-Za-z0-9+/]+=*", found.headers["WWW-Authenticate"])


def test_a_judge_of_seven_hundred_groups_signs_in(
    court: Court, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ticket lists them all. Six seconds: that is how long a domain takes to make them."""
    monkeypatch.setenv("KRB5_CONFIG", str(court.domain.krb5_conf))
    judge = f"CN=他院者,OU=使用者,OU={TAIPEI},OU=法院,{BASE}"
    groups = "".join(
        f"dn: CN=g{n},CN=Users,{BASE}\nobjectClass: group\nsAMAccountName: g{n}\n"
        f"groupType: -2147483644\nmember:: {base64.b64encode(judge.encode()).decode()}\n\n"
        for n in range(700)
    )
    database = str(court.domain.first.files.database)
    subprocess.run(
        ["ldbadd", "-H", database], input=groups.encode(), check=True, capture_output=True
    )
    shown = header(token(court.ticket("elsewhere")))

    with httpx2.Client(timeout=30) as browser:
        led = browser.get(court.app.wish()).headers["Location"]
        asked = court.provider.url + led
        onward = browser.get(asked, headers={"Authorization": shown}).headers["Location"]
        back = browser.get(court.provider.url + onward).headers["Location"]
        told = browser.get(back).json()

    assert len(shown) > 9000  # of 8190 for all headers, which other servers have for a limit
    assert told["name"] == "他院者"


@pytest.fixture
def desk(court: Court, playwright: Playwright, tmp_path: Path) -> Iterator[Desk]:
    """Opens Chromium at somebody's desk; its first start ever would look for no tickets."""
    opened: list[BrowserContext] = []

    def sit_down(cache: Path | None, is_allowed: bool = True) -> BrowserContext:
        profile = tmp_path / f"profile-{len(opened)}"
        profile.mkdir()
        known = {"net": {"received_http_auth_negotiate_headers": True}}
        (profile / "Local State").write_text(json.dumps(known))
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=CHROMIUM,
            args=[*QUIET, f"--auth-server-allowlist={'localhost' if is_allowed else 'elsewhere'}"],
            env={**court.environment(cache), "HOME": str(tmp_path)},
            locale="en",
        )
        opened.append(context)
        return context

    yield sit_down
    for one in opened:
        one.close()


def test_P04_chromium_with_a_ticket_is_in_the_app_without_a_page(court: Court, desk: Desk) -> None:
    page = desk(court.ticket("wang.dm")).new_page()
    seen: list[str] = []
    page.on("framenavigated", lambda frame: seen.append(frame.url))

    page.goto(court.app.url)

    assert page.url.startswith(court.app.callback)
    assert court.app.visits[-1]["amr"] == ["kerberos"]
    assert all(one.startswith(court.app.url) for one in seen), seen


def test_P04_chromium_with_a_ticket_is_in_the_portal_at_once_and_out_after_a_sign_out(
    court: Court, desk: Desk
) -> None:
    page = desk(court.ticket("wang.dm")).new_page()

    page.goto(court.provider.url)
    assert page.url == f"{court.provider.url}/"
    assert "王大明" in page.content()

    page.click("#sign-out")
    page.goto(court.provider.url)
    assert "王大明" not in page.content()

    page.goto(court.app.url)
    assert page.is_visible("#password")


@pytest.mark.parametrize(
    ("is_allowed", "status"),
    [
        pytest.param(True, 200, id="it looks for a ticket, and comes again without"),
        pytest.param(False, 401, id="its policy has no word of us"),
    ],
)
def test_P04_chromium_without_a_ticket_shows_the_form_and_no_dialog(
    court: Court, desk: Desk, is_allowed: bool, status: int
) -> None:
    page = desk(None if is_allowed else court.ticket("wang.dm"), is_allowed).new_page()
    answers: list[int] = []
    page.on("response", lambda one: answers.append(one.status) if "/signin/t" in one.url else None)

    page.goto(court.app.url)

    assert answers == [status]
    assert page.is_visible("#password")
    assert page.is_visible("#way-directory")


def test_P04_chromium_with_a_ticket_sees_the_form_where_the_person_is_wanted(
    court: Court, desk: Desk
) -> None:
    page = desk(court.ticket("wang.dm")).new_page()
    page.goto(court.app.url)  # signed in by now

    for wish in ("prompt=login", "max_age=600"):
        page.goto(f"{court.app.url}/?{wish}")

        assert page.is_visible("#password"), wish
