"""Judges sign in with their directory's account, and have one here from the first time on."""

import re
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from idp.accounts.model import Account, Kind, State
from idp.accounts.offices import AccountOffice
from idp.audit.store import AuditRow
from idp.mail.messages import Code
from idp.provider import Provider
from tests.clock import MovableClock
from tests.http.test_B_registration import accept, confirm, finish, send
from tests.labs import letters
from tests.labs.paper_directory import (
    COURTS,
    PASSWORD,
    WANG,
    PaperDirectory,
    with_directory,
)
from tests.people import Browser, answer

MAIL = "wang@judges.example"


@pytest.fixture
def paper() -> PaperDirectory:
    found = PaperDirectory()
    found.write(WANG)
    return found


@pytest.fixture
def court(provider: Provider, paper: PaperDirectory) -> Provider:
    return with_directory(provider, paper)


@pytest.fixture
def judge(court: Provider) -> Browser:
    """The browser of a judge."""
    return Browser.on(court)


def sign_in(browser: Browser, login: str = "wang.dm", password: str = PASSWORD) -> TestResponse:
    """Fill in the form at hand."""
    assert browser.last is not None
    if "directory-form" not in browser.last.text:
        browser.get("/signin/directory", journey=browser.hidden().get("journey", ""))
    form = browser.hidden() | {"username": login, "password": password}
    browser.post("/signin/directory", form)
    return browser.follow()


def open_form(browser: Browser) -> None:
    browser.get("/signin/directory")


def describe(browser: Browser, mails: str = MAIL, **more: str) -> TestResponse:
    browser.post("/register-account/details", browser.hidden() | {"email_list": mails} | more)
    return browser.follow()


def register(browser: Browser, portico: Provider, mails: str = MAIL, **more: str) -> TestResponse:
    """Go from the terms to the end."""
    accept(browser)
    describe(browser, mails, **more)
    send(browser)
    codes = letters.messages(portico, re.split(" *; *", mails)[0])
    confirm(browser, next(one.code for one in codes if isinstance(one, Code)))
    return finish(browser)


def registered(browser: Browser, portico: Provider) -> None:
    """Sign in for the first time, and out again."""
    open_form(browser)
    sign_in(browser)
    register(browser, portico)
    letters.waiting(portico)
    sign_out(browser)


def sign_out(browser: Browser) -> None:
    browser.get("/logout")
    browser.post("/logout", browser.hidden())


def page(browser: Browser) -> str:
    assert browser.last is not None
    return browser.last.text


def of_wang(portico: Provider, name: str = "WANG.DM@COURT") -> Account:
    with portico.database.read() as tx:
        found = portico.accounts.named(tx, name)
    assert found is not None
    return found


def events(portico: Provider, name: str) -> list[dict[str, Any]]:
    """Read what the audit log says of an event, the oldest first."""
    with portico.database.read() as tx:
        rows = tx.execute(
            select(AuditRow.data).where(AuditRow.event == name).order_by(AuditRow.at, AuditRow.seq)
        )
        return [msgspec.json.decode(row.data) for row in rows]


def test_P20_the_first_sign_in_leads_through_a_registration_straight_into_the_app(
    judge: Browser, court: Provider
) -> None:
    judge.authorize(scope="openid profile email")
    sign_in(judge)
    assert "/register-account/terms" in judge.trail[-1]
    assert "王大明𠮷 法官" in page(judge)
    accept(judge)
    assert 'id="fact-name">王大明𠮷 法官<' in page(judge)
    assert 'id="fact-ad_account">wang.dm<' in page(judge)
    assert f'id="fact-court">{COURTS["TPD"]}<' in page(judge)
    assert 'value="wang.dm@court.test"' in page(judge)
    assert 'name="username"' not in page(judge)
    assert 'type="password"' not in page(judge)
    describe(judge, f"{MAIL}; second@judges.example;third@judges.example")
    send(judge)
    confirm(judge, next(one.code for one in letters.messages(court, MAIL) if isinstance(one, Code)))
    ended = finish(judge)

    assert answer(ended)["code"]
    account = of_wang(court)
    assert (account.kind, account.state) == (Kind.JUDGE, State.ACTIVE)
    assert (account.profile.name, account.profile.preferred_username) == ("王大明𠮷", "wang.dm")
    assert account.email is not None
    assert (account.email.address, account.email.verified) == (MAIL, True)


def test_P04_later_sign_ins_go_straight_through_and_write_no_office(
    judge: Browser, court: Provider, clock: MovableClock
) -> None:
    registered(judge, court)
    clock.advance(timedelta(hours=1))
    with court.database.read() as tx:
        before = tx.scalar(select(AccountOffice.changed_at))

    judge.authorize()
    ended = sign_in(judge)

    assert answer(ended)["code"]
    with court.database.read() as tx:
        assert tx.scalar(select(AccountOffice.changed_at)) == before
