"""Every way an operation ends: at the card, at the person, in between."""

import http.client
import json
import os
import threading
import time
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from cardbridge.card.process import CardProcess
from cardbridge.front.gate import Gate
from tests.bridge.callers import SITE, Caller, request, signed, verify
from tests.bridge.cards import PIN, FileCard, certificate
from tests.bridge.person import Person


def ended(caller: Caller, **changes: Any) -> dict[str, Any]:
    """Ask for a sign-in and tell how it ended."""
    answer: dict[str, Any] = caller.authenticate(request(**changes)).json
    return answer


def failure(code: str, tries_left: int | None = None, *, retry: bool = True) -> dict[str, Any]:
    """Write a failure as the page reads it."""
    return {"error": code, "tries_left": tries_left, "retry": retry}


WITHOUT_A_QUESTION = {
    "no library": ({"loads": False}, failure("no_module", retry=False)),
    "no reader": ({"reader": False}, failure("no_reader")),
    "no card": ({"inserted": False}, failure("no_card")),
    "an unknown card": ({"faults": {"token": 0xE1}}, failure("unsupported", retry=False)),
    "a card without certificates": ({"certificates": []}, failure("no_credential", retry=False)),
    "a locked card": ({"flags": {"locked": True}}, failure("pin_locked", 0, retry=False)),
    "a reader that fails": ({"faults": {"slots": 0x05}}, failure("module_error")),
}


@pytest.mark.parametrize(("plan", "outcome"), WITHOUT_A_QUESTION.values(), ids=WITHOUT_A_QUESTION)
def test_P03_what_needs_no_person_is_told_without_a_dialog(
    caller: Caller, card: FileCard, person: Person, plan: dict[str, Any], outcome: dict[str, Any]
) -> None:
    card.put(**plan)

    assert ended(caller) == outcome
    assert person.was_told() == []
    assert "login" not in card.calls()


def test_P03_a_card_of_another_kind_is_told_apart_from_none(caller: Caller) -> None:
    assert ended(caller, kinds=["gca"]) == failure("wrong_card")


def _large() -> x509.UnrecognizedExtension:
    return x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), bytes(9000))


def unfit(key: ec.EllipticCurvePrivateKey) -> dict[str, bytes]:
    """Make certificates that are for something else."""
    rsa1024 = rsa.generate_private_key(65537, 1024)  # noqa: S505  # that is the point
    return {
        "for encryption": certificate(key, usage=("key_encipherment", "data_encipherment")),
        "an authority's": certificate(key, usage=("digital_signature", "key_cert_sign")),
        "of a weak key": certificate(rsa1024),
        "of a strange curve": certificate(ec.generate_private_key(ec.SECP521R1())),
        "garbage": b"\x30\x82\x7f\xff" + b"\0" * 50,
        "with bytes after it": certificate(key) + b"\0",
        "too large": certificate(key, extensions=(_large(),)),
    }


@pytest.mark.parametrize("which", unfit(ec.generate_private_key(ec.SECP256R1())))
def test_a_certificate_that_is_not_for_signatures_is_no_credential(
    caller: Caller, card: FileCard, which: str
) -> None:
    card.put(certificates=[unfit(card.key)[which]])

    assert ended(caller)["error"] == "no_credential"


def test_of_several_certificates_the_one_for_signatures_is_taken(
    caller: Caller, card: FileCard
) -> None:
    good = certificate(card.key)
    card.put(certificates=[*unfit(card.key).values(), good])
    asked = request()

    verify(caller.authenticate(asked).json, signed(SITE, asked))


def test_a_public_key_under_the_id_that_is_another_one_disqualifies(
    caller: Caller, card: FileCard
) -> None:
    card.put(public_keys=["BAAAAAAA"])

    assert ended(caller)["error"] == "no_credential"


def test_a_signature_by_another_key_than_the_certificates_is_not_handed_on(
    caller: Caller, card: FileCard
) -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    card.put(certificates=[certificate(other)])

    assert ended(caller) == failure("no_credential", retry=False)


FROM_THE_PERSON = {
    "no": ("ERR 83886179", failure("cancelled")),
    "no, of another program": ("ERR 99", failure("cancelled")),
    "nothing, in time": ("ERR 83886142", failure("timeout")),
    "five characters": ("12345", failure("pin_length")),
    "nine characters": ("123456789", failure("pin_length")),
    "an empty PIN": ("empty", failure("pin_length")),
    "a window that breaks": ("ERR 1", failure("unsupported", retry=False)),
}


@pytest.mark.parametrize(("answer", "outcome"), FROM_THE_PERSON.values(), ids=FROM_THE_PERSON)
def test_P03_what_the_person_answers_ends_it_before_the_card_counts_a_try(
    caller: Caller, card: FileCard, person: Person, answer: str, outcome: dict[str, Any]
) -> None:
    person.answers(answer)

    assert ended(caller) == outcome
    assert "login" not in card.calls()


FROM_THE_CARD: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "wrong, and no more is said": ({}, failure("pin_incorrect")),
    "wrong, one try left by its flag": (
        {"flags_after_wrong_pin": {"last_try": True}},
        failure("pin_incorrect", 1),
    ),
    "wrong, and locked by that": (
        {"flags_after_wrong_pin": {"locked": True}},
        failure("pin_locked", 0, retry=False),
    ),
    "locked": ({"wrong_pin_ckr": 0xA4}, failure("pin_locked", 0, retry=False)),
    "one try left, in HiCOS's words": (
        {"wrong_pin_ckr": 0x80000001},
        failure("pin_incorrect", 1),
    ),
    "two tries left, in HiCOS's words": (
        {"wrong_pin_ckr": 0x80000002},
        failure("pin_incorrect", 2),
    ),
    "the same as a negative number": (
        {"wrong_pin_ckr": -2147483647},
        failure("pin_incorrect", 1),
    ),
    "a length it does not take": ({"wrong_pin_ckr": 0xA2}, failure("pin_length")),
    "cancelled at the pad": ({"wrong_pin_ckr": 0x50}, failure("cancelled")),
    "pulled": ({"wrong_pin_ckr": 0x32}, failure("card_removed")),
    "gone": ({"wrong_pin_ckr": 0xE0}, failure("card_removed")),
    "session gone": ({"wrong_pin_ckr": 0xB3}, failure("card_removed")),
    "pulled in the middle, in OpenSC's words": (
        {"wrong_pin_ckr": 0x05},
        failure("card_removed"),
    ),
    "an error without meaning": ({"wrong_pin_ckr": 0x06}, failure("module_error")),
}


@pytest.mark.parametrize(("plan", "outcome"), FROM_THE_CARD.values(), ids=FROM_THE_CARD)
def test_P03_what_the_card_says_of_a_pin_is_told_in_one_word(
    caller: Caller,
    card: FileCard,
    person: Person,
    plan: dict[str, Any],
    outcome: dict[str, Any],
) -> None:
    card.put(**plan)
    person.answers("000000", PIN)

    assert ended(caller) == outcome
    assert card.calls().count("login") == 1


@pytest.mark.parametrize(
    ("ckr", "outcome", "logouts"),
    [
        pytest.param(0x32, "card_removed", 0, id="a card that is gone is not waited for"),
        pytest.param(0x05, "card_removed", 0, id="nor one pulled in the middle"),
        pytest.param(0x101, "module_error", 1, id="any other fault logs out all the same"),
    ],
)
def test_a_fault_while_signing(
    caller: Caller, card: FileCard, ckr: int, outcome: str, logouts: int
) -> None:
    card.put(faults={"sign": ckr})

    assert ended(caller) == failure(outcome)
    assert card.calls().count("logout") == logouts


def test_T64_at_the_last_try_the_person_is_asked_once_more(
    caller: Caller, card: FileCard, person: Person
) -> None:
    card.put(flags={"last_try": True})
    person.answers("yes", PIN)

    assert "signature" in ended(caller)
    assert person.questions() == ["CONFIRM", "GETPIN"]
    assert any(line.startswith("SETERROR") for line in person.was_told())


def test_T64_whoever_does_not_spend_the_last_try_keeps_it(
    caller: Caller, card: FileCard, person: Person
) -> None:
    card.put(flags={"last_try": True})
    person.answers("ERR 99", PIN)

    assert ended(caller) == failure("pin_last_try", 1)
    assert "login" not in card.calls()


def test_a_pad_asks_for_the_pin_itself(caller: Caller, card: FileCard, person: Person) -> None:
    card.put(flags={"pin_pad": True})
    person.answers("yes", "wait")
    asked = request()

    token = caller.authenticate(asked).json

    verify(token, signed(SITE, asked))
    assert person.questions() == ["CONFIRM", "MESSAGE"]
    assert not _alive(person.window)


def test_of_two_cards_the_person_chooses(caller: Caller, card: FileCard, person: Person) -> None:
    card.put(
        certificates=[
            certificate(card.key, kind="moica", holder="王小明"),
            certificate(card.key, kind="moeaca", holder="測試公司"),
        ]
    )
    person.answers("ERR 114", "yes", PIN)
    asked = request()

    token = caller.authenticate(asked).json

    verify(token, signed(SITE, asked))
    assert person.questions() == ["CONFIRM", "CONFIRM", "GETPIN"]
    assert any("測試公司" in line for line in person.was_told()[-8:])


STEPS = ["slots", "token", "certificates", "public_keys", "mechanisms", "login", "sign", "logout"]


@pytest.mark.parametrize("step", STEPS)
def test_D14_a_library_that_crashes_at_any_step_ends_one_operation_and_no_more(
    caller: Caller, card: FileCard, step: str
) -> None:
    card.put(crash_at=step)
    began = time.monotonic()
    first = ended(caller)

    card.put(crash_at="")
    again = ended(caller)

    assert first == failure("module_error")
    assert time.monotonic() - began < 10
    assert "signature" in again


@pytest.mark.parametrize("step", ["slots", "certificates", "login", "sign", "close"])
def test_D14_a_card_that_hangs_is_given_up_and_its_process_killed(
    cards: CardProcess, caller: Caller, card: FileCard, step: str
) -> None:
    card.put(hang_at=step)
    began = time.monotonic()
    first = ended(caller)
    taken = time.monotonic() - began

    card.put(hang_at="")
    again = ended(caller)

    assert first == failure("timeout") or step == "close"
    assert taken < 8  # of which two are the deadline
    assert "signature" in again
    assert cards.pid is None


def test_D14_the_worker_killed_between_two_operations_is_started_again(
    cards: CardProcess, caller: Caller
) -> None:
    caller.call("GET", "/v1/status", headers={"X-Cardbridge-Ticket": caller.ticket()})
    first = cards.pid
    os.kill(first or 0, 9)
    _until(lambda: cards.pid is None)

    assert first is not None
    assert "signature" in ended(caller)


def test_D14_the_worker_killed_while_the_dialog_is_open_ends_the_operation(
    cards: CardProcess, caller: Caller, person: Person
) -> None:
    person.answers("wait")
    outcomes: list[dict[str, Any]] = []
    asking = threading.Thread(target=lambda: outcomes.append(ended(caller)))
    asking.start()
    _until(lambda: "GETPIN" in person.questions())
    began = time.monotonic()
    os.kill(cards.pid or 0, 9)
    asking.join(10)

    assert outcomes == [failure("module_error")]
    assert time.monotonic() - began < 5
    assert not _alive(person.window)


def test_D14_a_card_pulled_while_the_dialog_is_open_closes_it(
    caller: Caller, card: FileCard, person: Person
) -> None:
    person.answers("wait")
    outcomes: list[dict[str, Any]] = []
    asking = threading.Thread(target=lambda: outcomes.append(ended(caller)))
    asking.start()
    _until(lambda: "GETPIN" in person.questions())
    began = time.monotonic()

    card.put(inserted=False)
    asking.join(10)

    assert outcomes == [failure("card_removed")]
    assert time.monotonic() - began < 5
    assert not _alive(person.window)


def test_one_operation_at_a_time(caller: Caller, person: Person, card: FileCard) -> None:
    person.answers("wait", PIN)
    outcomes: list[dict[str, Any]] = []
    first = threading.Thread(target=lambda: outcomes.append(ended(caller)))
    first.start()
    _until(lambda: "GETPIN" in person.questions())

    second = caller.authenticate(request())
    cancelled = caller.call("POST", "/v1/cancel", {})
    first.join(10)

    assert (second.status, second.json["error"]) == (409, "busy")
    assert person.questions() == ["GETPIN"]
    assert cancelled.json == {"cancelled": True}
    assert outcomes == [failure("cancelled")]
    assert not _alive(person.window)
    assert "login" not in card.calls()


def test_nothing_to_cancel_is_said(caller: Caller) -> None:
    assert caller.call("POST", "/v1/cancel", {}).json == {"cancelled": False}


def test_a_page_that_leaves_takes_its_dialog_along(
    caller: Caller, person: Person, card: FileCard, cards: CardProcess
) -> None:
    person.answers("wait")
    connection = http.client.HTTPConnection("127.0.0.1", caller.port)
    headers = {
        "Origin": SITE,
        "X-Cardbridge": "1",
        "Content-Type": "application/json",
        "X-Cardbridge-Ticket": caller.ticket(),
    }
    connection.request("POST", "/v1/authenticate", json.dumps(request()), headers)
    _until(lambda: "GETPIN" in person.questions())

    connection.close()

    _until(lambda: not _alive(person.window))
    _until(lambda: cards.pid is None)
    assert "login" not in card.calls()


class TestGate:
    @pytest.fixture
    def gate(self) -> Gate:
        return Gate(3)

    def test_T64_a_site_opens_three_dialogs_a_minute_and_no_more(
        self, caller: Caller, person: Person
    ) -> None:
        person.answers(*["ERR 99"] * 9)

        outcomes = [caller.authenticate(request()) for _ in range(5)]

        assert [reply.json["error"] for reply in outcomes] == ["cancelled"] * 3 + ["too_many"] * 2
        assert [reply.status for reply in outcomes] == [200, 200, 200, 429, 429]
        assert len(person.questions()) == 3

    def test_what_opened_no_dialog_is_not_counted(self, caller: Caller, card: FileCard) -> None:
        card.put(inserted=False)
        missing = [ended(caller)["error"] for _ in range(5)]

        card.put(inserted=True)

        assert missing == ["no_card"] * 5
        assert "signature" in ended(caller)


def _alive(process: int | None) -> bool:
    if process is None:
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def _until(true: Any, seconds: float = 10.0) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it never came to that"
        time.sleep(0.02)
