"""From the press to the page of somebody who is signed in: two seconds, and the PIN.

The whole way is real: browser, bridge, soft card, responder, provider. The PIN is typed at once.
"""

import time
from pathlib import Path
from typing import Any

import pytest

from cardbridge.lab.tokens import PIN, Tokens
from idp import assembly
from idp.authenticators.card import cards
from idp.authenticators.card.candidate import Candidate
from idp.config import Config
from idp.database.transaction import Database
from idp.provider import Provider
from idp.secret import Keychain
from tests.bridge.cards import FileCard
from tests.bridge.running import SOFTHSM, running
from tests.cards.desk.conftest import SIGNED_IN, Desk
from tests.labs.card_holders import take
from tests.labs.cards import CardLab, Made
from tests.people import Person

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PROMISED = 2.0
ROUNDS = 8
"""Other work on the machine makes some rounds slow; what is asked is whether it can be done."""


@pytest.fixture
def provider(config: Config, database: Database, keys: Keychain, card_lab: CardLab) -> Provider:
    portico = assembly.assemble(config, database, keys)
    take(portico, card_lab.pki, "moica")
    return portico


@pytest.fixture
def file_card(provider: Provider, made_cards: Made, citizen: Person, tmp_path: Path) -> FileCard:
    """The citizen's card, of which the desk has a file; the bridge uses the soft one."""
    assert citizen.account is not None
    with provider.database.write() as tx:
        traced = provider.card_holders.trace(tx, made_cards.files["moica"].sign.certificate)
        assert isinstance(traced, Candidate), traced
        assert cards.add(tx, citizen.account.id, traced, provider.entropy)
    return FileCard(tmp_path / "card")


def test_P03_a_soft_card_signs_in_within_two_seconds_and_the_pin(
    desk: Desk, soft_cards: Tokens, tmp_path: Path, record_property: Any
) -> None:
    desk.person.answers(*[PIN] * ROUNDS)
    desk.grant()
    taken: list[float] = []
    module: Any = {"modules": [SOFTHSM], "port": desk.port, "site": desk.site}
    with running(tmp_path / "bridge", desk.person, soft_cards.environment, **module):
        while len(taken) < ROUNDS and min(taken, default=PROMISED) >= PROMISED:
            desk.context.clear_cookies()
            desk.open()
            desk.state("ready")
            began = time.monotonic()
            desk.press()
            desk.page.wait_for_url(SIGNED_IN)
            taken.append(time.monotonic() - began)

    record_property("seconds", taken)
    assert min(taken) < PROMISED, taken
