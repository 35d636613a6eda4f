"""Cards in a real reader of pcscd, driven by OpenSC: tries that count, cards that are pulled.

What is asserted of tries is read from the card itself, not from what a program believes.
"""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bridge.callers import SITE, Caller, request, signed, verify
from tests.bridge.person import Person
from tests.bridge.running import Running, running, until
from tests.cards.test_reader import AUTHENTICATE, GET_DATA, MALICE, VERIFY
from tests.labs.cards import Made
from tests.labs.reader import outside
from tests.labs.reader.outside import ANY, Reader, describe, opensc_module

PIN = "123456"


@pytest.fixture
def bridge(tmp_path: Path, person: Person, card_reader: Reader) -> Iterator[Running]:
    """A bridge with the citizen's card in the first of two readers."""
    with over(tmp_path, person, card_reader) as one:
        yield one


def over(tmp_path: Path, person: Person, reader: Reader) -> Any:
    """Run a bridge over a reader."""
    person.answers(*[PIN] * 9)
    module = {"modules": [str(opensc_module())]}
    return running(tmp_path / "bridge", person, reader.environment, **module)


@pytest.fixture
def page(bridge: Running) -> Caller:
    """A page of the allowed site."""
    return Caller(bridge.port)


def ended(page: Caller, **changes: Any) -> dict[str, Any]:
    """Ask for a sign-in and tell how it ended; a good one is verified."""
    asked = request(**changes)
    answer: dict[str, Any] = page.authenticate(asked).json
    if "signature" in answer:
        verify(answer, signed(SITE, asked))
    return answer


def test_P03_a_card_in_a_reader_signs_and_is_logged_out_of(
    page: Caller, card_reader: Reader
) -> None:
    status = page.call("GET", "/v1/status", headers={"X-Cardbridge-Ticket": page.ticket()}).json

    assert status == {"readers": 2, "card": "present", "module": "ok"}
    assert "signature" in ended(page)
    assert card_reader.status().tries_left == 3
    until(lambda: not card_reader.status().verified)


def test_P03_T64_wrong_pins_down_to_the_lock(
    page: Caller, card_reader: Reader, person: Person
) -> None:
    person.answers("000000", "000000", "ERR 99", "yes", "000000")

    first, second, stopped = ended(page), ended(page), ended(page)
    left = card_reader.status().tries_left
    last, afterwards = ended(page), ended(page)

    assert first == {"error": "pin_incorrect", "tries_left": None, "retry": True}
    assert second == {"error": "pin_incorrect", "tries_left": 1, "retry": True}
    assert stopped == {"error": "pin_last_try", "tries_left": 1, "retry": True}
    assert left == 1
    assert last == {"error": "pin_locked", "tries_left": 0, "retry": False}
    assert afterwards == last
    assert person.questions() == ["GETPIN", "GETPIN", "CONFIRM", "CONFIRM", "GETPIN"]


def test_P03_an_unlocked_card_signs_again(page: Caller, card_reader: Reader) -> None:
    card_reader.set_tries(0)
    locked = ended(page)
    card_reader.unblock()

    assert locked["error"] in {"pin_locked", "pin_incorrect"}
    assert "signature" in ended(page)


def test_T64_a_pin_of_the_wrong_length_costs_no_try(
    page: Caller, card_reader: Reader, person: Person
) -> None:
    person.answers("12", "123456789")

    assert [ended(page)["error"], ended(page)["error"]] == ["pin_length", "pin_length"]
    assert card_reader.status().tries_left == 3


def test_T64_no_try_is_spent_without_a_click(
    page: Caller, card_reader: Reader, person: Person
) -> None:
    person.answers(*["ERR 99"] * 5)

    for _ in range(5):
        assert ended(page)["error"] == "cancelled"

    assert card_reader.status().tries_left == 3
    assert card_reader.status().counts.get(f"{AUTHENTICATE:02x}", 0) == 0


def test_T64_of_two_tabs_one_is_served(page: Caller, card_reader: Reader, person: Person) -> None:
    person.answers("000000", "000000", "000000")
    together = threading.Barrier(4)
    outcomes: list[str] = []

    def ask() -> None:
        ticket = page.ticket()
        together.wait()
        headers = {"X-Cardbridge-Ticket": ticket}
        outcomes.append(page.authenticate(request(), **headers).json["error"])

    tabs = [threading.Thread(target=ask) for _ in range(4)]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join()

    assert sorted(set(outcomes)) == ["busy", "pin_incorrect"]
    asked = len(person.questions())
    assert card_reader.status().tries_left == 3 - asked == 3 - outcomes.count("pin_incorrect")


def test_P03_no_card_and_then_one(page: Caller, card_reader: Reader) -> None:
    card_reader.remove()
    card_reader.wait_until(False)
    without = ended(page)
    card_reader.insert()
    card_reader.wait_until(True)

    assert without["error"] == "no_card"
    assert "signature" in ended(page)


def test_P03_a_reader_service_that_is_not_there_is_no_reader(
    tmp_path: Path, person: Person
) -> None:
    nowhere = {"PCSCLITE_CSOCK_NAME": str(tmp_path / "none")}
    module = {"modules": [str(opensc_module())]}
    with running(tmp_path / "bridge", person, nowhere, **module) as bridge:
        assert ended(Caller(bridge.port))["error"] == "no_reader"


def test_D14_a_card_pulled_before_the_pin_is_typed_closes_the_dialog(
    page: Caller, card_reader: Reader, person: Person
) -> None:
    person.answers("wait")
    outcomes: list[dict[str, Any]] = []
    asking = threading.Thread(target=lambda: outcomes.append(ended(page)))
    asking.start()
    until(lambda: "GETPIN" in person.questions())
    began = time.monotonic()

    card_reader.remove()
    asking.join(20)

    assert [one["error"] for one in outcomes] == ["card_removed"]
    assert time.monotonic() - began < 5
    assert card_reader.status().tries_left == 3


@pytest.mark.parametrize(
    "at",
    [
        pytest.param(AUTHENTICATE, id="while it signs"),
        # OpenSC 0.23 never returns from this one; the reader service says that the card is gone.
        pytest.param(VERIFY, id="while it looks at the PIN"),
    ],
)
def test_D14_a_card_pulled_at_work_is_told_and_the_next_sign_in_works(
    page: Caller, card_reader: Reader, at: int
) -> None:
    card_reader.vanish_on(at)
    began = time.monotonic()
    first = ended(page)
    taken = time.monotonic() - began
    card_reader.wait_until(False)
    card_reader.insert()
    card_reader.wait_until(True)

    assert first["error"] == "card_removed"
    assert taken < 5  # two of them for a machine with other work; the deadline comes after five
    assert "signature" in ended(page)
    assert card_reader.status().tries_left == 3


def test_D14_a_card_that_hangs_is_given_up_in_time(page: Caller, card_reader: Reader) -> None:
    card_reader.hang_on(AUTHENTICATE)
    began = time.monotonic()
    first = ended(page)
    taken = time.monotonic() - began
    card_reader.remove()
    card_reader.behave()
    card_reader.wait_until(False)
    card_reader.insert()
    card_reader.wait_until(True)

    assert first["error"] == "timeout"
    assert taken < 15  # of which five are the deadline
    assert "signature" in ended(page)


def test_a_slow_card_signs_all_the_same(page: Caller, card_reader: Reader) -> None:
    card_reader.delay(AUTHENTICATE, 2)

    assert "signature" in ended(page)


def test_T63_a_card_slower_than_that_ends_in_five_seconds(
    page: Caller, card_reader: Reader
) -> None:
    card_reader.delay(ANY, 3)
    began = time.monotonic()

    assert ended(page)["error"] == "timeout"
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("octets", MALICE.values(), ids=MALICE)
def test_T63_a_malicious_card_ends_its_operation_and_no_more(
    bridge: Running, page: Caller, card_reader: Reader, octets: bytes
) -> None:
    card_reader.instead(GET_DATA, octets)
    began = time.monotonic()
    first = ended(page)
    taken = time.monotonic() - began
    card_reader.behave()

    assert "signature" not in first
    assert taken < 10
    assert "signature" in ended(page)
    assert bridge.process.poll() is None


def test_T63_a_card_with_always_more_to_say_is_cut_off(page: Caller, card_reader: Reader) -> None:
    card_reader.endless_on(GET_DATA)
    began = time.monotonic()

    assert "signature" not in ended(page)
    assert time.monotonic() - began < 10


def test_a_key_that_wants_the_pin_for_each_signature_gets_it(
    tmp_path: Path, made_cards: Made, person: Person
) -> None:
    citizen = describe(made_cards.files["moica"], pin_always=True)
    with outside.card_reader([citizen]) as reader, over(tmp_path, person, reader) as bridge:
        assert "signature" in ended(Caller(bridge.port))
        assert person.questions() == ["GETPIN"]


def test_of_two_cards_in_two_readers_the_kind_asked_for_is_taken(
    page: Caller, card_reader: Reader
) -> None:
    card_reader.insert(1)
    card_reader.wait_until(True, True)

    assert "signature" in ended(page, kinds=["gca"])
    assert card_reader.status(1).counts.get(f"{AUTHENTICATE:02x}") == 1
    assert card_reader.status(0).counts.get(f"{AUTHENTICATE:02x}", 0) == 0
