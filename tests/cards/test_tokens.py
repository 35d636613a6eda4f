"""Soft cards, looked at through PKCS#11 as a program that uses cards looks at them."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import PyKCS11
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding

from cardbridge.lab import holders
from cardbridge.lab.tokens import PIN, Tokens, find_module
from tests.labs.cards import CardLab, Made, loaded, slot_of

SIGN = bytes.fromhex("5349474e")
KEYX = bytes.fromhex("4b455958")


@pytest.fixture
def module(soft_cards: Tokens) -> Iterator[Any]:
    with loaded(soft_cards) as one:
        yield one


def certificates(session: Any) -> dict[str, tuple[bytes, bytes]]:
    """List label, id and DER of every certificate that a session shows."""
    wanted = [PyKCS11.CKA_LABEL, PyKCS11.CKA_ID, PyKCS11.CKA_VALUE]
    found = session.findObjects([(PyKCS11.CKA_CLASS, PyKCS11.CKO_CERTIFICATE)])
    read = (session.getAttributeValue(one, wanted) for one in found)
    return {label: (bytes(identifier), bytes(value)) for label, identifier, value in read}


def private_keys(session: Any) -> list[bytes]:
    found = session.findObjects([(PyKCS11.CKA_CLASS, PyKCS11.CKO_PRIVATE_KEY)])
    return sorted(bytes(session.getAttributeValue(one, [PyKCS11.CKA_ID])[0]) for one in found)


def key_of(session: Any, identifier: bytes) -> Any:
    wanted = [(PyKCS11.CKA_CLASS, PyKCS11.CKO_PRIVATE_KEY), (PyKCS11.CKA_ID, identifier)]
    [found] = session.findObjects(wanted)
    return found


def test_a_card_shows_the_objects_of_the_real_ones(
    soft_cards: Tokens, made_cards: Made, module: Any
) -> None:
    session = module.openSession(slot_of(module, soft_cards.card("moica-1")))

    shown = certificates(session)

    files = made_cards.files["moica"]
    assert files.encryption is not None
    assert shown == {
        "cert1": (SIGN, files.sign.certificate),
        "cert2": (KEYX, files.encryption.certificate),
        "CACert": (b"CACert", files.chain[0]),
        "ROOTCACert": (b"ROOTCACert", files.chain[1]),
    }


def test_keys_are_seen_after_the_pin_and_never_leave(soft_cards: Tokens, module: Any) -> None:
    session = module.openSession(slot_of(module, soft_cards.card("moeaca-1")))
    before = private_keys(session)

    session.login(PIN)

    assert before == []
    assert private_keys(session) == [KEYX, SIGN]
    secret = [PyKCS11.CKA_PRIVATE_EXPONENT, PyKCS11.CKA_PRIME_1]
    assert session.getAttributeValue(key_of(session, SIGN), secret) == [None, None]


def test_the_four_are_in_the_reader_each_with_its_own_name(soft_cards: Tokens, module: Any) -> None:
    shown = {
        module.getTokenInfo(slot).label.strip() for slot in module.getSlotList(tokenPresent=True)
    }

    assert shown - {""} == {"自然人憑證-1", "工商憑證-1", "組織及團體憑證-1", "政府憑證-1"}
    assert {card.label for card in soft_cards.cards()} == shown - {""}


def test_the_signature_pair_signs_and_the_other_may_not(
    soft_cards: Tokens, made_cards: Made, module: Any
) -> None:
    session = module.openSession(slot_of(module, soft_cards.card("xca-1")))
    session.login(PIN)
    how = PyKCS11.Mechanism(PyKCS11.CKM_SHA256_RSA_PKCS)

    signature = bytes(session.sign(key_of(session, SIGN), b"content", how))

    public = made_cards.files["xca"].sign.x509.public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    public.verify(signature, b"content", padding.PKCS1v15(), hashes.SHA256())
    with pytest.raises(PyKCS11.PyKCS11Error, match="KEY_FUNCTION_NOT_PERMITTED"):
        session.sign(key_of(session, KEYX), b"content", how)


@pytest.mark.parametrize(("kind", "digest"), [("p256", hashes.SHA256()), ("p384", hashes.SHA384())])
def test_elliptic_cards_sign_too(
    card_lab: CardLab, tmp_path: Path, kind: Any, digest: hashes.SHA256 | hashes.SHA384
) -> None:
    files = card_lab.pki.issue("gca", holders.AGENCY, key=kind)
    tokens = Tokens(tmp_path / "tokens")
    card = tokens.add(files)
    hashed = hashes.Hash(digest)
    hashed.update(b"content")

    with loaded(tokens) as module:
        session = module.openSession(slot_of(module, card))
        session.login(PIN)
        how = PyKCS11.Mechanism(PyKCS11.CKM_ECDSA)
        raw = bytes(session.sign(key_of(session, SIGN), hashed.finalize(), how))

    public = files.sign.x509.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    half = len(raw) // 2
    r, s = int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big")
    public.verify(utils.encode_dss_signature(r, s), b"content", ec.ECDSA(digest))
    assert card.key == kind.upper().replace("P", "P-")


def test_a_wrong_pin_is_wrong(soft_cards: Tokens, module: Any) -> None:
    session = module.openSession(slot_of(module, soft_cards.card("gca-1")))

    with pytest.raises(PyKCS11.PyKCS11Error, match="PIN_INCORRECT"):
        session.login("654321")


def test_a_card_may_have_an_encryption_pair_alone(card_lab: CardLab, tmp_path: Path) -> None:
    files = card_lab.pki.issue("moica", holders.CITIZEN, variant="encryption_only")
    tokens = Tokens(tmp_path)
    card = tokens.add(files, pin="87654321")

    with loaded(tokens) as module:
        session = module.openSession(slot_of(module, card))
        session.login("87654321")

        assert private_keys(session) == [KEYX]
        assert set(certificates(session)) == {"cert2", "CACert", "ROOTCACert"}
    assert len(card.serials) == 1


def test_a_card_is_taken_out_and_put_back(soft_cards: Tokens) -> None:
    card = soft_cards.card("moica-1")

    def is_seen() -> bool:
        with loaded(soft_cards) as module:
            slots = module.getSlotList(tokenPresent=True)
            return card.label in {module.getTokenInfo(one).label.strip() for one in slots}

    assert is_seen()
    soft_cards.remove(card.name)
    soft_cards.remove(card.name)
    assert (is_seen(), soft_cards.is_inserted(card.name)) == (False, False)
    soft_cards.insert(card.name)
    soft_cards.insert(card.name)
    assert (is_seen(), soft_cards.is_inserted(card.name)) == (True, True)


def test_a_copied_directory_is_used_where_it_is(soft_cards: Tokens, made_cards: Made) -> None:
    assert str(made_cards.directory) not in soft_cards.configuration.read_text()

    soft_cards.destroy("gca-1")

    assert [card.name for card in Tokens(made_cards.directory).cards()] == [
        "gca-1",
        "moeaca-1",
        "moica-1",
        "xca-1",
    ]
    assert [card.name for card in soft_cards.cards()] == ["moeaca-1", "moica-1", "xca-1"]


def test_a_child_that_was_forked_is_not_logged_in(soft_cards: Tokens) -> None:
    program = f"""
import os, PyKCS11
module = PyKCS11.PyKCS11Lib()
module.load({str(find_module())!r})
session = module.openSession(module.getSlotList(tokenPresent=True)[0])
session.login("{PIN}")
if os.fork() == 0:
    try:
        session.getSessionInfo()
    except PyKCS11.PyKCS11Error as refused:
        os._exit(7 if "CRYPTOKI_NOT_INITIALIZED" in str(refused) else 1)
    os._exit(0)
raise SystemExit(os.waitstatus_to_exitcode(os.wait()[1]))
"""

    done = subprocess.run(
        [sys.executable, "-c", program],
        env=soft_cards.environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 7, done.stderr


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("../moica", ""),
        ("Moica", ""),
        ("-moica", ""),
        ("m" * 65, ""),
        ("moica-9", "一二三四五六七八九十一"),
        ("moica-9", "a\nb"),
    ],
)
def test_names_and_labels_that_cannot_be_are_refused_and_make_nothing(
    soft_cards: Tokens, made_cards: Made, name: str, label: str
) -> None:
    with pytest.raises(ValueError, match=r"cannot be|no label"):
        soft_cards.add(made_cards.files["moica"], name=name, label=label)

    assert len(soft_cards.cards()) == 4


def test_a_name_is_given_once(soft_cards: Tokens, made_cards: Made) -> None:
    with pytest.raises(FileExistsError, match="moica-1"):
        soft_cards.add(made_cards.files["moica"], name="moica-1")
    with pytest.raises(LookupError, match="gca-1, moeaca-1, moica-1, xca-1"):
        soft_cards.card("moica-2")


def test_only_the_owner_gets_at_the_cards(soft_cards: Tokens) -> None:
    folders = [soft_cards.directory / name for name in ("reader", "drawer", "cards")]

    assert {folder.stat().st_mode & 0o777 for folder in folders} == {0o700}


def test_the_files_and_the_copy_stay_one_card(made_cards: Made) -> None:
    for profile, files in made_cards.files.items():
        [card] = [one for one in Tokens(made_cards.directory).cards() if one.profile == profile]
        read = x509.load_der_x509_certificate(files.sign.certificate)
        assert card.serials[0] == read.serial_number
        assert read.public_bytes(Encoding.DER) == files.sign.certificate
