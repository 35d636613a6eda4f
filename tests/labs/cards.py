"""Cards for tests: authorities that answer, and soft cards made once and copied."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import PyKCS11
import pytest

from cardbridge.lab import keys
from cardbridge.lab.holders import DEMO
from cardbridge.lab.pki import CardFiles, LabPki
from cardbridge.lab.register import Status
from cardbridge.lab.responder import Responder
from cardbridge.lab.tokens import Blank, SoftCard, Tokens, find_module
from tests.clock import MovableClock
from tests.labs.reader import outside
from tests.labs.reader.outside import Reader, describe


@dataclass(frozen=True)
class CardLab:
    """Authorities with a responder that runs."""

    pki: LabPki
    responder: Responder


@dataclass(frozen=True)
class Made:
    """The four cards of the demo, as files and as soft cards."""

    directory: Path
    files: dict[str, CardFiles]
    """By profile; the keys are in here, too."""


@pytest.fixture(scope="session")
def card_authorities(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CardLab]:
    """Authorities for the whole run: nothing in them is put back between tests."""
    responder = Responder()
    pki = LabPki.create(
        tmp_path_factory.mktemp("card-authorities"),
        base_url=responder.base_url,
        clock=MovableClock(),
        make_key=keys.Pool(4),
    )
    with responder.serving(pki):
        yield CardLab(pki, responder)


@pytest.fixture(scope="session")
def made_cards(card_authorities: CardLab, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Make the four cards, once: ``moica-1``, ``moeaca-1``, ``xca-1``, ``gca-1``."""
    directory = tmp_path_factory.mktemp("made-cards")
    issue = card_authorities.pki.issue
    files = {profile: issue(profile, holder) for profile, holder in DEMO.items()}
    Tokens(directory).add_all(Blank(one) for one in files.values())
    return Made(directory, files)


@pytest.fixture
def card_lab(card_authorities: CardLab, clock: MovableClock) -> CardLab:
    """The authorities on the clock of the test, with no fault on."""
    card_authorities.responder.reset()
    card_authorities.pki.clock = clock
    return card_authorities


@pytest.fixture
def soft_cards(card_lab: CardLab, made_cards: Made, tmp_path: Path) -> Tokens:
    """The four cards in the reader, the test's own copy; every certificate of theirs holds."""
    shutil.copytree(made_cards.directory, tmp_path / "soft-cards")
    tokens = Tokens(tmp_path / "soft-cards")
    for serial in (serial for card in tokens.cards() for serial in card.serials):
        card_lab.pki.register.change(serial, Status.GOOD, None, card_lab.pki.clock())
    return tokens


@pytest.fixture
def card_reader(made_cards: Made) -> Iterator[Reader]:
    """Two real readers of pcscd: the citizen's card in the first, the agency's beside the second.

    They are PIV cards with the same certificates as the soft cards; OpenSC drives them.
    """
    citizen, agency = made_cards.files["moica"], made_cards.files["gca"]
    with outside.card_reader([describe(citizen), describe(agency, inserted=False)]) as reader:
        yield reader


@contextlib.contextmanager
def loaded(tokens: Tokens) -> Iterator[Any]:
    """Load SoftHSM into this process with these cards, and let it go again."""
    before = os.environ.get("SOFTHSM2_CONF")
    os.environ.update(tokens.environment)
    module = PyKCS11.PyKCS11Lib()
    try:
        module.load(str(find_module()))
        yield module
    finally:
        module.unload()
        if before is None:
            del os.environ["SOFTHSM2_CONF"]
        else:
            os.environ["SOFTHSM2_CONF"] = before


def slot_of(module: Any, card: SoftCard) -> int:
    """Find the slot that a card is in."""
    slots: list[int] = module.getSlotList(tokenPresent=True)
    return next(one for one in slots if module.getTokenInfo(one).label.strip() == card.label)
