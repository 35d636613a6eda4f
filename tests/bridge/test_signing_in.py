"""A sign-in from hello to token, and every other way it can end."""

import threading

from tests.bridge.callers import SITE, Caller, Reply, request, signed, verify
from tests.bridge.cards import PIN, FileCard
from tests.bridge.person import Person
from tests.bridge.running import until


def test_P03_a_card_signs_the_asking_origin_the_nonce_and_the_purpose(caller: Caller) -> None:
    asked = request(purpose="register")

    token = caller.authenticate(asked).json

    assert token["format"] == "twcard:1"
    assert token["context"] == {"purpose": "register"}
    assert token["bridge"].startswith("cardbridge/0.1 ")
    verify(token, signed(SITE, asked))


def test_P03_the_dialog_shows_who_asks_for_what_and_the_number_of_the_page(
    caller: Caller, person: Person
) -> None:
    asked = request(nonce="A" * 43, lang="en")

    caller.authenticate(asked)

    shown = "\n".join(person.was_told())
    assert f"\n{SITE}\nPortico\n" in shown
    assert "asks you to sign in" in shown
    assert "王小明, Citizen Digital Certificate" in shown
    assert "Check number: 7813" in shown


def test_P03_a_wrong_pin_ends_the_operation_after_one_try(
    caller: Caller, person: Person, card: FileCard
) -> None:
    person.answers("000000", "246810")

    reply = caller.authenticate(request())

    assert reply.json == {"error": "pin_incorrect", "tries_left": None, "retry": True}
    assert card.calls().count("login") == 1
    assert person.questions() == ["GETPIN"]


def test_another_window_that_looks_at_the_readers_disturbs_nobody(
    caller: Caller, person: Person
) -> None:
    person.answers(f"slowly {PIN}")
    asked, got = request(), list[Reply]()
    signing = threading.Thread(target=lambda: got.append(caller.authenticate(asked)))
    signing.start()
    until(lambda: "GETPIN" in person.questions())

    looked = caller.status()

    signing.join()
    assert looked.json == {"readers": 1, "card": "present", "module": "ok"}
    verify(got[0].json, signed(SITE, asked))
