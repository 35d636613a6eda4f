"""What of a card's presenting is kept, for how long, and how often one may try (T62)."""

from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import func, select

from cardbridge.lab.pki import LabPki
from idp import worker
from idp.authenticators.card.evidence import CardEvidence
from idp.clock import system_clock
from idp.config import CardsSection, Config
from idp.provider import Provider
from idp.signin import closing
from tests.cards.test_P03_sign_in import open_page, page
from tests.clock import MovableClock
from tests.labs.card_holders import card_of, forged, present, take
from tests.people import CONFIG, Browser, Person

pytestmark = pytest.mark.usefixtures("responder")


@pytest.fixture
def config() -> Config:
    section = CardsSection(enabled=True, hosts_also=["127.0.0.1"], deadline_seconds=0.5)
    return msgspec.structs.replace(CONFIG, cards=section)


@pytest.fixture
def clock() -> MovableClock:
    """Stands at this moment: the responder's clock is nobody's to set."""
    return MovableClock(system_clock())


@pytest.fixture(autouse=True)
def taken(provider: Provider, lab: LabPki) -> None:
    take(provider, lab, "moica")


def kept(provider: Provider) -> int:
    with provider.database.read() as tx:
        return int(tx.execute(select(func.count(CardEvidence.id))).scalar_one())


def status(browser: Browser) -> int:
    assert browser.last is not None
    return browser.last.status_code


def test_T62_nothing_is_kept_of_a_certificate_that_no_authority_has_issued(
    browser: Browser, provider: Provider, lab: LabPki, citizen: Person
) -> None:
    good = card_of(provider, lab, citizen)
    open_page(browser)

    present(browser, forged(good))

    assert (status(browser), kept(provider)) == (422, 0)


@pytest.mark.parametrize("variant", ["revoked", "suspended"])
def test_a_card_that_its_authority_has_withdrawn_leaves_a_package(
    browser: Browser, provider: Provider, lab: LabPki, variant: str
) -> None:
    open_page(browser)

    present(browser, card_of(provider, lab, None, variant))

    assert (status(browser), kept(provider)) == (422, 1)
    assert 'id="card-unregistered"' not in page(browser)


def test_evidence_is_kept_for_years_of_accounts_and_for_days_of_nobody(
    browser: Browser, provider: Provider, lab: LabPki, citizen: Person, clock: MovableClock
) -> None:
    for owner in (citizen, None):
        open_page(browser)
        present(browser, card_of(provider, lab, owner, "revoked"))
    assert kept(provider) == 2

    found = []
    for days in (29, 2, 9 * 365, 366):
        clock.advance(timedelta(days=days))
        worker.sweep(provider)
        found.append(kept(provider))

    assert found == [2, 1, 1, 0]


def test_the_evidence_of_an_account_goes_when_it_is_closed(
    browser: Browser, provider: Provider, lab: LabPki, citizen: Person
) -> None:
    for owner in (citizen, None):
        open_page(browser)
        present(browser, card_of(provider, lab, owner, "revoked"))

    assert citizen.account is not None
    with provider.database.write() as tx:
        closing.forget(tx, citizen.account)

    assert kept(provider) == 1


def test_T62_whoever_tries_too_often_waits_and_keeps_nobody_else_out(
    browser: Browser, provider: Provider, lab: LabPki, citizen: Person
) -> None:
    good = card_of(provider, lab, citizen)
    false = forged(good)
    open_page(browser)
    for _ in range(provider.config.throttle.context_failures):
        present(browser, false)
        assert status(browser) == 422

    for card in (false, good):
        present(browser, card)
        assert status(browser) == 429
        assert browser.last is not None
        assert browser.last.headers["Retry-After"] == "60"
        assert "Too many attempts" in page(browser)

    other = Browser.on(provider)
    open_page(other)
    present(other, good)
    assert status(other) == 303


def test_T62_a_network_that_changes_its_browsers_waits_all_the_same(
    provider: Provider, lab: LabPki
) -> None:
    false = forged(card_of(provider, lab, None))

    found = []
    for _ in range(7):
        browser = Browser.on(provider)
        open_page(browser)
        for _ in range(3):
            present(browser, false)
            found.append(status(browser))

    assert found == [422] * provider.config.throttle.prefix_per_minute + [429]
