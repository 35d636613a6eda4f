"""A ticket of somebody who has no account leads to a registration, and leaves every way out."""

import struct
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from sqlalchemy import func, select

from idp.gateways.kerberos import Accepted
from idp.provider import Provider
from idp.registration.store import Registration
from idp.signin.directory import rest
from tests.clock import MovableClock
from tests.http.test_B_registration import accept
from tests.http.test_P04_P20_judges import describe, open_form, sign_in
from tests.http.test_P04_tickets import COURT, ELSEWHERE, asks, at, fetch, shows_form
from tests.labs.keytab import keytab
from tests.labs.paper_directory import SECTION, WANG, PaperDirectory, with_directory
from tests.people import Browser

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
SID = bytes([1, 5, 0, 0, 0, 0, 0, 5]) + struct.pack("<5I", 21, 1, 2, 3, 1104)
TICKET = {"Authorization": "Negotiate YIAG"}


class _Wangs:
    """Takes every ticket for Wang's."""

    def available(self) -> bool:
        return True

    def accept(self, *_: object) -> Accepted:
        name = "wang.dm".encode("utf-16-le")
        start = 20
        head = struct.pack("<HHHHI", 0, 0, 0, 0, 2)
        sid = struct.pack("<HHHH", len(name), start, len(SID), start + len(name))
        return Accepted("COURT.TEST", head + sid + name + SID, b"")


@pytest.fixture
def court(provider: Provider, tmp_path: Path) -> Provider:
    paper = PaperDirectory()
    paper.write(WANG)
    paper.sids[SID] = "wang.dm"
    section = msgspec.structs.replace(
        SECTION,
        keytab_file=keytab(tmp_path / "idp.keytab", "HTTP/sso.example"),
        ticket_networks=["10.0.0.0/8"],
    )
    return replace(with_directory(provider, paper, section), tickets=_Wangs())  # type: ignore[arg-type]


@pytest.fixture
def desk(court: Provider) -> Browser:
    """Wang's computer; Wang has no account here."""
    return at(Browser.on(court), COURT)


def bring_ticket(browser: Browser) -> str:
    response = fetch(browser, "/signin/ticket", TICKET)
    assert response.status_code == 303
    browser.get(response.headers["Location"])
    browser.follow()
    return response.headers["Location"]


def underway(portico: Provider) -> int:
    with portico.database.read() as tx:
        return tx.connection.scalar(select(func.count()).select_from(Registration)) or 0


def test_P20_who_has_left_the_registration_is_asked_for_no_ticket(desk: Browser) -> None:
    bring_ticket(desk)
    desk.client.delete_cookie("__Host-portico_ticket", domain="sso.example")
    desk.post("/register-account/cancel", desk.hidden())
    desk.follow()

    assert shows_form(desk.last)
    assert not asks(fetch(desk, "/signin/directory", {}))
    assert "/signin/ticket" not in fetch(desk, "/", {}).headers.get("Location", "")


def test_P20_a_ticket_without_an_account_is_not_asked_for_again(desk: Browser) -> None:
    bring_ticket(desk)

    assert not asks(fetch(desk, "/signin/ticket", {}))
    assert "/signin/ticket" not in fetch(desk, "/", {}).headers.get("Location", "")


@pytest.mark.parametrize("by", ["ticket", "password"])
def test_P20_a_browser_goes_on_with_the_registration_it_has(
    desk: Browser, court: Provider, by: str
) -> None:
    first = bring_ticket(desk)
    accept(desk)
    describe(desk)
    flow = first.partition("flow=")[2]

    if by == "ticket":
        bring_ticket(desk)
    else:
        desk.get("/signin/directory")
        sign_in(desk)

    assert underway(court) == 1
    assert f"/register-account/email?flow={flow}" in desk.trail[-1]


def test_P20_another_browser_of_the_same_person_has_a_registration_of_its_own(
    desk: Browser, court: Provider
) -> None:
    bring_ticket(desk)
    other = Browser.on(court)
    open_form(other)
    sign_in(other)

    assert underway(court) == 2


def test_P20_who_has_to_prove_it_again_gets_the_form(desk: Browser) -> None:
    first = bring_ticket(desk)
    accept(desk)

    response = fetch(desk, f"/register-account/proof?flow={first.partition('flow=')[2]}", {})

    assert response.headers["Location"] == "/signin/directory?form=1"


def test_P20_a_whole_court_comes_for_the_first_time_in_one_minute(
    court: Provider, desk: Browser
) -> None:
    paper = PaperDirectory()
    portico = replace(court, directories=cast("Any", paper))
    for number in range(24):
        paper.write(replace(WANG, guid=f"5e6d7c8b-0000-4000-8000-{number:012}", account="wang.dm"))
        paper.people = {"wang.dm": paper.people["wang.dm"]}
        paper.sids[SID] = "wang.dm"

        bring_ticket(at(Browser.on(portico), f"10.1.2.{number + 1}"))

    fetch(desk, "/register-account", {})
    assert desk.last is not None
    desk.post("/register-account", desk.hidden() | {"kind": "uncertified"})
    assert "/register-account/terms" in desk.follow().request.path, "nor do they use up a citizen's"


def test_P20_one_person_begins_only_a_handful_in_an_hour(
    court: Provider, clock: MovableClock
) -> None:
    begun = [
        fetch(at(Browser.on(court), f"10.1.{n}.1"), "/signin/ticket", TICKET) for n in range(7)
    ]
    clock.advance(timedelta(minutes=61))
    later = fetch(at(Browser.on(court), COURT), "/signin/ticket", TICKET)

    assert [one.status_code for one in (*begun, later)] == [303] * 5 + [429] * 2 + [303]


def test_T44_no_stranger_keeps_the_judges_of_a_court_out(
    court: Provider, desk: Browser, clock: MovableClock
) -> None:
    stranger = at(Browser.on(court), ELSEWHERE)
    tried = []
    for _ in range(12):
        open_form(stranger)
        tried.append(sign_in(stranger, password="guess").status_code)
        clock.advance(rest(court.config, 1))
        cast("Any", court.directories).wrong.clear()  # as AD forgets after half an hour
    open_form(stranger)
    sign_in(stranger, password="guess")

    assert set(tried) == {422}, "a rest is never longer than the first"
    desk.get("/signin/directory", form="1")
    assert "/register-account/terms" in sign_in(desk).request.path


def test_T44_strangers_inside_and_outside_try_no_more_often_around_any_hour(
    court: Provider, clock: MovableClock
) -> None:
    """Also where a window of a day would end: a try just before it, and one just after."""
    for address in (COURT, ELSEWHERE):
        begun = clock()
        statuses = []
        for waits in (timedelta(), timedelta(hours=23, minutes=58), timedelta(minutes=3)):
            clock.advance(waits)
            browser = at(Browser.on(court), address)
            browser.get("/signin/directory", form="1")
            statuses.append(sign_in(browser, password="guess").status_code)
        assert statuses == [422, 422, 429], begun
