"""A sign-in from hello to token, and every other way it can end."""

from tests.bridge.callers import SITE, Caller, request, signed, verify
from tests.bridge.cards import FileCard
from tests.bridge.person import Person


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
