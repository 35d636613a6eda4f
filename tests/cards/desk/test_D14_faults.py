"""D14: the bridge killed and the card pulled at each step of a sign-in, as the page sees it.

The bridge is a process of its own and the card is in a reader of pcscd. What is promised is a
clear message within three seconds, no session, and no PIN try that nobody typed a PIN for.
"""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cardbridge.lab.pki import LabPki
from tests.bridge.cards import FileCard
from tests.bridge.running import Running, running, until
from tests.cards.desk.conftest import Desk
from tests.cards.test_reader import AUTHENTICATE, VERIFY
from tests.labs.cards import CardLab
from tests.labs.reader.outside import PIN, Reader, opensc_module

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PROMISED = 3.0
OVERLOAD = 12.0
"""Seconds beside what is promised: so long may a machine with other work take to draw a page."""


@pytest.fixture
def lab(card_lab: CardLab) -> LabPki:
    """The authorities whose cards were made once for all tests."""
    return card_lab.pki


@pytest.fixture
def file_card(made_card: FileCard) -> FileCard:
    """The citizen's card, of which the desk has a file; the reader has the real one."""
    return made_card


@dataclass
class Scene:
    """A desk with a real reader, and a bridge that can be killed."""

    desk: Desk
    reader: Reader
    bridge: Running

    def kill(self) -> None:
        self.bridge.process.kill()
        self.bridge.process.wait()

    def pull(self) -> None:
        self.reader.remove()

    def wait_for_dialog(self) -> None:
        until(lambda: "GETPIN" in self.desk.person.questions())

    def says(self, code: str, since: float) -> None:
        """Expect the word, on the page, in the time promised."""
        self.desk.state(code)
        taken = time.monotonic() - since
        assert taken < PROMISED + OVERLOAD, f"{code} after {taken:.1f} s"

    def nothing_happened(self) -> None:
        assert self.desk.sessions() == 0
        self.reader.behave()
        assert self.reader.status().tries_left == 3


@pytest.fixture
def scene(desk: Desk, card_reader: Reader, tmp_path: Path) -> Iterator[Scene]:
    """The page is open and the card is ready."""
    desk.person.answers(PIN, PIN, PIN)
    module: Any = {"modules": [str(opensc_module())], "port": desk.port, "site": desk.site}
    desk.grant()
    with running(tmp_path / "bridge", desk.person, card_reader.environment, **module) as bridge:
        desk.open()
        desk.state("ready")
        yield Scene(desk, card_reader, bridge)


def test_D14_what_the_page_waits_for_adds_up_to_less_than_three_seconds(desk: Desk) -> None:
    """Whoever is dead refuses at once; what is left is the time between two looks."""
    desk.open()
    script = "document.querySelector('script[src*=portico]').src"
    text = desk.page.evaluate(f"() => fetch({script}).then((answer) => answer.text())")
    seconds = {
        name: int(milliseconds) / 1000
        for name, milliseconds in re.findall(r"\bvar ([A-Z]+) = (\d+);", text)
    }

    assert seconds["POLL"] + 1 <= PROMISED
    assert seconds["SILENCE"] <= PROMISED


def test_D14_the_bridge_killed_while_the_page_waits(scene: Scene) -> None:
    since = time.monotonic()
    scene.kill()
    scene.says("not_running", since)
    scene.nothing_happened()


def test_D14_the_bridge_killed_before_the_press(scene: Scene) -> None:
    scene.kill()
    since = time.monotonic()
    scene.desk.page.evaluate("() => document.getElementById('card-submit').click()")
    scene.desk.page.wait_for_function(
        "() => document.querySelector('[data-state=not_running]:not([hidden]),"
        "[data-state=bridge_lost]:not([hidden])')"
    )
    assert time.monotonic() - since < PROMISED + OVERLOAD
    scene.nothing_happened()


def test_D14_the_bridge_killed_while_the_pin_is_asked_for(scene: Scene) -> None:
    scene.desk.person.answers("wait")
    scene.desk.press()
    scene.wait_for_dialog()
    since = time.monotonic()
    scene.kill()
    scene.says("bridge_lost", since)
    scene.nothing_happened()


def test_D14_the_bridge_killed_while_the_card_signs(scene: Scene) -> None:
    scene.reader.delay(AUTHENTICATE, 2)
    scene.desk.press()
    until(lambda: scene.reader.status().verified)
    since = time.monotonic()
    scene.kill()
    scene.says("bridge_lost", since)
    scene.nothing_happened()


def test_D14_the_bridge_killed_behind_its_window(scene: Scene) -> None:
    scene.desk.deny()
    scene.desk.person.answers("wait")
    scene.desk.state("blocked")
    scene.desk.page.click("#card-popup")
    scene.wait_for_dialog()
    since = time.monotonic()
    scene.kill()
    scene.says("bridge_lost", since)
    scene.nothing_happened()


def test_D14_a_bridge_that_comes_back_signs_in_on_the_same_page(
    scene: Scene, tmp_path: Path
) -> None:
    desk = scene.desk
    desk.person.answers("wait")
    desk.press()
    scene.wait_for_dialog()
    scene.kill()
    desk.state("bridge_lost")
    desk.person.answers(PIN)
    module: Any = {"modules": [str(opensc_module())], "port": desk.port, "site": desk.site}
    with running(tmp_path / "again", desk.person, scene.reader.environment, **module):
        desk.state("ready")
        desk.press()
        desk.signed_in()


def pulled_while_it_works(instruction: int) -> Callable[[Scene], None]:
    """Have the card vanish in the middle of an instruction."""

    def pull(scene: Scene) -> None:
        scene.reader.vanish_on(instruction)
        scene.desk.press()
        until(lambda: not scene.reader.status().inserted)

    return pull


def pulled_before_the_pin(scene: Scene) -> None:
    scene.desk.person.answers("wait")
    scene.desk.press()
    scene.wait_for_dialog()
    scene.pull()


PULLS = {
    "while the PIN is asked for": pulled_before_the_pin,
    "while the PIN is looked at": pulled_while_it_works(VERIFY),
    "while it signs": pulled_while_it_works(AUTHENTICATE),
}


def test_D14_a_card_pulled_while_the_page_waits(scene: Scene) -> None:
    since = time.monotonic()
    scene.pull()
    scene.says("no_card", since)
    scene.nothing_happened()


@pytest.mark.parametrize("pull", PULLS.values(), ids=PULLS)
def test_D14_a_card_pulled_at_work_is_told_and_signs_in_when_it_is_back(
    scene: Scene, pull: Callable[[Scene], None]
) -> None:
    pull(scene)
    scene.says("card_removed", time.monotonic())
    scene.nothing_happened()

    scene.desk.person.answers(PIN)
    scene.reader.wait_until(False)
    scene.reader.insert()
    scene.desk.state("ready")
    scene.desk.press()
    scene.desk.signed_in()


def test_D14_wrong_pins_cost_the_tries_that_were_typed_and_no_other(scene: Scene) -> None:
    scene.desk.person.answers("000000", "ERR 99", "000000", "ERR 99")
    scene.desk.press()
    scene.desk.state("pin_incorrect")
    scene.desk.press()
    scene.desk.state("cancelled")
    assert scene.reader.status().tries_left == 2
    scene.desk.press()
    scene.desk.state("pin_incorrect_last")
    scene.desk.press()
    scene.desk.state("pin_last_try")

    assert scene.reader.status().tries_left == 1
    assert scene.desk.sessions() == 0
