"""Of many clicks at once on "this was not me" exactly one counts, whichever link each has."""

import threading
from datetime import timedelta

import pytest

from idp.accounts import emails, passwords
from idp.accounts.model import Email, SecondFactor
from idp.mail.messages import Notice, Recovery
from idp.provider import Provider
from idp.secret import digest
from idp.signin import store
from idp.signin.recovery import Aftermath
from tests import factors
from tests.attacks.test_taken_over import account_of, factor_of, inside
from tests.clock import MovableClock
from tests.factors import SoftKey
from tests.labs import letters
from tests.people import Browser, Person
from tests.races.test_accounts import together

pytestmark = pytest.mark.timeout(120)


def notices(provider: Provider) -> dict[str, str]:
    """Take what was told; gives the token of the newest notice by where it went."""
    return {
        letter.recipient: letter.message.token
        for letter in letters.waiting(provider)
        if isinstance(letter.message, Notice)
    }


def disown(provider: Provider, token: str) -> bool:
    with provider.database.write() as tx:
        return provider.recovery.disown_by_link(tx, token, {}) is Aftermath.MAILED


def alarms(provider: Provider) -> list[str]:
    return sorted(
        one.recipient for one in letters.waiting(provider) if isinstance(one.message, Recovery)
    )


def test_one_link_counts_once(provider: Provider, citizen: Person) -> None:
    factors.add_passkey(inside(provider, citizen), SoftKey())
    token = notices(provider)[citizen.email]

    said = together(lambda _number: disown(provider, token))

    assert said.count(True) == 1
    assert alarms(provider) == [citizen.email]
    assert factor_of(provider, citizen) is SecondFactor.NONE


def test_the_links_of_one_notice_in_two_mailboxes_wait_for_one_another(
    provider: Provider, citizen: Person, clock: MovableClock
) -> None:
    second = "second@people.example"
    both = [Email(citizen.email, verified=True), Email(second, verified=True)]
    with provider.database.write() as tx:
        emails.replace(tx, account_of(citizen).id, both)
    clock.advance(timedelta(days=8))
    browser = Browser.on(provider)
    browser.get("/signin/password")
    browser.sign_in(citizen)
    found = notices(provider)
    assert set(found) == {citizen.email, second}

    said = together(lambda number: disown(provider, list(found.values())[number % 2]))

    assert said.count(True) == 1, "they are as old as one another: the first speaks for both"


def test_a_sign_in_that_is_half_recorded_and_not_me_wait_in_no_circle(
    provider: Provider, citizen: Person
) -> None:
    owner = account_of(citizen)
    with provider.database.read() as tx:
        known = passwords.on_record(tx, citizen.account_name)
    assert known is not None

    def not_me() -> None:
        with provider.database.write() as tx:
            provider.recovery.disown(tx, owner, {})

    other = threading.Thread(target=not_me)
    with provider.database.write() as tx:
        assert passwords.still_has(tx, owner.id, known.phc_hash)
        other.start()
        other.join(0.5)
        assert other.is_alive(), "it waits for the password"
        store.remember_device(tx, digest("a browser"), owner.id)  # refers to the account
    other.join(10)

    assert not other.is_alive()
    assert alarms(provider) == [citizen.email]


def test_an_address_that_goes_at_the_same_moment_speaks_before_or_not_at_all(
    provider: Provider, citizen: Person, clock: MovableClock
) -> None:
    evil = "evil@evil.example"
    with provider.database.write() as tx:
        emails.replace(tx, account_of(citizen).id, [Email(citizen.email, verified=True)])
    clock.advance(timedelta(days=1))
    both = [Email(citizen.email, verified=True), Email(evil, verified=True)]
    with provider.database.write() as tx:
        emails.replace(tx, account_of(citizen).id, both)
    clock.advance(timedelta(days=8))
    browser = Browser.on(provider)
    browser.get("/signin/password")
    browser.sign_in(citizen)
    token = notices(provider)[evil]

    def act(number: int) -> bool:
        if number:
            return disown(provider, token)
        with provider.database.write() as tx:
            emails.replace(tx, account_of(citizen).id, both[:1])
        return False

    said = together(act)

    assert said.count(True) <= 1
    assert not disown(provider, token)
    with provider.database.read() as tx:
        assert emails.of_account(tx, account_of(citizen).id) == both[:1]
