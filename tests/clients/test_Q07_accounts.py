"""Q03 and Q07: the case query's own accounts, their pages, and how often one may try."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from clients.casequery import accounts, app, demo
from clients.casequery.accounts import Accounts, Proven
from clients.kit.config import DatabaseSection, KitConfig
from clients.kit.database import Database, Table
from migrations import runner

OLD, NEW = "the old key of the case room", "a new lock on the same door"


@pytest.fixture
def config(tmp_path: Path) -> KitConfig:
    return KitConfig(database=DatabaseSection(url=f"sqlite:///{tmp_path / 'casequery.sqlite'}"))


@pytest.fixture
def database(config: KitConfig, tmp_path: Path) -> Iterator[Database]:
    opened = app.build(config).database
    with opened.write() as tx:
        runner.upgrade(tx.connection, "casequery", Table.metadata)
    listed = tmp_path / "accounts.toml"
    listed.write_text(f'[[accounts]]\nname = "citizen1"\npassword = "{OLD}"\n')
    for _ in range(2):  # a second time changes nothing
        demo.open_accounts(opened, listed)
    demo.seed(opened, "", None)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def browser(config: KitConfig, database: Database) -> FlaskClient:
    del database  # wanted for its tables
    return window(config)


def window(config: KitConfig) -> FlaskClient:
    client = app.application(config).test_client()
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


def send(browser: FlaskClient, path: str, **typed: str) -> TestResponse:
    """Open a page and send its form."""
    page = browser.get(path).text
    token = re.search(r'name="csrf_token" value="(\w+)"', page)
    assert token, page
    return browser.post(path, data={"csrf_token": token[1], **typed})


def sign_in(browser: FlaskClient, password: str = OLD) -> TestResponse:
    return send(browser, "/account/signin", account="ｃitizen1", password=password)


def is_in(browser: FlaskClient) -> bool:
    return browser.get("/cases").status_code == 200


def test_Q03_signing_in_shows_the_cases_of_the_account(browser: FlaskClient) -> None:
    done = sign_in(browser)

    assert done.headers["Location"] == "/cases"
    assert "TPD.109.他.000025" in browser.get("/cases").text
    assert "家親聲" not in browser.get("/cases").text


def test_a_wrong_password_and_an_unknown_account_read_the_same(browser: FlaskClient) -> None:
    wrong = sign_in(browser, "a guess")
    unknown = send(browser, "/account/signin", account="NOBODY", password="a guess")

    assert wrong.status_code == unknown.status_code == 422
    blank = re.compile(r'value="(ｃitizen1|NOBODY)"')
    assert blank.sub("", wrong.text) == blank.sub("", unknown.text)
    assert "a guess" not in wrong.text
    assert not is_in(browser)


def test_guessing_is_slowed_down_and_the_right_one_does_not_help(browser: FlaskClient) -> None:
    statuses = [sign_in(browser, "a guess").status_code for _ in range(6)]

    assert statuses == [422] * 5 + [429]
    assert sign_in(browser).status_code == 429


def test_one_source_stops_nobody_else(database: Database) -> None:
    held = Accounts(database)
    for _ in range(60):
        held.prove("CITIZEN1", "a guess", "attacker")

    assert isinstance(held.prove("CITIZEN1", OLD, "owner"), Proven)


def test_T44_one_good_account_buys_no_more_guesses_at_another(database: Database) -> None:
    held = Accounts(database)
    with database.write() as tx:
        accounts.add(tx, "VICTIM", accounts.hashed(NEW))

    found = [held.prove("VICTIM", "a guess", "attacker") for _ in range(4)]
    assert isinstance(held.prove("CITIZEN1", OLD, "attacker"), Proven)
    found += [held.prove("VICTIM", "a guess", "attacker") for _ in range(2)]

    assert found == ["wrong"] * 5 + ["throttled"]


def test_T76_a_form_of_another_browser_signs_nobody_in(
    browser: FlaskClient, config: KitConfig
) -> None:
    page = window(config).get("/account/signin").text
    token = re.search(r'name="csrf_token" value="(\w+)"', page)
    assert token
    form = {"csrf_token": token[1], "account": "CITIZEN1", "password": OLD}

    assert browser.post("/account/signin", data=form).status_code == 403
    browser.get("/account/signin")
    assert browser.post("/account/signin", data=form).status_code == 403
    assert not is_in(browser)


def test_Q07_a_changed_password_ends_every_session_and_is_the_only_one(
    browser: FlaskClient, config: KitConfig
) -> None:
    other = window(config)
    sign_in(browser)
    sign_in(other)

    done = send(browser, "/account/password", old=OLD, new=NEW, again=NEW)

    assert done.headers["Location"] == "/account/signin?changed=1"
    assert not is_in(browser)
    assert not is_in(other)
    assert sign_in(browser, OLD).status_code == 422
    assert sign_in(browser, NEW).status_code == 303


@pytest.mark.parametrize(
    ("old", "new", "again", "field"),
    [
        ("a guess", NEW, NEW, "old"),
        ("", NEW, NEW, "old"),
        (OLD, "", "", "new"),
        (OLD, "too short", "too short", "new"),
        (OLD, OLD, OLD, "new"),
        (OLD, "long enough for citizen1", "long enough for citizen1", "new"),
        (OLD, NEW, NEW + "!", "again"),
    ],
)
def test_Q07_what_is_wrong_is_told_at_its_field(
    browser: FlaskClient, old: str, new: str, again: str, field: str
) -> None:
    sign_in(browser)

    page = send(browser, "/account/password", old=old, new=new, again=again)

    assert page.status_code == 422
    assert f'href="#{field}"' in page.text
    assert NEW not in page.text
    assert is_in(browser)


def test_of_two_changes_at_once_one_counts(database: Database) -> None:
    held = Accounts(database)
    proven = held.prove("CITIZEN1", OLD, "one")
    assert isinstance(proven, Proven)

    assert held.change(proven, NEW)
    assert not held.change(proven, "another new lock, too late")
    assert isinstance(held.prove("CITIZEN1", NEW, "one"), Proven)


def test_signing_out_of_a_local_session_stays_here(browser: FlaskClient) -> None:
    sign_in(browser)
    page = browser.get("/cases").text
    token = re.search(r'name="csrf_token" value="(\w+)"', page)
    assert token

    done = browser.post("/signout", data={"csrf_token": token[1]})

    assert done.headers["Location"] == "http://localhost:9001/"
    assert not is_in(browser)


def test_the_account_pages_are_for_those_who_have_one(browser: FlaskClient) -> None:
    for path in ("/account", "/account/password"):
        assert browser.get(path).headers["Location"] == "/cases"
    sign_in(browser)
    assert 'id="account">CITIZEN1<' in browser.get("/account").text
    assert "unlink-form" not in browser.get("/account").text
    assert accounts.LOCAL == ""
