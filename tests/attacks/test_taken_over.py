"""An account that somebody else holds the password of: what its owner gets back, and how."""

import re
from datetime import timedelta

import pytest

from idp.accounts import emails, status
from idp.accounts.model import Account, Email, SecondFactor
from idp.authenticators import Reason, Refusal, passkey
from idp.authenticators.passkey import NewPasskey
from idp.mail.messages import EmailsChanged, NewBrowser, Recovery, SecondFactorChanged
from idp.provider import Provider
from idp.secret import digest
from idp.sessions import store as sessions
from idp.sessions.store import Session
from idp.web.request import cookie_name
from tests import factors
from tests.clock import MovableClock
from tests.factors import SoftKey
from tests.http.test_P15_recovery import ask, set_new
from tests.http.test_P31_account_pages import NEW, held, post
from tests.labs import letters
from tests.people import Browser, Person, add

EVIL = "evil@evil.example"


def inside(provider: Provider, person: Person) -> Browser:
    """Sign somebody in, in a browser of its own; the mail about it is taken away."""
    browser = Browser.on(provider)
    browser.get("/signin/password")
    browser.sign_in(person)
    letters.waiting(provider)
    return browser


def account_of(person: Person) -> Account:
    assert person.account is not None
    return person.account


def prove(provider: Provider, browser: Browser, address: str) -> None:
    """Add an address on the account pages, and type its code."""
    post(browser, "/account/emails", "/account/emails/add", email=address)
    (code,) = letters.messages(provider, address)
    post(browser, "/account/emails", "/account/emails/code", code=getattr(code, "code", ""))


def put(provider: Provider, person: Person, *addresses: Email) -> None:
    with provider.database.write() as tx:
        emails.replace(tx, account_of(person).id, addresses)


UNPROVEN = Email("un@proven.example", verified=False)


def test_warnings_reach_the_proven_address_whatever_stands_first(
    provider: Provider, citizen: Person
) -> None:
    person = add(provider, Person("IMPORT1"))
    put(provider, person, UNPROVEN)
    browser = inside(provider, person)
    prove(provider, browser, "real@owner.example")

    elsewhere = Browser.on(provider)
    elsewhere.get("/signin/password")
    elsewhere.sign_in(person)
    warned = letters.messages(provider, "real@owner.example")
    assert len(warned) == 2  # of one instant: which stands first, chance decides
    assert {type(one) for one in warned} == {EmailsChanged, NewBrowser}

    put(provider, citizen, Email(UNPROVEN.address, verified=True))
    with provider.database.read() as tx:
        reached = emails.reached(tx, account_of(person).id)
        assert (reached.addresses, reached.locale) == (("real@owner.example",), "zh-Hant")
        account = provider.accounts.find(tx, account_of(person).id)
    assert account is not None
    assert account.email == Email("real@owner.example", verified=True)
    factors.add_passkey(elsewhere, SoftKey())
    warned = letters.messages(provider, "real@owner.example")
    assert SecondFactorChanged in [type(one) for one in warned]


def test_an_address_taken_out_between_others_leaves_no_hole(
    provider: Provider, citizen: Person
) -> None:
    person = add(provider, Person("IMPORT1"))
    rest = [Email("b@people.example", verified=False), Email("c@people.example", verified=False)]
    put(provider, person, UNPROVEN, *rest)

    put(provider, citizen, Email(UNPROVEN.address, verified=True))

    with provider.database.read() as tx:
        assert emails.of_account(tx, account_of(person).id) == rest
        reached = emails.reached(tx, account_of(person).id)
    assert reached.addresses == ("b@people.example",)


@pytest.mark.parametrize("first", [UNPROVEN, Email("ok@proven.example", verified=True)])
def test_a_proven_address_comes_before_an_unproven_one(provider: Provider, first: Email) -> None:
    person = add(provider, Person("IMPORT1"))
    proven = Email("ok@proven.example", verified=True)

    put(provider, person, first, proven if first is UNPROVEN else UNPROVEN)

    with provider.database.read() as tx:
        assert emails.of_account(tx, account_of(person).id) == [proven, UNPROVEN]


def make_first(browser: Browser, address: str) -> None:
    post(browser, "/account/emails", "/account/emails/change", address=address, action="first")


def links(provider: Provider) -> dict[str, str]:
    """Take the links for a new password out of the outbox, by where they went."""
    return {
        letter.recipient: letter.message.token
        for letter in letters.waiting(provider)
        if isinstance(letter.message, Recovery)
    }


def not_me(browser: Browser) -> None:
    post(browser, "/account/history", "/account/history/not-me")


def test_the_link_after_not_me_goes_where_the_owner_read_before(
    provider: Provider, citizen: Person, clock: MovableClock
) -> None:
    clock.advance(timedelta(minutes=1))
    thief = inside(provider, citizen)
    prove(provider, thief, EVIL)
    make_first(thief, EVIL)
    not_me(inside(provider, citizen))

    found = links(provider)

    assert list(found) == [citizen.email]
    assert 'id="password-set"' in set_new(Browser.on(provider), found[citizen.email]).text


def test_not_me_takes_a_thiefs_new_address_which_recovers_nothing_after_it(
    provider: Provider, citizen: Person, clock: MovableClock
) -> None:
    clock.advance(timedelta(days=8))
    prove(provider, inside(provider, citizen), EVIL)
    clock.advance(timedelta(days=2))
    not_me(inside(provider, citizen))
    assert list(links(provider)) == [citizen.email]

    assert ask(Browser.on(provider), citizen.account_name, EVIL).status_code == 200

    assert links(provider) == {}
    assert held(provider, citizen) == [Email(citizen.email, verified=True)]


def test_changing_the_order_makes_no_address_younger_or_older(
    provider: Provider, citizen: Person, clock: MovableClock
) -> None:
    clock.advance(timedelta(days=30))
    thief = inside(provider, citizen)
    prove(provider, thief, EVIL)
    make_first(thief, EVIL)
    clock.advance(timedelta(days=6))
    thief = inside(provider, citizen)
    make_first(thief, citizen.email)
    make_first(thief, EVIL)
    not_me(inside(provider, citizen))

    assert list(links(provider)) == [citizen.email]


def test_each_older_address_gets_a_link_of_its_own_and_one_of_them_is_good(
    provider: Provider, citizen: Person, clock: MovableClock
) -> None:
    browser = inside(provider, citizen)
    prove(provider, browser, "work@people.example")
    clock.advance(timedelta(days=8))
    prove(provider, inside(provider, citizen), EVIL)
    not_me(inside(provider, citizen))

    found = links(provider)

    assert set(found) == {citizen.email, "work@people.example"}
    assert set_new(browser, found["work@people.example"]).status_code == 200
    assert set_new(browser, found[citizen.email]).status_code == 410


def test_an_address_of_today_recovers_nothing_and_the_older_one_is_told(
    provider: Provider, citizen: Person, clock: MovableClock
) -> None:
    clock.advance(timedelta(minutes=1))
    thief = inside(provider, citizen)
    prove(provider, thief, EVIL)
    prove(provider, thief, "more@evil.example")
    make_first(thief, EVIL)
    letters.waiting(provider)

    right = ask(Browser.on(provider), citizen.account_name, citizen.email)
    assert list(links(provider)) == [citizen.email]
    refused = ask(Browser.on(provider), citizen.account_name, EVIL)
    assert refused.status_code == right.status_code
    assert list(links(provider)) == [citizen.email]

    clock.advance(timedelta(hours=24))
    ask(Browser.on(provider), citizen.account_name, EVIL)
    assert list(links(provider)) == [EVIL]


def test_not_me_sends_a_link_though_an_unproven_address_stood_first(provider: Provider) -> None:
    person = add(provider, Person("NOMAIL1"))
    put(provider, person, UNPROVEN, Email("ok@proven.example", verified=True))
    not_me(inside(provider, person))

    assert list(links(provider)) == ["ok@proven.example"]


def test_what_a_thief_enrolled_neither_signs_in_nor_shuts_out_after_recovery(
    provider: Provider, citizen: Person
) -> None:
    key = SoftKey()
    thief = inside(provider, citizen)
    factors.add_passkey(thief, key)
    letters.waiting(provider)

    owner = Browser.on(provider)
    ask(owner, citizen.account_name, citizen.email)
    set_new(owner, links(provider)[citizen.email])

    assert told(provider, citizen) == ["passkey_removed", "recovery_codes_removed"]
    back = Browser.on(provider)
    back.get("/signin/password")
    factors.sign_in_by(back, key)
    assert not is_in(back)
    owner.get("/signin/password")
    owner.sign_in(citizen, NEW)
    assert is_in(owner), "nobody asks for a factor that the owner does not have"


def test_what_a_thief_enrolled_days_ago_is_gone_after_not_me(
    provider: Provider, citizen: Person, clock: MovableClock
) -> None:
    app = factors.with_app(provider, citizen)
    clock.advance(timedelta(days=6))
    owner = inside(provider, citizen)
    factors.show_code(owner, app.code(clock()))
    letters.waiting(provider)

    not_me(owner)

    assert told(provider, citizen) == ["recovery_codes_removed", "totp_removed"]
    assert factor_of(provider, citizen) is SecondFactor.NONE
    clock.advance(timedelta(minutes=1))
    ask(owner, citizen.account_name, citizen.email)
    set_new(owner, links(provider)[citizen.email])
    again = Browser.on(provider)
    again.get("/signin/password")
    again.sign_in(citizen, NEW)
    assert is_in(again)


@pytest.mark.parametrize(("hours", "stays"), [(23, False), (24, False), (25, True)])
def test_T36_recovery_by_mail_leaves_the_factors_that_are_older_than_a_day(
    provider: Provider, citizen: Person, clock: MovableClock, hours: int, stays: bool
) -> None:
    factors.with_app(provider, citizen)
    clock.advance(timedelta(hours=hours))
    letters.waiting(provider)

    browser = Browser.on(provider)
    ask(browser, citizen.account_name, citizen.email)
    set_new(browser, links(provider)[citizen.email])

    assert factor_of(provider, citizen) is (SecondFactor.ALWAYS if stays else SecondFactor.NONE)
    assert bool(told(provider, citizen)) is not stays


def test_not_me_leaves_an_old_factor_and_takes_the_codes_made_since(
    provider: Provider, citizen: Person, clock: MovableClock
) -> None:
    app = factors.with_app(provider, citizen)
    clock.advance(timedelta(days=8))
    browser = inside(provider, citizen)
    factors.show_code(browser, app.code(clock()))
    browser.get("/account/totp")
    browser.post("/account/totp", browser.hidden() | {"action": "renew"})
    letters.waiting(provider)

    not_me(browser)

    assert told(provider, citizen) == ["recovery_codes_removed"]
    assert factor_of(provider, citizen) is SecondFactor.ALWAYS
    with provider.database.read() as tx:
        assert provider.recovery_codes.left(tx, account_of(citizen).id) == 0


def secret_on(page: str) -> str:
    found = re.search(r'id="totp-secret">([A-Z2-7 ]+)<', page)
    return found[1].replace(" ", "") if found else ""


def begin_app(browser: Browser) -> str:
    """Begin with an authenticator app; gives its secret."""
    browser.get("/account/totp")
    browser.post("/account/totp", browser.hidden() | {"action": "begin"})
    return secret_on(browser.follow().text)


def test_a_secret_is_shown_and_confirmed_only_in_the_session_that_began_it(
    provider: Provider, citizen: Person, clock: MovableClock
) -> None:
    thief, owner = inside(provider, citizen), inside(provider, citizen)
    known = begin_app(thief)
    assert known
    assert secret_on(thief.get("/account/totp").text) == known

    assert secret_on(owner.get("/account/totp").text) == ""
    typed = owner.hidden() | {"action": "confirm", "code": factors.App(known).code(clock())}
    assert owner.post("/account/totp", typed).status_code == 422
    assert factor_of(provider, citizen) is SecondFactor.NONE

    begin_app(owner)
    assert secret_on(thief.get("/account/totp").text) == "", "the owner's own is not the thief's"


@pytest.fixture
def overtaken(provider: Provider, citizen: Person) -> tuple[Browser, Session]:
    """A browser of one factor, and its session as it was read before another one did more."""
    browser = inside(provider, citizen)
    found = browser.client.get_cookie(cookie_name("session", secure=True), domain="sso.example")
    assert found is not None
    idle = timedelta(minutes=provider.config.sessions.idle_minutes)
    with provider.database.read() as tx:
        session = sessions.find(tx, digest(found.value), idle)
    assert session is not None
    return browser, session


def test_a_factor_added_meanwhile_is_asked_for_before_another_is_added_or_removed(
    provider: Provider, citizen: Person, overtaken: tuple[Browser, Session]
) -> None:
    _, session = overtaken
    owner = inside(provider, citizen)
    factors.add_passkey(owner, SoftKey())
    letters.waiting(provider)

    change_all(provider, citizen, session)

    assert told(provider, citizen) == []
    with provider.database.read() as tx:
        assert len(passkey.of_account(tx, account_of(citizen).id)) == 1
        assert provider.recovery_codes.left(tx, account_of(citizen).id) == 10
    assert factor_of(provider, citizen) is SecondFactor.ALWAYS


def test_a_session_that_not_me_has_ended_adds_nothing_after_it(
    provider: Provider, citizen: Person, overtaken: tuple[Browser, Session]
) -> None:
    browser, session = overtaken
    not_me(browser)
    letters.waiting(provider)

    change_all(provider, citizen, session)

    assert told(provider, citizen) == []
    assert factor_of(provider, citizen) is SecondFactor.NONE


def change_all(provider: Provider, person: Person, session: Session) -> None:
    """Try every change with a session that was read too early."""
    new = NewPasskey(b"another", b"key", 0, False, False, (), "")
    with provider.database.write() as tx:
        known = passkey.of_account(tx, account_of(person).id)
        provider.factors.begin_totp(tx, session)
        waiting = provider.totp.waiting(tx, session.account_id, session.id)
        assert waiting is None
        wrong = provider.factors.confirm_totp(tx, session, "123456")
        assert wrong == Refusal(Reason.CODE_WRONG)
        refused = provider.factors.add_passkey(tx, session, new, "Thief")
        assert refused == Refusal(Reason.PASSKEY_REFUSED)
        for one in known:
            provider.factors.remove_passkey(tx, session, one.id)
        assert provider.factors.renew_codes(tx, session) is None
        provider.factors.ask(tx, session, always=False)


def is_in(browser: Browser) -> bool:
    assert browser.last is not None
    return 'id="sign-out"' in browser.last.text


def told(provider: Provider, person: Person) -> list[str]:
    """Read which changes of the second factors a person heard of."""
    return sorted(
        one.change
        for one in letters.messages(provider, person.email)
        if isinstance(one, SecondFactorChanged)
    )


def factor_of(provider: Provider, person: Person) -> SecondFactor:
    with provider.database.write() as tx:
        return status.hold(tx, account_of(person).id)


def test_a_thief_cannot_take_away_the_address_the_owner_is_reached_at(
    provider: Provider, citizen: Person, clock: MovableClock
) -> None:
    clock.advance(timedelta(days=8))
    thief = inside(provider, citizen)
    prove(provider, thief, EVIL)
    gone = {"address": citizen.email, "action": "remove"}

    refused = post(thief, "/account/emails", "/account/emails/change", **gone)
    assert refused.status_code == 422
    assert "stays until another one" in refused.text

    clock.advance(timedelta(days=8))
    later = inside(provider, citizen)
    assert post(later, "/account/emails", "/account/emails/change", **gone).status_code == 303
