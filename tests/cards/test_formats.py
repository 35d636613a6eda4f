"""What a card's signature comes wrapped in: official vectors, and what is not believed."""

import base64
import hashlib
import itertools
import json
import math
from typing import Any

import pytest
from asn1crypto import algos, cms, core
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from idp.authenticators.card import formats
from idp.authenticators.card.formats import Asked, Document, Format, Malformed, hipki
from tests.clock import MovableClock
from tests.labs.web_eid import CHALLENGE, ORIGIN, TOKEN

ASKED = Asked("https://sso.example", "N" * 43, "login")
RSA = rsa.generate_private_key(65537, 2048)
P256, P384 = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP384R1())


def certificate(key: Any) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "王小明")])
    now = MovableClock()()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(4711)
        .not_valid_before(now)
        .not_valid_after(now.replace(year=now.year + 1))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(Encoding.DER)


def raw(key: Any, content: bytes, digest: hashes.HashAlgorithm) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(content, padding.PKCS1v15(), digest)
    r, s = decode_dss_signature(key.sign(content, ec.ECDSA(digest)))
    size = (key.key_size + 7) // 8
    return bytes(r.to_bytes(size, "big") + s.to_bytes(size, "big"))


def twcard(key: Any = RSA, alg: str = "RS256", asked: Asked = ASKED, **changes: Any) -> str:
    def hexed(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()

    content = (
        f"twcard-auth-v1\n{hexed(asked.origin)}\n{hexed(asked.challenge)}\n{hexed(asked.purpose)}\n"
    )
    token = {
        "format": "twcard:1",
        "alg": alg,
        "certificate": base64.b64encode(certificate(key)).decode(),
        "signature": base64.b64encode(raw(key, content.encode(), hashes.SHA256())).decode(),
        "context": {"purpose": asked.purpose},
        "bridge": "cardbridge/0.1 linux",
    }
    return json.dumps(token | changes)


def proves(format_: Format, text: str, asked: Asked = ASKED) -> bool:
    return formats.proves(format_, formats.read(format_, text), asked)


@pytest.mark.parametrize(("key", "alg"), [(RSA, "RS256"), (P256, "ES256")])
def test_what_was_asked_and_signed_is_proven(key: Any, alg: str) -> None:
    assert proves(Format.TWCARD, twcard(key, alg))


@pytest.mark.parametrize(
    "other",
    [
        Asked("https://sso.example.evil", ASKED.challenge, "login"),
        Asked("http://sso.example", ASKED.challenge, "login"),
        Asked(ASKED.origin, "M" * 43, "login"),
        Asked(ASKED.origin, ASKED.challenge, "register"),
    ],
)
def test_T60_a_signature_for_something_else_proves_nothing(other: Asked) -> None:
    assert not proves(Format.TWCARD, twcard(asked=other))


def test_the_purpose_that_a_token_says_counts_for_nothing() -> None:
    signed_to_register = Asked(ASKED.origin, ASKED.challenge, "register")

    assert not proves(Format.TWCARD, twcard(asked=signed_to_register, context={"purpose": "login"}))


@pytest.mark.parametrize("alg", ["RS384", "PS256", "ES256", "HS256", "none", "", "RS", "RS1"])
def test_another_algorithm_than_the_signatures_is_refused(alg: str) -> None:
    assert not proves(Format.TWCARD, twcard(alg=alg))


def test_a_short_key_is_refused() -> None:
    short = rsa.generate_private_key(65537, 1024)  # noqa: S505 - that is the point

    assert not proves(Format.TWCARD, twcard(short))


def with_exponent(exponent: int) -> rsa.RSAPrivateKey:
    """Give a key of the same modulus, of whatever public exponent."""
    known = RSA.private_numbers()
    p, q = known.p, known.q
    d = pow(exponent, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(exponent, p * q)
    parts = (p, q, d, d % (p - 1), d % (q - 1), known.iqmp)
    return rsa.RSAPrivateNumbers(*parts, public).private_key()


def prime_to_our_modulus(bits: int) -> int:
    known = RSA.private_numbers()
    order = (known.p - 1) * (known.q - 1)
    return next(e for e in itertools.count((1 << (bits - 1)) + 1, 2) if math.gcd(e, order) == 1)


@pytest.mark.parametrize(("bits", "is_usual"), [(32, True), (33, False), (2047, False)])
def test_T62_an_exponent_longer_than_any_cards_is_refused(bits: int, *, is_usual: bool) -> None:
    key = with_exponent(prime_to_our_modulus(bits))

    assert proves(Format.TWCARD, twcard(key)) is is_usual


def test_T62_a_modulus_longer_than_any_cards_is_refused() -> None:
    assert not proves(Format.TWCARD, twcard(rsa.generate_private_key(65537, 4104)))


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "twcard:2"},
        {"certificate": ""},
        {"certificate": "AA=A"},
        {"certificate": base64.b64encode(b"x" * 8193).decode()},
        {"signature": "not base64"},
        {"signature": base64.b64encode(b"x" * 1025).decode()},
        {"context": {}},
        {"context": {"purpose": "login", "origin": "https://sso.example"}},
        {"origin": "https://sso.example"},
        {"alg": 1},
        {"bridge": "x" * 101},
    ],
)
def test_what_is_no_token_is_not_read(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        formats.read(Format.TWCARD, twcard(**changes))


def test_a_document_that_is_too_long_is_not_even_parsed() -> None:
    with pytest.raises(Malformed):
        formats.read(Format.TWCARD, twcard(bridge="x" * formats.LONGEST))


@given(st.text(max_size=300), st.sampled_from(list(Format)))
def test_no_text_is_more_than_malformed(text: str, format_: Format) -> None:
    with pytest.raises(Malformed):
        formats.read(format_, text)


def test_the_official_token_of_web_eid_is_proven() -> None:
    assert proves(Format.WEB_EID, TOKEN, Asked(ORIGIN, CHALLENGE, "login"))


@pytest.mark.parametrize(
    ("origin", "challenge"),
    [("https://ria.ee.evil", CHALLENGE), (ORIGIN, CHALLENGE[::-1]), (ORIGIN + "/", CHALLENGE)],
)
def test_the_official_token_proves_nothing_elsewhere(origin: str, challenge: str) -> None:
    assert not proves(Format.WEB_EID, TOKEN, Asked(origin, challenge, "login"))


@pytest.mark.parametrize(
    ("said", "instead"),
    [("ES384", "ES256"), ("ES384", "RS384"), ("ES384", "none"), ("0Ov7", "0Ov8")],
)
def test_the_official_token_with_one_thing_changed_proves_nothing(said: str, instead: str) -> None:
    assert not proves(
        Format.WEB_EID, TOKEN.replace(said, instead), Asked(ORIGIN, CHALLENGE, "login")
    )


def test_the_nonce_for_web_eid_is_as_long_as_its_program_demands() -> None:
    assert len(formats.nonce_for(Format.WEB_EID, "N" * 43)) == 44


def message(key: Any = RSA, **changes: Any) -> str:
    """Make the CMS message of the component; ``changes`` make it wrong in one thing."""
    content = changes.get("content", hipki.text_for(changes.get("asked", ASKED)).encode())
    digest = hashlib.sha256(changes.get("digested", content)).digest()
    attributes = [
        {"type": "content_type", "values": ["data"]},
        {"type": "message_digest", "values": [digest]},
        *changes.get("more", []),
    ]
    signed_attributes = cms.CMSAttributes(attributes)
    der = certificate(key)
    algorithm = "rsassa_pkcs1v15" if isinstance(key, rsa.RSAPrivateKey) else "sha256_ecdsa"
    over = b"\x31" + signed_attributes.dump()[1:]
    signature = (
        raw(key, over, hashes.SHA256())
        if isinstance(key, rsa.RSAPrivateKey)
        else key.sign(over, ec.ECDSA(hashes.SHA256()))
    )
    leaf = asn1_x509.Certificate.load(der)
    signer = {
        "version": "v1",
        "sid": {
            "issuer_and_serial_number": {
                "issuer": leaf.issuer,
                "serial_number": changes.get("serial", leaf.serial_number),
            }
        },
        "digest_algorithm": {"algorithm": changes.get("digest_name", "sha256")},
        "signed_attrs": signed_attributes,
        "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": algorithm}),
        "signature": signature,
    }
    if changes.get("bare"):
        del signer["signed_attrs"]
    data = cms.SignedData(
        {
            "version": "v1",
            "digest_algorithms": [{"algorithm": "sha256"}],
            "encap_content_info": {"content_type": "data", "content": content},
            "certificates": [leaf] * changes.get("copies", 1),
            "signer_infos": [signer] * changes.get("signers", 1),
        }
    )
    made = cms.ContentInfo({"content_type": "signed_data", "content": data})
    return base64.b64encode(made.dump() + changes.get("after", b"")).decode()


@pytest.mark.parametrize("key", [RSA, P256])
def test_a_message_over_our_text_is_proven(key: Any) -> None:
    assert proves(Format.HIPKI, message(key))


@pytest.mark.parametrize(
    "other", [Asked("https://evil.example", ASKED.challenge, "login"), Asked("", "", "")]
)
def test_a_message_over_another_text_proves_nothing(other: Asked) -> None:
    assert not proves(Format.HIPKI, message(asked=other))


@pytest.mark.parametrize(
    "changes",
    [
        {"bare": True},
        {"digested": b"something else"},
        {"signers": 2},
        {"signers": 0},
        {"serial": 4712},
        {"copies": 5},
        {"digest_name": "sha1"},
        {"after": b"\x00"},
        {"more": [{"type": "message_digest", "values": [b"x" * 32]}]},
    ],
)
def test_a_message_of_another_shape_is_not_read(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        formats.read(Format.HIPKI, message(**changes))


def test_the_components_own_attributes_are_let_be() -> None:
    number = {
        "type": "2.16.886.1.100.2.204",
        "values": [core.PrintableString("TP00000000000001")],
    }

    assert proves(Format.HIPKI, message(more=[number]))


def test_without_its_attributes_a_message_of_any_content_would_do() -> None:
    document = formats.read(Format.HIPKI, message())

    assert isinstance(document, Document)
    assert document.attributes.startswith(b"\x31")
