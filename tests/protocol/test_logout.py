"""Sign-out: asked for by an app, by the person, and told to every other app."""

import html
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import select

from idp import assembly, worker
from idp.config import Config, FetchSection
from idp.database.transaction import Database
from idp.oidc import clients
from idp.outbox.store import OutboxRow
from idp.provider import Provider
from idp.secret import Keychain
from tests import people
from tests.clock import MovableClock
from tests.people import CONFIG, Browser, Person, answer

SIGNED_OUT = "https://app.example/signed-out"


def hint(browser: Browser, citizen: Person) -> str:
    """Sign in and keep the ID token, as an app does."""
    tokens = browser.redeem(browser.code(citizen)).json
    assert tokens is not None
    return str(tokens["id_token"])


def is_signed_in(browser: Browser) -> bool:
    """Ask without a page."""
    browser.authorize(prompt="none")
    return "code" in answer(browser.last)


def test_hints_that_are_not_ours_end_nothing(browser: Browser, citizen: Person) -> None:
    header, payload, _ = hint(browser, citizen).split(".")
    unsigned = "eyJhbGciOiJub25lIn0." + payload + "."

    for bad in (unsigned, f"{header}.{payload}.AAAA", "x"):
        out = browser.get("/logout", id_token_hint=bad, post_logout_redirect_uri=SIGNED_OUT)
        assert out.status_code == 400

    assert is_signed_in(browser)


def test_T76_another_site_cannot_sign_a_person_out(browser: Browser, citizen: Person) -> None:
    browser.code(citizen)
    browser.get("/logout")
    fields = browser.hidden()

    forged = browser.post("/logout/confirm", fields | {"csrf_token": "x"})
    cross_site = browser.post("/logout/confirm", fields, **{"Sec-Fetch-Site": "cross-site"})

    assert forged.status_code == cross_site.status_code == 403
    assert is_signed_in(browser)


def test_T51_after_sign_out_everything_is_dead(browser: Browser, citizen: Person) -> None:
    tokens = browser.redeem(browser.code(citizen)).json
    assert tokens is not None
    kept = browser.redeem(browser.code(citizen, scope="openid offline_access")).json
    assert kept is not None

    browser.get("/")
    browser.post("/signout", browser.hidden())

    assert browser.userinfo(tokens["access_token"]).status_code == 401
    dead = browser.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert dead.status_code == 400
    alive = browser.token(grant_type="refresh_token", refresh_token=kept["refresh_token"])
    assert alive.status_code == 200


def confirm_is_asked(browser: Browser, **query: str) -> bool:
    return 'id="logout-confirm"' in browser.get("/logout", **query).text


def test_T76_a_hint_of_another_session_asks_first(
    browser: Browser, citizen: Person, provider: Provider
) -> None:
    ended = hint(browser, citizen)
    browser.get("/")
    browser.post("/signout", browser.hidden())
    elsewhere = hint(Browser.on(provider), citizen)
    browser.code(citizen)

    assert confirm_is_asked(browser, id_token_hint=ended)
    assert confirm_is_asked(browser, id_token_hint=elsewhere)
    assert is_signed_in(browser)


def test_a_hint_of_a_session_that_lives_on_behind_this_one_is_good(
    browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    first = hint(browser, citizen)
    for _ in range(2):
        clock.advance(timedelta(minutes=1))
        browser.code(citizen, prompt="login")

    assert not confirm_is_asked(browser, id_token_hint=first)
    assert not is_signed_in(browser)


TOLD = msgspec.structs.replace(
    people.APP, client_id="told", backchannel_logout_uri="https://told.example/b"
)


@pytest.fixture
def told(provider: Provider) -> None:
    with provider.database.write() as tx:
        clients.add(tx, TOLD, source="operator")


def notices(portico: Provider) -> int:
    """Count the notices that wait for apps, or have been sent."""
    with portico.database.read() as tx:
        waiting = select(OutboxRow.id).where(OutboxRow.kind == "logout_token")
        return len(tx.execute(waiting).all())


def bought(browser: Browser, citizen: Person) -> Any:
    return browser.redeem(browser.code(citizen, "told"), "told").json


def is_refreshed(browser: Browser, tokens: Any) -> bool:
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    return browser.token("told", **form).status_code == 200


@pytest.mark.usefixtures("told")
def test_T51_signing_out_reaches_the_session_that_was_idle_too_long(
    browser: Browser, citizen: Person, provider: Provider, clock: MovableClock
) -> None:
    tokens = bought(browser, citizen)
    clock.advance(timedelta(minutes=provider.config.sessions.idle_minutes + 5))
    browser.get("/signin/password")
    browser.sign_in(citizen)
    browser.get("/")

    browser.post("/signout", browser.hidden())

    assert notices(provider) == 1
    assert not is_refreshed(browser, tokens)


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("by", ["the person", "an app"])
def test_T51_signing_out_ends_a_session_that_nobody_can_use_any_more(
    browser: Browser, citizen: Person, provider: Provider, clock: MovableClock, by: str
) -> None:
    tokens = bought(browser, citizen)
    browser.get("/")
    form = browser.hidden()
    clock.advance(timedelta(minutes=provider.config.sessions.idle_minutes + 5))

    if by == "the person":
        browser.post("/signout", form)
    else:
        browser.get("/logout", id_token_hint=tokens["id_token"])

    assert notices(provider) == 1
    assert not is_refreshed(browser, tokens)


@pytest.mark.usefixtures("told")
def test_T51_what_stands_on_a_session_ends_with_its_time_and_the_apps_are_told(
    browser: Browser, citizen: Person, provider: Provider, clock: MovableClock
) -> None:
    code = browser.code(citizen, "told", scope="openid offline_access")
    offline: Any = browser.redeem(code, "told").json
    tokens = bought(browser, citizen)
    clock.advance(timedelta(hours=provider.config.sessions.absolute_hours, minutes=-1))
    before = is_refreshed(browser, bought(browser, citizen)), worker.end_sessions(provider)
    clock.advance(timedelta(minutes=1))

    assert not is_refreshed(browser, tokens)
    assert is_refreshed(browser, offline)
    assert before == (True, 0)
    assert worker.end_sessions(provider) == 1
    assert worker.end_sessions(provider) == 0
    assert notices(provider) == 1


class _App(BaseHTTPRequestHandler):
    """A relying app's back-channel logout endpoint."""

    heard: list[str]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        type(self).heard.append(parse_qs(body)["logout_token"][0])
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def app_address() -> Iterator[str]:
    _App.heard = []
    with HTTPServer(("127.0.0.1", 0), _App) as server:
        Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/backchannel"
        server.shutdown()


@pytest.fixture
def config() -> Config:
    loopback = FetchSection(allowed_networks=["127.0.0.0/8"])
    return msgspec.structs.replace(CONFIG, fetch=loopback)


def test_a_notice_is_typed_and_wiped_once_it_has_gone_out(
    browser: Browser, citizen: Person, provider: Provider, app_address: str
) -> None:
    told = msgspec.structs.replace(people.APP, backchannel_logout_uri=app_address)
    with provider.database.write() as tx:
        clients.change(tx, told)
    provider.clients.forget()
    token = hint(browser, citizen)

    browser.get("/logout", id_token_hint=token)
    delivered = [one.work() for one in worker.rounds(provider) if one.name == "logout"]

    keys = KeySet.import_key_set(json.loads(browser.get("/jwks").text))
    (heard,) = _App.heard
    notice = jwt.decode(heard, keys, algorithms=["RS256"])
    session = jwt.decode(token, keys, algorithms=["RS256"]).claims["sid"]
    assert delivered == [1]
    assert notice.header["typ"] == "logout+jwt"
    assert notice.claims["aud"] == "app"
    assert notice.claims["sub"] == citizen.sub
    assert notice.claims["sid"] == session
    assert notice.claims["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}
    assert "nonce" not in notice.claims
    with provider.database.read() as tx:
        notices = select(OutboxRow.payload_sealed).where(OutboxRow.kind == "logout_token")
        assert tx.execute(notices).scalar_one() == b""


def test_the_apps_are_told_once_however_often_one_signs_out(
    database: Database, keys: Keychain, citizen: Person, config: Config
) -> None:
    portico = assembly.assemble(config, database, keys)
    with portico.database.write() as tx:
        clients.change(
            tx, msgspec.structs.replace(people.APP, backchannel_logout_uri="https://a.example/b")
        )
    browser = Browser.on(portico)
    token = hint(browser, citizen)

    for _ in range(2):
        browser.get("/logout", id_token_hint=token)

    with portico.database.read() as tx:
        notices = select(OutboxRow.id).where(OutboxRow.kind == "logout_token")
        assert len(tx.execute(notices).all()) == 1


def test_P05_an_app_of_an_earlier_sign_in_is_told_as_well(
    database: Database,
    keys: Keychain,
    config: Config,
    clock: MovableClock,
) -> None:
    portico = assembly.assemble(config, database, keys)
    told = msgspec.structs.replace(people.APP, backchannel_logout_uri="https://a.example/b")
    with portico.database.write() as tx:
        clients.change(tx, told)
    citizen = people.add(portico, people.CITIZEN)
    browser = Browser.on(portico)
    tokens = browser.redeem(browser.code(citizen)).json
    assert tokens is not None
    old_cookie = browser.client.get_cookie("__Host-portico_session", "sso.example")
    clock.advance(timedelta(minutes=1))
    browser.code(citizen, "public", prompt="login")  # another app, and a new session

    alive = browser.userinfo(tokens["access_token"]).status_code
    browser.get("/")
    browser.post("/signout", browser.hidden())

    assert alive == 200
    assert browser.userinfo(tokens["access_token"]).status_code == 401
    with portico.database.read() as tx:
        notices = select(OutboxRow.id).where(OutboxRow.kind == "logout_token")
        assert len(tx.execute(notices).all()) == 1
    assert old_cookie is not None


def test_T50_the_cookie_of_an_earlier_session_opens_nothing(
    browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    browser.code(citizen)
    earlier = browser.client.get_cookie("__Host-portico_session", "sso.example")
    assert earlier is not None
    clock.advance(timedelta(minutes=1))
    browser.code(citizen, prompt="login")

    browser.client.set_cookie("__Host-portico_session", earlier.value, domain="sso.example")

    assert not is_signed_in(browser)


def test_somebody_else_signing_in_ends_the_session_that_was_open(
    browser: Browser, citizen: Person, provider: Provider, clock: MovableClock
) -> None:
    tokens = browser.redeem(browser.code(citizen)).json
    assert tokens is not None
    lawyer = people.add(provider, people.LAWYER)
    clock.advance(timedelta(minutes=1))

    browser.authorize(prompt="login")
    browser.sign_in(lawyer)

    assert browser.userinfo(tokens["access_token"]).status_code == 401


FRAMED = msgspec.structs.replace(
    people.APP,
    client_id="framed",
    frontchannel_logout_uri="https://app.example/gone?keep=this",
)


def frames_of(page: str) -> list[str]:
    """Read the addresses that the page opens in frames."""
    return [html.unescape(one) for one in re.findall(r'<iframe [^>]*src="([^"]*)"', page)]


@pytest.fixture
def framed(provider: Provider) -> None:
    with provider.database.write() as tx:
        clients.add(tx, FRAMED, source="operator")


@pytest.mark.usefixtures("framed")
def test_a_frame_keeps_the_query_of_its_address(browser: Browser, citizen: Person) -> None:
    tokens: Any = browser.redeem(browser.code(citizen, "framed"), "framed").json
    keys = KeySet.import_key_set(json.loads(browser.get("/jwks").text))
    sid = jwt.decode(tokens["id_token"], keys, algorithms=["RS256"]).claims["sid"]

    page = browser.get(
        "/logout",
        id_token_hint=tokens["id_token"],
        post_logout_redirect_uri=SIGNED_OUT,
        state="s",
    )

    assert page.status_code == 200
    (frame,) = frames_of(page.text)
    where, _, query = frame.partition("?")
    assert where == "https://app.example/gone"
    expected = {"keep": ["this"], "iss": ["https://sso.example"], "sid": [sid]}
    assert parse_qs(query) == expected
    assert f'href="{SIGNED_OUT}?state=s" data-goes-on' in page.text
    policy = page.headers["Content-Security-Policy"]
    assert policy.endswith("frame-ancestors 'none'; frame-src https://app.example")
    assert not is_signed_in(browser)


@pytest.mark.usefixtures("framed")
def test_signing_out_here_opens_the_frames_as_well(browser: Browser, citizen: Person) -> None:
    browser.code(citizen, "framed")
    browser.get("/")

    page = browser.post("/signout", browser.hidden())

    assert len(frames_of(page.text)) == 1
    assert not is_signed_in(browser)


def test_an_app_that_asked_for_no_frame_gets_none(browser: Browser, citizen: Person) -> None:
    token = hint(browser, citizen)

    page = browser.get("/logout", id_token_hint=token)

    assert frames_of(page.text) == []
    assert "frame-src" not in page.headers["Content-Security-Policy"]


def test_a_frame_may_lead_only_where_the_app_is_at_home() -> None:
    abroad = msgspec.structs.replace(FRAMED, frontchannel_logout_uri="https://evil.example/")

    with pytest.raises(clients.BadRegistration, match=r"^frontchannel_logout_uri"):
        clients.check(abroad)
