"""Write cards into empty SoftHSM tokens; a program that lives for that and ends.

In a process of its own because a PKCS#11 module belongs to the process that loaded it, reads
its configuration from the environment, and survives no fork.

    python -m cardbridge.lab.burning < cards.json
"""

import base64
import json
import os
import sys
from typing import Any

import PyKCS11
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from cardbridge.lab import der
from cardbridge.lab.keys import PrivateKey

_LABEL_OCTETS = 32
_SO_PIN = "87654321"
_CURVES = {"secp256r1": "1.2.840.10045.3.1.7", "secp384r1": "1.3.132.0.34"}
Attributes = list[tuple[int, Any]]


def burn(path: str, card: dict[str, Any]) -> None:
    """Initialise the one empty token of a configuration, and write everything on it.

    Args:
        path: of the PKCS#11 module.
        card: ``configuration`` is a path; ``label`` and ``pin`` are text; ``pairs`` has for
            each pair ``id``, ``label``, ``certificate`` (DER) and ``key`` (PKCS#8 DER);
            ``authorities`` has ``id``, ``label`` and ``certificate``. Octets are base64.
    """
    os.environ["SOFTHSM2_CONF"] = card["configuration"]
    module = PyKCS11.PyKCS11Lib()
    module.load(path)
    _write(module, card)
    # The next card has another configuration, which is read when a module is loaded.
    module.unload()


def _write(module: Any, card: dict[str, Any]) -> None:
    label = card["label"]
    # PyKCS11 pads with NUL, which PKCS#11 does not strip.
    padded = label + " " * (_LABEL_OCTETS - len(label.encode()))
    module.initToken(module.getSlotList(tokenPresent=True)[0], _SO_PIN, padded)
    session = module.openSession(
        _slot(module, label), PyKCS11.CKF_SERIAL_SESSION | PyKCS11.CKF_RW_SESSION
    )
    session.login(_SO_PIN, PyKCS11.CKU_SO)
    session.initPin(card["pin"])
    session.logout()
    session.login(card["pin"])
    for pair in card["pairs"]:
        _write_pair(session, pair)
    for authority in card["authorities"]:
        session.createObject(_certificate(authority))
    session.logout()
    session.closeSession()


def _slot(module: Any, label: str) -> int:
    """Find the token again: initialising moves it to another slot."""
    slots: list[int] = module.getSlotList(tokenPresent=True)
    return next(one for one in slots if module.getTokenInfo(one).label.strip() == label)


def _write_pair(session: Any, pair: dict[str, str]) -> None:
    key = serialization.load_der_private_key(base64.b64decode(pair["key"]), None)
    if not isinstance(key, PrivateKey):
        raise TypeError("a card has RSA and elliptic-curve keys only")
    leaf = x509.load_der_x509_certificate(base64.b64decode(pair["certificate"]))
    usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
    signs = usage.digital_signature or usage.content_commitment
    session.createObject(_certificate(pair))
    for attributes in (_private(key, signs=signs), _public(key, signs=signs)):
        session.createObject([*_common(pair), *attributes])


def _common(one: dict[str, str]) -> Attributes:
    return [
        (PyKCS11.CKA_TOKEN, True),
        (PyKCS11.CKA_ID, bytes.fromhex(one["id"])),
        (PyKCS11.CKA_LABEL, one["label"]),
    ]


def _certificate(one: dict[str, str]) -> Attributes:
    octets = base64.b64decode(one["certificate"])
    read = x509.load_der_x509_certificate(octets)
    return [
        *_common(one),
        (PyKCS11.CKA_CLASS, PyKCS11.CKO_CERTIFICATE),
        (PyKCS11.CKA_CERTIFICATE_TYPE, PyKCS11.CKC_X_509),
        (PyKCS11.CKA_PRIVATE, False),
        (PyKCS11.CKA_SUBJECT, read.subject.public_bytes()),
        (PyKCS11.CKA_ISSUER, read.issuer.public_bytes()),
        (PyKCS11.CKA_SERIAL_NUMBER, der.integer(read.serial_number)),
        (PyKCS11.CKA_VALUE, octets),
    ]


def _private(key: PrivateKey, *, signs: bool) -> Attributes:
    attributes: Attributes = [
        (PyKCS11.CKA_CLASS, PyKCS11.CKO_PRIVATE_KEY),
        (PyKCS11.CKA_PRIVATE, True),
        (PyKCS11.CKA_SENSITIVE, True),
        (PyKCS11.CKA_EXTRACTABLE, False),
        (PyKCS11.CKA_UNWRAP, False),
        (PyKCS11.CKA_SIGN, signs),
    ]
    if isinstance(key, rsa.RSAPrivateKey):
        return [*attributes, (PyKCS11.CKA_DECRYPT, not signs), *_rsa_private(key)]
    return [*attributes, (PyKCS11.CKA_DERIVE, not signs), *_ec_private(key)]


def _rsa_private(key: rsa.RSAPrivateKey) -> Attributes:
    numbers = key.private_numbers()
    return [
        (PyKCS11.CKA_KEY_TYPE, PyKCS11.CKK_RSA),
        (PyKCS11.CKA_MODULUS, _octets(numbers.public_numbers.n)),
        (PyKCS11.CKA_PUBLIC_EXPONENT, _octets(numbers.public_numbers.e)),
        (PyKCS11.CKA_PRIVATE_EXPONENT, _octets(numbers.d)),
        (PyKCS11.CKA_PRIME_1, _octets(numbers.p)),
        (PyKCS11.CKA_PRIME_2, _octets(numbers.q)),
        (PyKCS11.CKA_EXPONENT_1, _octets(numbers.dmp1)),
        (PyKCS11.CKA_EXPONENT_2, _octets(numbers.dmq1)),
        (PyKCS11.CKA_COEFFICIENT, _octets(numbers.iqmp)),
    ]


def _ec_private(key: ec.EllipticCurvePrivateKey) -> Attributes:
    size = (key.key_size + 7) // 8
    return [
        (PyKCS11.CKA_KEY_TYPE, PyKCS11.CKK_EC),
        (PyKCS11.CKA_EC_PARAMS, der.oid(_CURVES[key.curve.name])),
        (PyKCS11.CKA_VALUE, key.private_numbers().private_value.to_bytes(size, "big")),
    ]


def _public(key: PrivateKey, *, signs: bool) -> Attributes:
    attributes: Attributes = [
        (PyKCS11.CKA_CLASS, PyKCS11.CKO_PUBLIC_KEY),
        (PyKCS11.CKA_WRAP, False),
        (PyKCS11.CKA_VERIFY, signs),
    ]
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.public_key().public_numbers()
        return [
            *attributes,
            (PyKCS11.CKA_ENCRYPT, not signs),
            (PyKCS11.CKA_KEY_TYPE, PyKCS11.CKK_RSA),
            (PyKCS11.CKA_MODULUS, _octets(numbers.n)),
            (PyKCS11.CKA_PUBLIC_EXPONENT, _octets(numbers.e)),
        ]
    point = key.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    return [
        *attributes,
        (PyKCS11.CKA_KEY_TYPE, PyKCS11.CKK_EC),
        (PyKCS11.CKA_EC_PARAMS, der.oid(_CURVES[key.curve.name])),
        (PyKCS11.CKA_EC_POINT, der.octets(point)),
    ]


def _octets(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


if __name__ == "__main__":
    everything = json.load(sys.stdin)
    for one in everything["cards"]:
        burn(everything["module"], one)
