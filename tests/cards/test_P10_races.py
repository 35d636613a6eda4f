"""Of many browsers that register with one card at once, exactly one gets an account (P10, P11)."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from sqlalchemy import func, select

from cardbridge.lab.pki import CardFiles, LabPki
from idp.accounts.tables import AccountRow
from idp.authenticators.card.cards import Card
from idp.clock import system_clock
from idp.config import CardsSection, Config
from idp.provider import Provider
from tests.cards.test_P10_registration import AGENCY, CITIZEN, COMPANY, shown, to_the_check
from tests.clock import MovableClock
from tests.labs.card_holders import made, take
from tests.people import CONFIG, Browser

AT_ONCE = 4
SAME_TAIL = ("A234567893", "A100037893", "B100127893", "C100017893")
pytestmark = [pytest.mark.usefixtures("responder"), pytest.mark.timeout(120)]
Shown = tuple[str, CardFiles, dict[str, str]]


@pytest.fixture
def config() -> Config:
    section = CardsSection(enabled=True, hosts_also=["127.0.0.1"])
    return msgspec.structs.replace(CONFIG, cards=section)


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(system_clock())


@pytest.fixture(autouse=True)
def taken(provider: Provider, lab: LabPki) -> None:
    take(provider, lab, "moica", "moeaca", "gca")


def one_card(lab: LabPki) -> list[Shown]:
    card = made(lab, "moica")
    return [("citizen", card, CITIZEN | {"national_id": number}) for number in SAME_TAIL]


def cards_of_one_number(lab: LabPki) -> list[Shown]:
    return [
        ("citizen", made(lab, "moica"), CITIZEN | {"national_id": number}) for number in SAME_TAIL
    ]


def cards_of_one_company(lab: LabPki) -> list[Shown]:
    ranks = ("primary", "secondary") * 2
    return [("organisation", made(lab, "moeaca", rank=rank), COMPANY) for rank in ranks]


def one_card_of_an_agency(lab: LabPki) -> list[Shown]:
    return [("organisation", made(lab, "gca"), AGENCY)] * AT_ONCE


@pytest.mark.parametrize(
    "hands",
    [
        one_card,
        cards_of_one_number,
        cards_of_one_company,
        one_card_of_an_agency,
    ],
)
def test_of_many_at_once_exactly_one_gets_an_account(
    provider: Provider, lab: LabPki, hands: Callable[[LabPki], list[Shown]]
) -> None:
    browsers = [ready(provider, turn, one) for turn, one in enumerate(hands(lab))]
    barrier = threading.Barrier(AT_ONCE)

    def confirm(browser: Browser) -> int:
        form = browser.hidden()
        barrier.wait(10)
        answered = browser.post("/register-account/check", form)
        return int("/done" in answered.headers.get("Location", ""))

    with ThreadPoolExecutor(AT_ONCE) as threads:
        won = list(threads.map(confirm, browsers))

    assert sum(won) == 1
    assert counted(provider) == (1, 1)
    for browser in (one for one, has_won in zip(browsers, won, strict=True) if not has_won):
        assert "No further account can be opened" in browser.follow().text


def ready(provider: Provider, turn: int, hand: Shown) -> Browser:
    """Go all steps but the last."""
    track, card, typed = hand
    browser = Browser.on(provider)
    browser.client.environ_base["REMOTE_ADDR"] = f"203.0.{turn}.7"
    shown(browser, card, track)
    own = {"username": f"racer{turn}", "email_1": f"racer{turn}@people.example"}
    to_the_check(browser, provider, typed | own)
    return browser


def counted(provider: Provider) -> tuple[int, int]:
    with provider.database.read() as tx:
        accounts = tx.scalar(select(func.count()).select_from(AccountRow.__table__))
        cards = tx.scalar(select(func.count()).select_from(Card.__table__))
    return int(accounts), int(cards)
