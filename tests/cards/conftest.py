"""Fixtures of the card tests: authorities that answer on loopback, made once a module."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from cardbridge.lab.pki import LabPki
from cardbridge.lab.responder import Responder
from idp.authenticators.card import authority
from idp.authenticators.card.authority import Authority
from idp.clock import system_clock


@pytest.fixture(scope="module")
def now() -> datetime:
    return system_clock().astimezone(UTC)


@pytest.fixture(scope="module")
def answering(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LabPki, Responder]]:
    """A responder and the authorities it answers for."""
    responder = Responder()
    pki = LabPki.create(tmp_path_factory.mktemp("pki"), base_url=responder.base_url)
    with responder.serving(pki):
        yield pki, responder


@pytest.fixture(scope="module")
def lab(answering: tuple[LabPki, Responder]) -> LabPki:
    return answering[0]


@pytest.fixture
def responder(answering: tuple[LabPki, Responder]) -> Iterator[Responder]:
    """The responder; its faults are mended after the test."""
    yield answering[1]
    answering[1].faults.clear()
    answering[1].instead.clear()


@pytest.fixture(scope="module")
def moica(lab: LabPki) -> Authority:
    return authority.read(lab.issuers["moica"], "moica")
