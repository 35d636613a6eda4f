"""A bridge that listens, a card that is a file, a pinentry without a window."""

import contextlib
import os
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cardbridge.card.process import CardProcess
from cardbridge.config import Config
from cardbridge.dialog.dialogs import Dialogs
from cardbridge.dialog.programs import Program
from cardbridge.front.bridge import Bridge
from cardbridge.front.gate import Gate
from cardbridge.front.listening import Listener, listen
from cardbridge.front.sites import Sites
from tests.bridge.callers import SITE, Caller
from tests.bridge.cards import FileCard
from tests.bridge.person import Person
from tests.labs.ports import free_port


@pytest.fixture
def card(tmp_path: Path) -> FileCard:
    """A good card."""
    return FileCard(tmp_path / "card")


@pytest.fixture
def person(tmp_path: Path) -> Person:
    """Who sits before the dialogs; types the right PIN unless told otherwise."""
    return Person(tmp_path / "person")


@pytest.fixture
def cards(card: FileCard) -> Iterator[CardProcess]:
    """The front's side of a real worker process around the card."""
    process = CardProcess(2.0, card.worker)
    yield process
    process.end()


@pytest.fixture
def gate() -> Gate:
    """More dialogs than any test opens."""
    return Gate(100)


@pytest.fixture
def caller(cards: CardProcess, person: Person, gate: Gate) -> Iterator[Caller]:
    """A page of the allowed site, before a bridge that listens."""
    with listening(cards, person, gate) as port:
        yield Caller(port)


@contextlib.contextmanager
def listening(
    cards: CardProcess, person: Person, gate: Gate, site: str = SITE, *, port: int | None = None
) -> Iterator[int]:
    """Run a bridge on a free port, for one site."""
    port, sockets = listen([port or free_port()])
    dialogs = Dialogs(
        lambda: Program((sys.executable, "-I", "-S", *person.argv)), dict(os.environ), 20
    )
    config = Config(sites={site: "Portico"})
    bridge = Bridge(
        port=port,
        sites=Sites(config, (), lambda: config),
        modules=lambda: (Path("/the/card"),),
        cards=cards,
        dialogs=dialogs,
        gate=gate,
    )
    listener = Listener(sockets, bridge.serve)
    thread = threading.Thread(target=listener.run)
    thread.start()
    try:
        yield port
    finally:
        bridge.close()
        listener.stop()
        thread.join()


@pytest.fixture
def raw(caller: Caller) -> Iterator[socket.socket]:
    """A bare connection to the bridge."""
    with socket.create_connection(("127.0.0.1", caller.port), timeout=15) as connection:
        yield connection
