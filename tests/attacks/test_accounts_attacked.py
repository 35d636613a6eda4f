"""What a stranger, or somebody with a stolen session, tries at accounts."""

import time
from datetime import timedelta

import pytest
from sqlalchemy import inspect, text

from idp.accounts import emails, passwords, status
from idp.accounts.model import Email, SecondFactor, State
from idp.authenticators import Refusal
from idp.authenticators.password.authenticator import PasswordEvidence
from idp.authenticators.password.known import strength
from idp.database.transaction import Origin
from idp.mail.messages import Code
from idp.provider import Provider
from idp.secret import Secret
from idp.signin import store
from idp.signin.actions import Admitted, Typed
from idp.signin.actions import Browser as At
from tests import factors
from tests.clock import MovableClock
from tests.http.test_B_registration import (
    DETAILS,
    accept,
    begin,
    describe,
    to_the_check,
)
from tests.http.test_P15_recovery import ask, link, set_new
from tests.http.test_P31_account_pages import NEW, form, held, post
from tests.labs import letters
from tests.people import LAWYER, PASSWORD, Browser, Person, add


def inside_of(provider: Provider, person: Person) -> Browser:
    """Open a browser that somebody has just signed in with."""
    browser = Browser.on(provider)
    browser.get("/signin/password")
    browser.sign_in(person)
    letters.waiting(provider)
    return browser


def test_T44_a_stolen_session_lifts_no_limit_on_guessing_its_password(
    provider: Provider, citizen: Person, clock: MovableClock
) -> None:
    stolen = inside_of(provider, citizen)
    fields = form(stolen, "/account/password", password=NEW, password_again=NEW)
    compared = 0
    for minute in range(4):
        for guess in range(10):
            stolen.client.delete_cookie("__Host-portico_device", domain="sso.example")
            wrong = fields | {"current": f"wrong {minute} {guess}"}
            compared += "not your password" in stolen.post("/account/password", wrong).text
        clock.advance(timedelta(minutes=1))

    assert compared <= 5
    history = stolen.get("/account/history").text
    assert "Wrong password" in history, "the owner sees it"


def test_a_password_changed_while_it_was_compared_opens_nothing(
    provider: Provider, citizen: Person
) -> None:
    assert citizen.account is not None
    browser = At(b"x" * 32, "d" * 40, "UA", "en")
    with provider.database.write(Origin("203.0.113.9", "r")) as tx:
        admitted = provider.signing_in.admit(tx, Typed(citizen.account_name), browser)
    assert isinstance(admitted, Admitted)
    result = provider.password.prove(PasswordEvidence(Secret(PASSWORD), admitted.on_record))
    with provider.database.write() as tx:
        state = passwords.state_of(tx, citizen.account.id)
        account = provider.accounts.find(tx, citizen.account.id)
        assert state is not None
        assert account is not None
        changed = provider.password.hash(Secret(NEW))
        assert provider.passwords.change(tx, account, changed, {}, seen=state.phc_hash)

    with provider.database.write(Origin("203.0.113.9", "r")) as tx:
        outcome = provider.signing_in.record(
            tx, admitted, result, browser, client_id=None, stronger_hash=None, acr="x"
        )

    assert isinstance(outcome, Refusal)
    with provider.database.read() as tx:
        (newest, *_) = store.history(tx, citizen.account.id, 5)
    assert newest.refused_for == "changed_meanwhile", "nobody was signed in by it"


def test_D17_passwords_are_hashed_for_strangers_in_turn_and_a_few_times(
    provider: Provider, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(browser)
    accept(browser)
    fields = browser.hidden() | DETAILS
    monkeypatch.setattr(provider.password, "_limit", 0)  # as many wait as may
    assert browser.post("/register-account/details", fields).status_code == 503
    monkeypatch.undo()

    said = [browser.post("/register-account/details", fields).status_code for _ in range(8)]

    assert said.count(303) <= 4
    assert said[-1] == 429


def test_T43_one_proven_mailbox_is_no_way_to_ask_for_every_name(
    provider: Provider, browser: Browser
) -> None:
    to_the_check(browser, provider)
    flow = browser.hidden()["flow"]
    said = []
    for number in range(12):
        browser.get("/register-account/details", flow=flow)
        same = {"password": "", "password_again": "", "username": f"NOBODY{number}"}
        said.append(describe(browser, **same).status_code)

    assert said.count(200) <= 5
    assert said[-1] == 429


def test_one_mailbox_is_not_flooded_through_its_many_spellings(
    provider: Provider, browser: Browser, clock: MovableClock
) -> None:
    begin(browser)
    accept(browser)
    flow = browser.hidden()["flow"]
    for number in range(14):
        browser.get("/register-account/details", flow=flow)
        kept = {"password": "", "password_again": ""} if number else {}
        describe(browser, email_1=f"victim+{number}@people.example", **kept)
        browser.post("/register-account/email/send", browser.hidden())
        browser.follow()
        clock.advance(timedelta(seconds=35))

    mails = [one for one in letters.waiting(provider) if one.recipient.startswith("victim+")]
    assert len(mails) <= 5


def test_what_was_tried_at_the_old_password_is_not_held_against_the_new_one(
    provider: Provider, citizen: Person, clock: MovableClock
) -> None:
    def is_off() -> bool:
        with provider.database.read() as tx:
            row = passwords.on_record(tx, citizen.account_name)
        assert row is not None
        return row.disabled

    def guess(address: str) -> None:
        stranger = Browser.on(provider)
        stranger.client.environ_base["REMOTE_ADDR"] = address
        stranger.get("/signin/password")
        stranger.sign_in(citizen, "a wrong guess")

    for number in range(110):
        guess(f"198.51.{number}.9")
        if number % 9 == 8:
            clock.advance(timedelta(hours=2))
    assert is_off()

    owner = Browser.on(provider)
    ask(owner, citizen.account_name, citizen.email)
    set_new(owner, link(provider, citizen))
    assert not is_off()
    clock.advance(timedelta(hours=2))
    guess("192.0.2.9")

    assert not is_off()


def test_T33_a_link_is_void_once_the_owner_has_changed_the_password(
    provider: Provider, citizen: Person, clock: MovableClock
) -> None:
    owner = inside_of(provider, citizen)
    clock.advance(timedelta(minutes=1))
    reader = Browser.on(provider)
    ask(reader, citizen.account_name, citizen.email)
    token = link(provider, citizen)
    fields = {"current": PASSWORD, "password": NEW, "password_again": NEW}
    post(owner, "/account/password", "/account/password", **fields)

    assert set_new(reader, token, "another sentence of words").status_code == 410


def test_the_strength_of_a_password_is_told_at_a_bounded_cost() -> None:
    began = time.process_time()

    for _ in range(4):
        strength("4@8({[<369&#!1/|0$5+7%2zZ" * 3, ["a"])

    assert time.process_time() - began < 2


def test_T37_an_address_is_proven_for_one_account_alone(
    provider: Provider, citizen: Person, clock: MovableClock
) -> None:
    other = add(provider, LAWYER)
    both = [inside_of(provider, citizen), inside_of(provider, other)]
    typed = []
    for browser in both:
        post(browser, "/account/emails", "/account/emails/add", email="same@people.example")
        typed += letters.messages(provider, "same@people.example")
        clock.advance(timedelta(seconds=1))
    told = []
    for browser, code in zip(both, typed, strict=True):
        assert isinstance(code, Code)
        told.append(post(browser, "/account/emails", "/account/emails/code", code=code.code))

    assert [one.status_code for one in told] == [303, 422]
    assert "belongs to an account already" in told[1].text
    same = Email("same@people.example", verified=True)
    assert [same in held(provider, person) for person in (citizen, other)] == [True, False]


def test_a_password_alone_closes_no_account_that_has_a_second_factor(
    provider: Provider, citizen: Person
) -> None:
    assert citizen.account is not None
    factors.with_app(provider, citizen)
    with provider.database.write() as tx:
        status.set_second_factor(tx, citizen.account.id, SecondFactor.ON_DEMAND)
    thief = inside_of(provider, citizen)
    fields = form(thief, "/account/password")

    refused = thief.post("/account/data/close", fields | {"username": citizen.account_name})

    assert "/signin/second-factor" in refused.headers["Location"]
    with provider.database.read() as tx:
        account = provider.accounts.find(tx, citizen.account.id)
    assert account is not None
    assert account.state is State.ACTIVE


def test_nothing_personal_is_left_of_a_closed_account(provider: Provider, citizen: Person) -> None:
    browser = inside_of(provider, citizen)
    post(browser, "/account/emails", "/account/emails/add", email="left@over.example")
    browser.code(citizen, scope="openid profile email offline_access")
    post(browser, "/account/data", "/account/data/close", username=citizen.account_name)
    letters.waiting(provider)
    found = set()
    with provider.database.read() as tx:
        for table in inspect(tx.connection).get_table_names():
            if table.startswith("audit"):
                continue
            for row in tx.connection.execute(text(f"SELECT * FROM {table}")).mappings():  # noqa: S608
                told = repr(dict(row))
                for mark in ("203.0.113.7", "people.example", "left@over", "王小明"):
                    if mark in told:
                        found.add((table, mark))

    assert found == set()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_T34_a_removed_address_does_not_come_back_by_a_race(
    provider: Provider, citizen: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert citizen.account is not None
    mine = Email(citizen.email, verified=True)
    evil = Email("evil@evil.example", verified=True)
    with provider.database.write() as tx:
        emails.replace(tx, citizen.account.id, [mine, evil])
    held_by: list[object] = []
    real = status.hold

    def noted(tx: object, account_id: object) -> object:
        held_by.append(account_id)
        return real(tx, account_id)  # type: ignore[arg-type]

    monkeypatch.setattr(status, "hold", noted)
    browser = inside_of(provider, citizen)
    fields = {"address": evil.address, "action": "remove"}
    post(browser, "/account/emails", "/account/emails/change", **fields)

    assert held_by == [citizen.account.id] * 2, "before they are read, and where they are written"
    assert held(provider, citizen) == [mine]
