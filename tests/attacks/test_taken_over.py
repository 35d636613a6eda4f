"""An account that somebody else holds the password of: what its owner gets back, and how."""

import pytest

from idp.accounts import store as accounts
from idp.accounts.model import Account, Email
from idp.accounts.store import Mailbox
from idp.mail.messages import NewBrowser, SecondFactorChanged
from idp.provider import Provider
from tests import factors
from tests.factors import SoftKey
from tests.http.test_P31_account_pages import post
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


def put(provider: Provider, person: Person, *emails: Email) -> None:
    with provider.database.write() as tx:
        accounts.replace_emails(tx, account_of(person).id, emails)


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
    assert [type(one) for one in letters.messages(provider, "real@owner.example")] == [NewBrowser]

    put(provider, citizen, Email(UNPROVEN.address, verified=True))
    with provider.database.read() as tx:
        assert accounts.mailbox(tx, account_of(person).id) == Mailbox(
            "real@owner.example", "zh-Hant"
        )
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
        assert accounts.emails_of(tx, account_of(person).id) == rest
        mailbox = accounts.mailbox(tx, account_of(person).id)
    assert mailbox == Mailbox("b@people.example", "zh-Hant")


@pytest.mark.parametrize("first", [UNPROVEN, Email("ok@proven.example", verified=True)])
def test_a_proven_address_comes_before_an_unproven_one(provider: Provider, first: Email) -> None:
    person = add(provider, Person("IMPORT1"))
    proven = Email("ok@proven.example", verified=True)

    put(provider, person, first, proven if first is UNPROVEN else UNPROVEN)

    with provider.database.read() as tx:
        assert accounts.emails_of(tx, account_of(person).id) == [proven, UNPROVEN]
