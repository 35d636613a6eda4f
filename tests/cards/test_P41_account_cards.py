"""The cards of an account: added, listed, removed, followed by their renewals (P41)."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import msgspec
import pytest
from sqlalchemy import delete, select

from cardbridge.lab.faults import NAMED
from cardbridge.lab.holders import CITIZEN, COMPANY
from cardbridge.lab.pki import CardFiles, LabPki
from cardbridge.lab.responder import Responder
from idp import assembly, worker
from idp.accounts import emails, passwords
from idp.accounts.model import Email, Kind, Profile, SecondFactor
from idp.accounts.particulars import Field
from idp.accounts.tables import PasswordCredential
from idp.audit.store import AuditRow
from idp.authenticators.card import cards, offline
from idp.authenticators.card.candidate import Candidate
from idp.authenticators.card.cards import Card
from idp.authenticators.card.challenges import Purpose
from idp.authenticators.card.evidence import Presented
from idp.authenticators.card.formats import Asked, Format
from idp.clock import system_clock
from idp.config import CardsSection, Config
from idp.mail.messages import CardExpires, Code, Letter, SecondFactorChanged
from idp.provider import Provider
from idp.signin import actions as signin
from idp.signin.account_cards import Added, Bar
from idp.signin.card import Unregistered
from tests import factors, people
from tests.attacks.test_taken_over import factor_of, links
from tests.attacks.test_taken_over import inside as go_in
from tests.cards.test_acr_of_cards import keep_a_list_of_yesterday
from tests.clock import MovableClock
from tests.factors import SoftKey
from tests.http.test_P15_recovery import ask, set_new
from tests.labs import letters
from tests.labs.card_holders import give, present, take, token
from tests.people import CONFIG, Browser, Person

pytestmark = pytest.mark.usefixtures("responder")
ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
LIN = Person("LIN1", profile=Profile(name=CITIZEN.name), email="lin@people.example")


@pytest.fixture
def config() -> Config:
    section = CardsSection(
        enabled=True, hosts_also=["127.0.0.1"], deadline_seconds=0.5, ocsp_cached_seconds=0
    )
    return msgspec.structs.replace(CONFIG, cards=section)


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(system_clock())


@pytest.fixture(autouse=True)
def taken(provider: Provider, lab: LabPki) -> None:
    take(provider, lab, "moica", "moeaca")


@pytest.fixture
def lin(provider: Provider) -> Person:
    """Whom the lab's citizen card is made for; her national id is on record."""
    person = people.add(provider, LIN)
    know(provider, person, CITIZEN.national_id)
    return person


@pytest.fixture
def inside(browser: Browser, provider: Provider, lin: Person) -> Browser:
    browser.get("/signin/password")
    browser.sign_in(lin)
    letters.waiting(provider)
    return browser


def know(provider: Provider, person: Person, national_id: str) -> None:
    assert person.account is not None
    with provider.database.write() as tx:
        provider.particulars.put(
            tx, person.account.id, person.kind, {Field.NATIONAL_ID: national_id}
        )


def card(lab: LabPki, **changes: Any) -> CardFiles:
    how = {key: changes.pop(key) for key in ("variant", "not_after") if key in changes}
    return lab.issue("moica", replace(CITIZEN, **changes), key="p256", **how)


def held(provider: Provider, person: Person) -> list[cards.Shown]:
    assert person.account is not None
    with provider.database.read() as tx:
        return cards.of_account(tx, person.account.id)


def add(browser: Browser, made: CardFiles, **how: Any) -> str:
    browser.get("/account/cards")
    hidden = widget(browser)
    signed = token(made, hidden["challenge"], **{"purpose": "add", **how})
    browser.post("/account/cards", hidden | {"format": "twcard:1", "document": signed})
    shown = browser.follow().text
    if 'id="card-offer"' not in shown:
        return shown
    browser.post("/account/cards", offer_of(browser))
    return browser.follow().text


def offer_of(browser: Browser) -> dict[str, str]:
    form = re.search(r'<form [^>]*id="card-offer".*?</form>', page(browser), re.DOTALL)
    assert form is not None, page(browser)
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form[0]))
    return hidden | {"action": "follow"}


def widget(browser: Browser) -> dict[str, str]:
    assert browser.last is not None
    form = re.search(r'<form [^>]*id="card-form".*?</form>', browser.last.text, re.DOTALL)
    assert form is not None, browser.last.text
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form[0]))


def audit(provider: Provider, event: str) -> list[dict[str, Any]]:
    with provider.database.read() as tx:
        rows = tx.execute(select(AuditRow.data).where(AuditRow.event == event)).scalars()
        return [msgspec.json.decode(one) for one in rows]


def changes(provider: Provider) -> list[str]:
    found = letters.messages(provider, LIN.email)
    return [one.change for one in found if isinstance(one, SecondFactorChanged)]


def page(browser: Browser) -> str:
    assert browser.last is not None
    return browser.last.text


@ONE_DATABASE
@pytest.mark.parametrize("locale", ["zh-Hant", "zh-Hans", "en"])
def test_the_page_is_there_in_each_language_with_what_it_was_about(
    inside: Browser, lab: LabPki, provider: Provider, lin: Person, locale: str
) -> None:
    give(provider, lin, card(lab))
    other = Browser.on(provider)
    sign_in_with(other, card(lab))
    name = offered(other).rpartition("card.")[2]
    inside.get("/account/cards", offer=name)

    switch = re.search(rf'href="([^"]*lang={locale}[^"]*)"', page(inside))

    if locale != "en":
        assert switch is not None
        inside.get(switch[1].replace("&amp;", "&"))
    assert inside.last is not None
    assert inside.last.status_code == 200
    assert 'id="card-offer"' in page(inside)
    assert {"zh-Hant": "自然人憑證", "zh-Hans": "自然人证书", "en": "Citizen"}[locale] in page(
        inside
    )


def sign_in_with(browser: Browser, made: CardFiles) -> None:
    browser.get("/signin/card")
    present(browser, made)
    assert browser.last is not None
    if "unknown=" in browser.last.headers.get("Location", ""):
        browser.follow()


def test_P41_a_card_is_added_listed_and_signs_in(
    inside: Browser, provider: Provider, lab: LabPki, lin: Person
) -> None:
    made = card(lab)

    shown = add(inside, made)

    assert 'id="saved"' in shown
    (one,) = held(provider, lin)
    assert one.serial in shown
    assert "Citizen certificate" in shown
    (told,) = letters.messages(provider, LIN.email)
    assert isinstance(told, SecondFactorChanged)
    assert (told.change, bool(told.token)) == ("card_added", True)
    (row,) = audit(provider, "card.added")
    assert row["why"] == "added"
    assert row["differs"] == "no_earlier_card"
    with provider.database.read() as tx:
        kept = provider.card_evidence.find(tx, row["evidence"])
    assert kept is not None
    assert all(line.good for line in offline.examine(kept, lab.issuers["moica"]))
    other = Browser.on(provider)
    sign_in_with(other, made)
    assert "Good to see you" in other.get("/").text
    assert "Not yet." not in other.get("/account/cards").text


def test_P41_adding_asks_who_it_is_once_more(
    inside: Browser, provider: Provider, lab: LabPki, lin: Person, clock: MovableClock
) -> None:
    inside.get("/account/cards")
    hidden, made = widget(inside), card(lab)
    clock.advance(timedelta(minutes=11))

    signed = token(made, hidden["challenge"], purpose="add")
    answer = inside.post("/account/cards", hidden | {"format": "twcard:1", "document": signed})

    assert "/signin/password?journey=cards" in answer.headers["Location"]
    assert held(provider, lin) == []
    assert 'id="card-again"' in inside.get("/account/cards").text
    assert 'id="card-form"' not in page(inside)


@pytest.mark.parametrize(
    "how", [{"purpose": "login"}, {"purpose": "register"}, {"origin": "https://evil.example"}]
)
@ONE_DATABASE
def test_T59_what_was_signed_for_something_else_adds_nothing(
    inside: Browser, provider: Provider, lab: LabPki, lin: Person, how: dict[str, str]
) -> None:
    add(inside, card(lab), **how)

    assert held(provider, lin) == []
    assert audit(provider, "card.not_added") == [{"why": "not_signed"}]


def test_T61_a_challenge_adds_once_and_only_for_its_account_and_browser(
    inside: Browser, provider: Provider, lab: LabPki, lin: Person, citizen: Person
) -> None:
    made, thief = card(lab), Browser.on(provider)
    thief.get("/signin/password")
    thief.sign_in(citizen)
    inside.get("/account/cards")
    hidden = widget(inside)
    signed = {"format": "twcard:1", "document": token(made, hidden["challenge"], purpose="add")}
    thief.get("/account/cards")

    thief.post("/account/cards", widget(thief) | signed | {"challenge": hidden["challenge"]})
    assert held(provider, citizen) == []
    assert audit(provider, "card.not_added") == [{"why": "not_offered"}]

    inside.post("/account/cards", hidden | signed)
    assert 'id="card-offer"' in inside.follow().text
    assert held(provider, lin) == []
    inside.post("/account/cards", hidden | signed)
    assert "open for too long" in page(inside)


@pytest.mark.parametrize(
    ("changes", "sentence", "why"),
    [
        ({"name": "林美鈴"}, "The name on this card is not", "other_name"),
        (
            {"national_id": "A234567884", "subject_number": "1001120260000013"},
            "The national id on this card is not",
            "other_national_id",
        ),
    ],
)
def test_P41_a_card_of_another_person_is_refused_and_it_is_said_why(
    inside: Browser,
    provider: Provider,
    lab: LabPki,
    lin: Person,
    *,
    changes: dict[str, str],
    sentence: str,
    why: str,
) -> None:
    shown = add(inside, card(lab, **changes))

    assert sentence in shown
    assert held(provider, lin) == []
    (row,) = audit(provider, "card.not_added")
    assert row["why"] == why
    assert row["evidence"]
    assert letters.messages(provider, LIN.email) == []


@ONE_DATABASE
def test_P41_a_firms_card_is_none_of_a_person(
    inside: Browser, provider: Provider, lab: LabPki, lin: Person
) -> None:
    shown = add(inside, lab.issue("moeaca", COMPANY, key="p256"))

    assert "another kind of holder" in shown
    assert held(provider, lin) == []


def test_P41_a_card_of_another_account_is_refused_without_a_word_on_whose_it_is(
    inside: Browser, provider: Provider, lab: LabPki, lin: Person, citizen: Person
) -> None:
    made = card(lab)
    give(provider, citizen, made)

    shown = add(inside, made)

    assert "This card cannot be added" in shown
    assert citizen.account_name not in shown
    assert held(provider, lin) == []


@ONE_DATABASE
@pytest.mark.parametrize(
    ("variant", "sentence"),
    [
        ("revoked", "has been revoked"),
        ("suspended", "is suspended"),
        ("encryption_only", "not for signing in"),
    ],
)
def test_T62_a_card_that_is_not_good_is_not_added(
    inside: Browser, provider: Provider, lab: LabPki, lin: Person, *, variant: str, sentence: str
) -> None:
    assert sentence in add(inside, card(lab, variant=variant))
    assert held(provider, lin) == []


def test_D13_a_card_that_cannot_be_checked_is_not_added(
    inside: Browser, provider: Provider, lab: LabPki, lin: Person, responder: Responder
) -> None:
    responder.faults.set("moica", "ocsp", NAMED["silent"])
    responder.faults.set("moica", "crl", NAMED["500"])

    assert "cannot be checked at the moment" in add(inside, card(lab))
    assert held(provider, lin) == []


@ONE_DATABASE
def test_D13_a_card_that_was_not_checked_of_today_is_neither_added_nor_offered(
    provider: Provider, lab: LabPki, lin: Person, responder: Responder
) -> None:
    lenient = msgspec.structs.replace(provider.config.cards, crl_grace_hours=24)
    config = msgspec.structs.replace(provider.config, cards=lenient)
    graceful = assembly.assemble(config, provider.database, provider.keychain)
    keep_a_list_of_yesterday(graceful, lab)
    give(graceful, lin, card(lab))
    responder.faults.set("moica", "ocsp", NAMED["silent"])
    responder.faults.set("moica", "crl", NAMED["500"])
    browser = Browser.on(graceful)
    browser.get("/signin/password", journey="cards")
    browser.sign_in(lin)

    assert "cannot be checked at the moment" in add(browser, card(lab))
    assert len(held(graceful, lin)) == 1
    stranger = Browser.on(graceful)
    sign_in_with(stranger, card(lab))
    assert 'id="card-renew"' not in page(stranger)


def remove(browser: Browser, which: cards.Shown) -> str:
    browser.get("/account/cards")
    csrf = browser.hidden()["csrf_token"]
    fields = {"csrf_token": csrf, "action": "remove", "card": str(which.id)}
    browser.post("/account/cards", fields)
    return browser.follow().text


def test_P41_a_card_is_removed_and_its_owner_told(
    inside: Browser, provider: Provider, lab: LabPki, lin: Person
) -> None:
    made = card(lab)
    give(provider, lin, made)
    (one,) = held(provider, lin)

    shown = remove(inside, one)

    assert 'id="no-cards"' in shown
    assert "Removed: Citizen certificate." in shown
    assert changes(provider) == ["card_removed"]
    assert audit(provider, "card.removed") == [{"why": "person"}]
    stranger = Browser.on(provider)
    sign_in_with(stranger, made)
    assert "Good to see you" not in stranger.get("/").text


def test_P41_the_last_way_to_sign_in_is_not_removed(
    provider: Provider, lab: LabPki, lin: Person, clock: MovableClock
) -> None:
    made, second = card(lab), card(lab, subject_number="1001120260000099")
    give(provider, lin, made)
    with provider.database.write() as tx:
        tx.execute(delete(PasswordCredential))
    browser = Browser.on(provider)
    sign_in_with(browser, made)

    shown = remove(browser, held(provider, lin)[0])
    assert "the last way into your account" in shown
    assert len(held(provider, lin)) == 1

    give(provider, lin, second)
    remove(browser, held(provider, lin)[0])
    assert len(held(provider, lin)) == 1
    clock.advance(timedelta(minutes=1))
    assert "the last way into your account" in remove(browser, held(provider, lin)[0])


def test_P41_of_two_cards_removed_at_once_one_stays(
    provider: Provider, lab: LabPki, lin: Person
) -> None:
    with provider.database.write() as tx:
        tx.execute(delete(PasswordCredential))
    for _ in range(5):
        made = [card(lab, subject_number=f"100112026000009{one}") for one in (1, 2)]
        for one in made:
            give(provider, lin, one)
        browsers = [Browser.on(provider), Browser.on(provider)]
        for browser, one in zip(browsers, made, strict=True):
            sign_in_with(browser, one)
        together = Barrier(2)

        def let_go(browser: Browser, which: cards.Shown, together: Barrier = together) -> None:
            browser.get("/account/cards")
            fields = {"action": "remove", "card": str(which.id)}
            together.wait()
            browser.post("/account/cards", browser.hidden() | fields)

        with ThreadPoolExecutor(2) as threads:
            list(threads.map(let_go, browsers, held(provider, lin)[-2:]))

        (left,) = held(provider, lin)
        assert left.not_after > system_clock()
        with provider.database.write() as tx:
            tx.execute(delete(Card))


@ONE_DATABASE
def test_P41_a_password_that_is_off_is_no_way_to_sign_in(
    provider: Provider, lab: LabPki, lin: Person
) -> None:
    made = card(lab)
    give(provider, lin, made)
    assert lin.account is not None
    with provider.database.write() as tx:
        passwords.disable(tx, lin.account.id)
    browser = Browser.on(provider)
    sign_in_with(browser, made)

    assert "the last way into your account" in remove(browser, held(provider, lin)[0])


@ONE_DATABASE
def test_P41_nobody_removes_the_card_of_another(
    inside: Browser, provider: Provider, lab: LabPki, citizen: Person
) -> None:
    give(provider, citizen, card(lab))

    remove(inside, held(provider, citizen)[0])

    assert len(held(provider, citizen)) == 1


@ONE_DATABASE
def test_P41_without_cards_there_is_no_such_page(citizen: Person, provider: Provider) -> None:
    plain = msgspec.structs.replace(provider.config, cards=CardsSection())
    without = Browser.on(replace(provider, config=plain))
    without.get("/signin/password")
    without.sign_in(citizen)

    assert without.get("/account/cards").status_code == 404
    assert "tab-cards" not in without.get("/account").text


@ONE_DATABASE
@pytest.mark.parametrize("action", ["add", "follow", "remove", ""])
def test_bad_input_is_answered_with_the_page(inside: Browser, action: str) -> None:
    inside.get("/account/cards")
    fields = widget(inside) | {"format": "twcard:1", "document": "{}", "action": action}

    for name in ("challenge", "format", "document", "card", "offer", "action"):
        for value in ("", "x" * 9_000, "\x00", "é𠮷", "{}"):
            answer = inside.post("/account/cards", fields | {name: value})
            assert answer.status_code in {303, 400, 422, 429}


# Renewed cards


def offered(browser: Browser) -> str:
    found = re.search(r'id="card-renew" href="([^"]*)"', page(browser))
    assert found is not None, page(browser)
    return found[1].replace("&amp;", "&")


def follow(browser: Browser, person: Person, way: str) -> str:
    """Prove the account by its password, and add the card that is offered."""
    browser.get(way)
    browser.sign_in(person)
    browser.post("/account/cards", offer_of(browser))
    return browser.follow().text


@pytest.mark.parametrize("format_", [Format.TWCARD, Format.HIPKI])
def test_a_renewed_card_shown_by_the_other_component_is_offered_to_no_account(
    provider: Provider, lab: LabPki, lin: Person, format_: Format
) -> None:
    give(provider, lin, card(lab))
    renewed = card(lab)
    with provider.database.write() as tx:
        candidate = provider.card_holders.trace(tx, renewed.sign.certificate)
    assert isinstance(candidate, Candidate)
    proven = provider.card_holders.verify(candidate, clock=system_clock)
    presented = Presented(format_, "{}", Asked("https://sso.example", "N" * 43, Purpose.LOGIN))
    desk = signin.Browser(b"binding", "device", "browser", "en")

    with provider.database.write() as tx:
        outcome = provider.card_signing_in.record(
            tx, presented, candidate, proven, desk, client_id=None
        )

    assert isinstance(outcome, Unregistered)
    assert bool(outcome.offer) == outcome.is_full == (format_ is Format.TWCARD)


def test_a_renewed_card_follows_its_account_after_another_proof(
    browser: Browser, provider: Provider, lab: LabPki, lin: Person
) -> None:
    old, new = card(lab), card(lab)
    give(provider, lin, old)
    sign_in_with(browser, new)
    way = offered(browser)
    assert "Good to see you" not in browser.get("/").text
    assert len(held(provider, lin)) == 1

    shown = follow(browser, lin, way)

    assert 'id="saved"' in shown
    assert len(held(provider, lin)) == 2
    assert shown.count(">Citizen certificate</h2>") == 2
    (row,) = audit(provider, "card.added")
    assert (row["why"], row.get("differs", "")) == ("renewed", "")
    assert changes(provider) == ["card_renewed"]
    again = Browser.on(provider)
    sign_in_with(again, new)
    assert "Good to see you" in again.get("/").text


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"name": "林美鈴"}, "other_name"),
        ({"national_id": "A234567884"}, "other_national_id"),
    ],
)
def test_a_card_with_the_same_number_but_another_holder_is_not_offered(
    browser: Browser,
    provider: Provider,
    lab: LabPki,
    lin: Person,
    *,
    changes: dict[str, str],
    why: str,
) -> None:
    give(provider, lin, card(lab))

    sign_in_with(browser, card(lab, **changes))

    assert 'id="card-renew"' not in page(browser)
    assert 'id="card-add"' in page(browser)
    (row,) = audit(provider, "card.not_added")
    assert row["why"] == why


@ONE_DATABASE
def test_a_card_with_another_number_is_a_card_that_nobody_knows(
    browser: Browser, provider: Provider, lab: LabPki, lin: Person
) -> None:
    give(provider, lin, card(lab))

    sign_in_with(browser, card(lab, subject_number="1001120260000013"))

    assert 'id="card-renew"' not in page(browser)
    assert audit(provider, "card.not_added") == []


@ONE_DATABASE
def test_what_was_said_of_a_card_stays_when_the_page_is_read_again(
    browser: Browser, provider: Provider, lab: LabPki, lin: Person
) -> None:
    give(provider, lin, card(lab))
    browser.get("/signin/card")
    present(browser, card(lab))
    assert browser.last is not None
    assert browser.last.status_code == 303

    for _reading in range(2):
        browser.get(browser.last.headers.get("Location") or browser.trail[-1].split()[1])
        assert 'id="card-renew"' in page(browser)

    switch = re.search(r'id="lang-zh-Hant" href="([^"]*)"', page(browser))
    assert switch is not None
    browser.get(switch[1].replace("&amp;", "&"))
    assert offered(browser).startswith("/signin/password?")
    assert "換發" in page(browser)


@ONE_DATABASE
def test_a_card_that_two_accounts_could_claim_is_offered_to_neither(
    browser: Browser, provider: Provider, lab: LabPki, lin: Person
) -> None:
    lawyer = people.add(
        provider, replace(LIN, account_name="LIN2", kind=Kind.LAWYER, email="lin@law.example")
    )
    know(provider, lawyer, CITIZEN.national_id)
    give(provider, lin, card(lab))
    give(provider, lawyer, card(lab))

    sign_in_with(browser, card(lab))

    assert 'id="card-renew"' not in page(browser)
    (row,) = audit(provider, "card.not_added")
    assert row["why"] == "several_accounts"


def test_an_offer_is_for_one_account_and_for_a_while(
    browser: Browser,
    provider: Provider,
    lab: LabPki,
    *,
    lin: Person,
    citizen: Person,
    clock: MovableClock,
) -> None:
    give(provider, lin, card(lab))
    sign_in_with(browser, card(lab))
    way = offered(browser)
    thief = Browser.on(provider)
    thief.get(way)
    thief.sign_in(citizen)
    assert 'id="card-offer"' not in page(thief)

    late = Browser.on(provider)
    clock.advance(timedelta(minutes=16))
    late.get(way)
    late.sign_in(lin)
    assert 'id="card-offer"' not in page(late)
    assert 'id="card-form"' in page(late)


def test_an_offer_that_is_claimed_twice_adds_one_card(
    browser: Browser, provider: Provider, lab: LabPki, lin: Person
) -> None:
    give(provider, lin, card(lab))
    sign_in_with(browser, card(lab))
    way = offered(browser)
    follow(browser, lin, way)
    value = way.rpartition("card.")[2]

    browser.get("/account/cards")
    csrf = browser.hidden()["csrf_token"]
    browser.post("/account/cards", {"csrf_token": csrf, "action": "follow", "offer": value})

    assert "was done already" in page(browser)
    assert len(held(provider, lin)) == 2


def test_a_card_revoked_between_the_offer_and_the_claim_is_not_added(
    browser: Browser, provider: Provider, lab: LabPki, lin: Person
) -> None:
    give(provider, lin, card(lab))
    new = card(lab)
    sign_in_with(browser, new)
    way = offered(browser)
    lab.revoke(new.sign.serial)

    shown = follow(browser, lin, way)

    assert "has been revoked" in shown
    assert len(held(provider, lin)) == 1


# Warnings


def warnings(provider: Provider) -> list[tuple[int, str]]:
    worker.warn_of_cards(provider)
    found = [one for one in letters.messages(provider, LIN.email) if isinstance(one, CardExpires)]
    return [(one.days, one.kind) for one in found]


def test_P41_the_owner_is_warned_60_30_and_7_days_before_once_each(
    provider: Provider, lab: LabPki, lin: Person, clock: MovableClock
) -> None:
    now = clock()
    give(provider, lin, card(lab, not_after=now + timedelta(days=70)))

    told = []
    for days in (69, 61, 59.9, 59, 31, 29.9, 29, 8, 6.9, 6, 1):
        clock.now = now + timedelta(days=70 - days)
        told.append((days, [left for left, _ in warnings(provider)]))

    assert [one for one in told if one[1]] == [(59.9, [59]), (29.9, [29]), (6.9, [6])]


@ONE_DATABASE
def test_P41_a_card_that_was_added_late_has_one_warning_and_an_expired_one_none(
    provider: Provider, lab: LabPki, lin: Person, clock: MovableClock
) -> None:
    now = clock()
    give(provider, lin, card(lab, not_after=now + timedelta(days=5.5)))
    give(provider, lin, card(lab, variant="expired"))

    assert [warnings(provider), warnings(provider)] == [[(5, "moica")], []]


@ONE_DATABASE
def test_P41_a_warning_is_shown_on_the_front_page_and_among_the_cards(
    inside: Browser, provider: Provider, lab: LabPki, lin: Person, clock: MovableClock
) -> None:
    give(provider, lin, card(lab, not_after=clock() + timedelta(days=40.5)))
    clock.advance(timedelta(seconds=1))  # they are listed by age
    give(provider, lin, card(lab, not_after=clock() + timedelta(days=400)))

    assert inside.get("/").text.count("A card of yours expires soon") == 1
    shown = inside.get("/account/cards").text
    assert "Good for 40 more days" in shown
    assert re.search(r'id="state-2"><span class="p-good">Good<', shown)


@ONE_DATABASE
@pytest.mark.parametrize("locale", ["zh-Hant", "zh-Hans", "en"])
def test_the_warning_reads_in_each_language(provider: Provider, locale: str) -> None:
    until = datetime(2026, 12, 24, 3, tzinfo=UTC)
    warning = CardExpires(
        at=until - timedelta(days=7), kind="moica", serial="89ABCDEF", until=until, days=7
    )

    told = provider.stationery.render(Letter(LIN.email, locale, warning))

    assert "89ABCDEF" in told.text
    assert "/account/cards" in told.html
    assert ("certificate" in told.text) == (locale == "en")


# What else knows of cards


@ONE_DATABASE
def test_the_download_and_the_end_of_an_account_include_its_cards(
    inside: Browser, provider: Provider, lab: LabPki, lin: Person
) -> None:
    give(provider, lin, card(lab))
    (one,) = held(provider, lin)
    assert one.serial in inside.get("/account/data").text
    csrf = inside.hidden()["csrf_token"]

    document = inside.post("/account/data/export", {"csrf_token": csrf}).get_json()["document"]
    assert document["cards"][0]["serial"] == one.serial
    inside.post("/account/data/close", {"csrf_token": csrf, "username": lin.account_name})
    assert held(provider, lin) == []


def test_not_me_takes_away_the_card_that_somebody_has_just_added(
    inside: Browser, provider: Provider, lab: LabPki, lin: Person, clock: MovableClock
) -> None:
    give(provider, lin, card(lab))
    (older,) = held(provider, lin)
    clock.advance(timedelta(days=8))
    inside.get("/signin/password", journey="cards")
    inside.sign_in(lin)
    letters.waiting(provider)
    add(inside, card(lab))
    (told,) = letters.messages(provider, LIN.email)
    assert isinstance(told, SecondFactorChanged)

    stranger = Browser.on(provider)
    stranger.get("/not-me", token=told.token)
    stranger.post("/not-me", stranger.hidden())

    assert held(provider, lin) == [older]
    assert audit(provider, "card.removed") == [{"why": "disowned"}]


def test_not_me_takes_away_the_first_card_of_an_account(
    inside: Browser, provider: Provider, lab: LabPki, lin: Person
) -> None:
    add(inside, card(lab))
    (told,) = letters.messages(provider, LIN.email)
    assert isinstance(told, SecondFactorChanged)

    stranger = Browser.on(provider)
    stranger.get("/not-me", token=told.token)
    stranger.post("/not-me", stranger.hidden())

    assert held(provider, lin) == []


@ONE_DATABASE
def test_the_help_desk_takes_away_the_cards_with_all_other_factors(
    provider: Provider, lab: LabPki, lin: Person
) -> None:
    give(provider, lin, card(lab))
    assert lin.account is not None

    with provider.database.write() as tx:
        assert provider.factors.forget(tx, lin.account)

    assert held(provider, lin) == []
    assert audit(provider, "card.removed") == [{"why": "help_desk"}]


def test_T36_a_card_that_no_password_sign_in_asks_for_is_no_older_factor(
    provider: Provider, lab: LabPki, lin: Person, clock: MovableClock
) -> None:
    app = factors.with_app(provider, lin)
    give(provider, lin, card(lab))
    clock.advance(timedelta(days=30))
    owner = go_in(provider, lin)
    factors.show_code(owner, app.code(clock()))
    factors.add_passkey(owner, SoftKey())
    assert lin.account is not None
    with provider.database.write() as tx:
        provider.totp.remove(tx, lin.account.id)
    clock.advance(timedelta(hours=2))
    letters.waiting(provider)

    reader_of_mail = Browser.on(provider)
    ask(reader_of_mail, lin.account_name, lin.email)
    set_new(reader_of_mail, links(provider)[lin.email])

    assert factor_of(provider, lin) is SecondFactor.ALWAYS


@ONE_DATABASE
def test_a_name_stays_as_it_is_while_a_card_opens_the_account(
    provider: Provider, lab: LabPki, browser: Browser
) -> None:
    typed = people.add(provider, replace(LIN, kind=Kind.UNCERTIFIED))
    browser.get("/signin/password")
    browser.sign_in(typed)
    browser.get("/account/details")
    form = browser.hidden() | {"name": "王大法官", "phone": "02-2311-3456"}
    give(provider, typed, card(lab))

    assert browser.post("/account/details", form).status_code == 303

    shown = browser.get("/account/details").text
    assert f"The name is {CITIZEN.name} and stays so" in shown
    assert 'name="name"' not in shown


# What has to come with a card


@pytest.fixture
def typed(provider: Provider, browser: Browser) -> Person:
    """Somebody whose name no card has proven, signed in by password alone."""
    person = people.add(provider, replace(LIN, kind=Kind.UNCERTIFIED))
    browser.get("/signin/password")
    browser.sign_in(person)
    letters.waiting(provider)
    return person


def test_P41_the_first_card_of_an_account_that_none_has_opened_brings_a_code(
    browser: Browser, provider: Provider, lab: LabPki, typed: Person
) -> None:
    assert 'id="card-offer"' in add(browser, card(lab))  # no code was typed
    assert "This is not the code" in page(browser)
    assert held(provider, typed) == []
    (mailed,) = letters.messages(provider, LIN.email)
    assert isinstance(mailed, Code)

    browser.post("/account/cards", offer_of(browser) | {"code": mailed.code})

    assert len(held(provider, typed)) == 1
    add(browser, card(lab))  # the next one of the same holder needs none
    assert len(held(provider, typed)) == 2


@ONE_DATABASE
def test_P41_without_a_proven_address_or_a_second_factor_a_first_card_is_not_added(
    browser: Browser, provider: Provider, lab: LabPki, typed: Person
) -> None:
    assert typed.account is not None
    with provider.database.write() as tx:
        emails.replace(tx, typed.account.id, [Email(LIN.email, verified=False)])

    assert "takes more than the password" in add(browser, card(lab))
    assert held(provider, typed) == []


@ONE_DATABASE
def test_P41_a_card_is_shown_to_its_owner_before_it_is_added(
    inside: Browser, provider: Provider, lab: LabPki, lin: Person
) -> None:
    made = card(lab)
    inside.get("/account/cards")
    hidden = widget(inside)
    signed = token(made, hidden["challenge"], purpose="add")

    inside.post("/account/cards", hidden | {"format": "twcard:1", "document": signed})

    assert held(provider, lin) == []
    shown = inside.follow().text
    assert f'id="offer-holder">{CITIZEN.name}<' in shown
    assert f'id="offer-serial">{f"{made.sign.serial:X}"[-8:]}<' in shown
    inside.post("/account/cards", offer_of(inside))
    assert len(held(provider, lin)) == 1


@ONE_DATABASE
def test_a_renewed_card_is_judged_again_when_it_follows(
    browser: Browser, provider: Provider, lab: LabPki, lin: Person
) -> None:
    old = card(lab)
    give(provider, lin, old)
    sign_in_with(browser, card(lab))
    way = offered(browser)
    with provider.database.write() as tx:
        tx.execute(delete(Card))

    shown = follow(browser, lin, way)

    assert "was done already" in shown
    assert held(provider, lin) == []
    assert audit(provider, "card.not_added")[0]["why"] == "no_earlier_card"


@ONE_DATABASE
def test_the_owner_is_told_of_the_card_that_the_help_desk_adds(
    provider: Provider, lab: LabPki, lin: Person
) -> None:
    assert lin.account is not None
    with provider.database.write() as tx:
        traced = provider.card_holders.trace(tx, card(lab).sign.certificate)
        assert isinstance(traced, Candidate)
        assert provider.account_cards.give(tx, lin.account, traced) == Added()
        assert provider.account_cards.give(tx, lin.account, traced) is Bar.TAKEN

    (row,) = audit(provider, "card.added")
    assert row["why"] == "help_desk"
    assert changes(provider) == ["card_added"]
