"""The virtual card, used through pcscd and OpenSC as a program uses a real one.

Every use is a process of its own with a deadline: OpenSC waits for ever on a card that was
pulled at the wrong moment, and holds the interpreter while it does.
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

from cardbridge.lab import holders
from tests.labs.cards import CardLab, Made
from tests.labs.reader import outside
from tests.labs.reader.outside import Reader, describe, opensc_module

VERIFY, AUTHENTICATE, GET_DATA = 0x20, 0x87, 0xCB

USE = """
import json, sys, time
import PyKCS11 as P

wish = json.loads(sys.argv[1])
module = P.PyKCS11Lib()
module.load(wish["module"])
told = {"slots": len(module.getSlotList()), "present": len(module.getSlotList(True))}


def use(pin):
    slot = module.getSlotList(True)[wish.get("reader", 0)]
    told["label"] = module.getTokenInfo(slot).label.strip()
    session = module.openSession(slot)
    try:
        session.login(pin)
        [key] = session.findObjects([(P.CKA_CLASS, P.CKO_PRIVATE_KEY), (P.CKA_ID, (wish["id"],))])
        how = P.Mechanism(getattr(P, wish["mechanism"]))
        if wish.get("always"):
            session.lib.C_SignInit(session.session, how.to_native(), key)
            session.login(pin, P.CKU_CONTEXT_SPECIFIC)
            room = P.ckbytelist([0] * 256)
            session.lib.C_Sign(session.session, P.ckbytelist(b"content"), room)
            told["signature"] = bytes(room).hex()
        else:
            content = bytes.fromhex(wish["content"])
            told["signature"] = bytes(session.sign(key, content, how)).hex()
    finally:
        module.closeAllSessions(slot)


errors = []
for pin in wish.get("pins", []):
    try:
        use(pin)
        errors.append(None)
    except P.PyKCS11Error as refused:
        errors.append(str(refused).split(" (")[0])
    present = module.getSlotList(True)
    flags = module.getTokenInfo(present[0]).flags if present else 0
    told.setdefault("final_try", []).append(bool(flags & P.CKF_USER_PIN_FINAL_TRY))
told["errors"] = errors
print(json.dumps(told))
"""


@dataclass(frozen=True)
class Told:
    """What a program saw."""

    slots: int
    present: int
    errors: list[str | None]
    final_try: list[bool]
    label: str = ""
    signature: bytes = b""


def use(reader: Reader, *pins: str, deadline: float = 30, **wish: Any) -> Told:
    """Use the card once for each PIN, in a process of its own."""
    wanted = {
        "module": str(opensc_module()),
        "pins": pins,
        "id": 1,
        "mechanism": "CKM_SHA256_RSA_PKCS",
        "content": b"content".hex(),
    }
    done = subprocess.run(
        [sys.executable, "-c", USE, json.dumps(wanted | wish)],
        env=os.environ | reader.environment,
        capture_output=True,
        text=True,
        timeout=deadline,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    return Told(
        told["slots"],
        told["present"],
        told["errors"],
        told.get("final_try", []),
        told.get("label", ""),
        bytes.fromhex(told.get("signature", "")),
    )


def test_the_card_signs_with_the_key_of_its_certificate(
    card_reader: Reader, made_cards: Made
) -> None:
    told = use(card_reader, "123456")

    public = made_cards.files["moica"].sign.x509.public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    public.verify(told.signature, b"content", padding.PKCS1v15(), hashes.SHA256())
    assert (told.label, told.errors) == ("林美玲", [None])
    assert card_reader.status().counts["87"] == 1


def test_there_are_two_readers_and_one_card(card_reader: Reader) -> None:
    told = use(card_reader)

    assert (told.slots, told.present) == (2, 1)
    assert card_reader.seen() == [True, False]


@pytest.mark.parametrize("kind", ["p256", "p384"])
def test_an_elliptic_card_signs_too(card_lab: CardLab, kind: Any) -> None:
    files = card_lab.pki.issue("gca", holders.AGENCY, key=kind)
    digest = hashes.SHA256() if kind == "p256" else hashes.SHA384()
    hashing = hashes.Hash(digest)
    hashing.update(b"content")
    hashed = hashing.finalize()

    with outside.card_reader([describe(files)]) as reader:
        told = use(reader, "123456", mechanism="CKM_ECDSA", content=hashed.hex())

    public = files.sign.x509.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    half = len(told.signature) // 2
    pair = (
        int.from_bytes(told.signature[:half], "big"),
        int.from_bytes(told.signature[half:], "big"),
    )
    public.verify(utils.encode_dss_signature(*pair), hashed, ec.ECDSA(utils.Prehashed(digest)))


def test_wrong_pins_use_up_the_tries_and_the_last_one_locks(card_reader: Reader) -> None:
    wrong = use(card_reader, "000000", "000000")
    left = card_reader.status().tries_left
    last = use(card_reader, "000000", "123456")

    assert wrong.errors == ["CKR_PIN_INCORRECT", "CKR_PIN_INCORRECT"]
    assert wrong.final_try == [False, True]
    assert left == 1
    assert last.errors == ["CKR_PIN_INCORRECT", "CKR_PIN_LOCKED"]
    assert card_reader.status().tries_left == 0
    assert card_reader.unblock().tries_left == 3
    assert use(card_reader, "123456").errors == [None]


def test_a_right_pin_gives_the_tries_back(card_reader: Reader) -> None:
    assert card_reader.set_tries(1).tries_left == 1

    assert use(card_reader, "123456").errors == [None]

    assert card_reader.status().tries_left == 3


def test_looking_at_a_card_costs_no_try_and_no_pin(card_reader: Reader) -> None:
    use(card_reader)

    assert "87" not in card_reader.status().counts
    assert card_reader.status().tries_left == 3


def test_a_key_may_want_the_pin_before_every_signature(made_cards: Made) -> None:
    with outside.card_reader([describe(made_cards.files["moica"], pin_always=True)]) as reader:
        plain = use(reader, "123456", id=2)
        asked = use(reader, "123456", id=2, always=True)

    assert plain.errors == ["CKR_USER_NOT_LOGGED_IN"]
    assert asked.errors == [None]
    public = made_cards.files["moica"].sign.x509.public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    public.verify(asked.signature, b"content", padding.PKCS1v15(), hashes.SHA256())


def test_a_card_is_pulled_and_put_back(card_reader: Reader) -> None:
    assert not card_reader.remove().inserted
    card_reader.wait_until(False, False)
    gone = use(card_reader)
    card_reader.insert()
    card_reader.insert(1)
    card_reader.wait_until(True, True)

    assert (gone.slots, gone.present) == (2, 0)
    assert use(card_reader).present == 2
    assert use(card_reader, "123456").errors == [None]


def test_a_card_pulled_while_it_signs_signs_nothing_and_works_afterwards(
    card_reader: Reader,
) -> None:
    card_reader.vanish_on(AUTHENTICATE)

    try:
        told = use(card_reader, "123456", deadline=5)
        outcome = told.errors
    except subprocess.TimeoutExpired:
        outcome = ["hung"]

    assert outcome != [None]
    assert not card_reader.status().inserted
    card_reader.wait_until(False)
    card_reader.insert()
    card_reader.wait_until(True)
    assert use(card_reader, "123456").errors == [None]


def test_a_slow_card_takes_its_time(card_reader: Reader) -> None:
    card_reader.delay(AUTHENTICATE, 1.5)
    began = time.monotonic()

    told = use(card_reader, "123456")

    assert time.monotonic() - began >= 1.5
    assert told.errors == [None]


def test_a_card_that_hangs_hangs_its_program_alone(card_reader: Reader) -> None:
    card_reader.hang_on(AUTHENTICATE)

    with pytest.raises(subprocess.TimeoutExpired):
        use(card_reader, "123456", deadline=3)

    card_reader.remove()
    card_reader.behave()
    card_reader.wait_until(False)
    card_reader.insert()
    card_reader.wait_until(True)
    assert use(card_reader, "123456").errors == [None]


MALICE = {
    "a length of four gigabytes": bytes.fromhex("5384ffffffff") + b"\x90\x00",
    "a length without an end": bytes.fromhex("5380") + b"\0" * 200 + b"\x90\x00",
    "a length longer than what follows": bytes.fromhex("53820fff7082") + b"\x90\x00",
    "a length of nothing": bytes.fromhex("5300") + b"\x90\x00",
    "no length at all": bytes.fromhex("53") + b"\x90\x00",
    "nothing": b"\x90\x00",
    "one octet": b"\x90",
    "a status nobody knows": b"\x12\x34",
    "a certificate that is none": bytes.fromhex("53057003ff0102") + b"\x90\x00",
    "a certificate said to be packed": bytes.fromhex("530870038b1f08710101") + b"\x90\x00",
}


@pytest.mark.parametrize("octets", MALICE.values(), ids=MALICE)
def test_T63_the_card_can_say_what_no_card_should_and_be_good_again(
    card_reader: Reader, octets: bytes
) -> None:
    card_reader.instead(GET_DATA, octets)

    try:
        outcome = use(card_reader, "123456", deadline=10).errors
    except (subprocess.TimeoutExpired, AssertionError):
        outcome = ["died"]

    assert outcome != [None]
    card_reader.behave()
    assert use(card_reader, "123456").errors == [None]


def test_T63_the_card_can_have_more_and_more_to_say(card_reader: Reader) -> None:
    card_reader.endless_on(GET_DATA)

    try:
        outcome = use(card_reader, "123456", deadline=10).errors
    except (subprocess.TimeoutExpired, AssertionError):
        outcome = ["died"]

    assert outcome != [None]
    assert card_reader.status().counts.get("87", 0) == 0


def test_another_certificate_can_be_put_on_the_card(card_reader: Reader) -> None:
    card_reader.replace_object(0x5FC105, b"\x70\x03\x01\x02\x03\x71\x01\x00\xfe\x00")

    assert use(card_reader).label != "林美玲"


def test_an_order_that_does_not_exist_is_refused(card_reader: Reader) -> None:
    with pytest.raises(LookupError, match="dance"):
        card_reader.tell("dance")


def test_nothing_of_a_reader_is_left_over(made_cards: Made) -> None:
    with outside.card_reader([describe(made_cards.files["gca"])]) as reader:
        folder = reader.folder
        assert folder.exists()

    assert not folder.exists()


def test_a_reader_ends_with_a_test_that_was_killed(made_cards: Made) -> None:
    program = """
import json, sys, time
from tests.labs.reader import outside

with outside.card_reader([json.loads(sys.argv[1])]) as reader:
    print(reader.folder, flush=True)
    time.sleep(60)
"""
    card = json.dumps(describe(made_cards.files["gca"]))
    testing = subprocess.Popen(
        [sys.executable, "-c", program, card], cwd=outside.HOUSE, stdout=subprocess.PIPE, text=True
    )
    assert testing.stdout
    folder = Path(testing.stdout.readline().strip())
    pcscd = folder / "pcscd.comm"
    before = _answers(pcscd)

    testing.kill()
    testing.communicate()

    end = time.monotonic() + 10
    while _answers(pcscd) and time.monotonic() < end:
        time.sleep(0.05)
    assert (before, _answers(pcscd)) == (True, False)
    shutil.rmtree(folder)


def _answers(place: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as wire, contextlib.suppress(OSError):
        wire.connect(str(place))
        return True
    return False


def test_two_readers_at_once_know_nothing_of_each_other(
    card_reader: Reader, made_cards: Made
) -> None:
    company = describe(made_cards.files["xca"], inserted=False)
    with outside.card_reader([company]) as other:
        card_reader.remove()
        card_reader.wait_until(False)
        other.insert()
        other.wait_until(True)

        assert (card_reader.seen()[0], other.seen()[0]) == (False, True)
