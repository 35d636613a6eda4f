"""What is signed: fixed in form, apart for everything that differs, and nothing else ever."""

import re
from hashlib import sha256

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from cardbridge.card import certificates
from cardbridge.card.certificates import Unfit
from cardbridge.card.module import Mechanism
from cardbridge.card.signing import for_the_card, signed_bytes
from tests.bridge.cards import certificate

FORM = re.compile(rb"twcard-auth-v1\n(?:[0-9a-f]{64}\n){3}")
PART = st.text(max_size=60)


def test_the_bytes_are_these_and_no_others() -> None:
    octets = signed_bytes("https://idp.example", "A" * 43, "login")

    assert octets == (
        b"twcard-auth-v1\n"
        b"512a336b79b57eb3ade003f3f510bcac23fa4b0f0b964d02d92aa005d06b91c6\n"
        b"0f007385b6f9d4b7eeb2748605afe1a984a0a3bfa3f014d09e2a784ce9e5cd1a\n"
        b"428821350e9691491f616b754cd8315fb86d797ab35d843479e732ef90665324\n"
    )


@given(PART, PART, PART)
def test_T59_whatever_is_asked_the_form_is_the_same(origin: str, nonce: str, purpose: str) -> None:
    assert FORM.fullmatch(signed_bytes(origin, nonce, purpose))


@given(st.tuples(PART, PART, PART), st.tuples(PART, PART, PART))
def test_T59_what_differs_is_signed_apart(
    one: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    assert (signed_bytes(*one) == signed_bytes(*other)) == (one == other)


@given(st.text(max_size=30), st.text(max_size=30))
def test_T59_moving_a_border_between_parts_changes_the_bytes(left: str, right: str) -> None:
    moved = signed_bytes(left + right, "", "login")

    assert right == "" or signed_bytes(left, right, "login") != moved


@given(st.binary(max_size=200))
def test_a_card_is_handed_the_bytes_their_digest_info_or_their_hash(octets: bytes) -> None:
    every = frozenset(Mechanism)

    assert for_the_card("RS256", octets, every) == (Mechanism.SHA256_RSA_PKCS, octets)
    assert for_the_card("ES256", octets, every) == (Mechanism.ECDSA, sha256(octets).digest())
    mechanism, info = for_the_card("RS256", octets, frozenset({Mechanism.RSA_PKCS}))
    assert mechanism is Mechanism.RSA_PKCS
    assert info == bytes.fromhex("3031300d060960864801650304020105000420") + sha256(octets).digest()
    assert len(for_the_card("ES384", octets, every)[1]) == 48


@pytest.mark.parametrize("alg", ["RS256", "ES256", "none", ""])
def test_a_card_without_the_mechanism_signs_nothing(alg: str) -> None:
    with pytest.raises(LookupError):
        for_the_card(alg, b"", frozenset())


@given(st.binary(max_size=2000))
def test_T63_any_bytes_are_a_certificate_or_unfit(der: bytes) -> None:
    with pytest.raises(Unfit):
        certificates.read(der)


GOOD = certificate(ec.generate_private_key(ec.SECP256R1()))


@pytest.mark.filterwarnings("ignore:Attribute:UserWarning")
@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_T63_a_certificate_with_one_byte_changed_is_read_or_unfit(place: int, by: int) -> None:
    der = bytearray(GOOD)
    der[place] ^= by

    try:
        read = certificates.read(bytes(der))
    except Unfit:
        return
    assert read.alg in {"ES256", "ES384", "RS256"}
    assert len(read.holder) <= certificates.MOST_SHOWN


@pytest.mark.parametrize("kind", ["moica", "moeaca", "gca", "xca"])
@pytest.mark.parametrize("before", ["", "(測試用) ", "TEST "])
def test_a_kind_is_told_by_its_authority(kind: str, before: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    authority = {
        "moica": "內政部憑證管理中心",
        "moeaca": "工商憑證管理中心",
        "gca": "政府憑證管理中心",
        "xca": "組織及團體憑證管理中心",
    }[kind]

    assert certificates.read(certificate(key, kind=before + authority)).kind == kind


def test_another_authority_is_no_kind() -> None:
    key = ec.generate_private_key(ec.SECP256R1())

    assert certificates.read(certificate(key, kind="健保憑證管理中心")).kind is None


@pytest.mark.parametrize(
    ("purposes", "fits"),
    [
        ([], True),
        ([ExtendedKeyUsageOID.CLIENT_AUTH], True),
        ([ExtendedKeyUsageOID.EMAIL_PROTECTION], False),
        ([ExtendedKeyUsageOID.SERVER_AUTH], False),
    ],
)
def test_a_purpose_that_is_named_must_be_ours(
    purposes: list[x509.ObjectIdentifier], *, fits: bool
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    named = (x509.ExtendedKeyUsage(purposes),) if purposes else ()
    der = certificate(key, extensions=named)

    if fits:
        assert certificates.read(der).kind == "moica"
    else:
        with pytest.raises(Unfit):
            certificates.read(der)


def test_an_rsa_key_of_2048_bits_is_the_least() -> None:
    good = rsa.generate_private_key(65537, 2048)

    assert certificates.read(certificate(good)).alg == "RS256"
    assert len(certificates.public_numbers(good.public_key())) == 256
