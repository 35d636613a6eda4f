"""Signatures of cards, by the names of RFC 7518, on keys that are long enough.

The algorithm is the document's word; the key decides whether it may be that one.
"""

from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

SHORTEST_RSA, LONGEST_RSA = 2048, 4096  # bits
_LONGEST_EXPONENT = 32  # bits; no card has more than 17, and who verifies pays for each of them
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}
_CURVES = {"ES256": "secp256r1", "ES384": "secp384r1", "ES512": "secp521r1"}


def is_signature(key: Any, algorithm: str, signature: bytes, content: bytes) -> bool:
    """Tell whether ``signature`` is one of ``key`` over ``content``."""
    family, digest = algorithm[:2], _HASHES.get(algorithm[2:])
    if digest is None:
        return False
    try:
        match key:
            case rsa.RSAPublicKey() if family in {"RS", "PS"} and _is_usual(key):
                key.verify(signature, content, _padding(family, digest), digest)
            case ec.EllipticCurvePublicKey() if _CURVES.get(algorithm) == key.curve.name:
                key.verify(_as_der(key, signature), content, ec.ECDSA(digest))
            case _:
                return False
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


def _is_usual(key: rsa.RSAPublicKey) -> bool:
    """Tell whether a key is as cards have them, before anything is computed with it."""
    if not SHORTEST_RSA <= key.key_size <= LONGEST_RSA:
        return False
    return key.public_numbers().e.bit_length() <= _LONGEST_EXPONENT


def _padding(family: str, digest: hashes.HashAlgorithm) -> padding.AsymmetricPadding:
    if family == "RS":
        return padding.PKCS1v15()
    return padding.PSS(padding.MGF1(digest), digest.digest_size)  # RFC 7518 section 3.5


def _as_der(key: ec.EllipticCurvePublicKey, signature: bytes) -> bytes:
    """Turn r and s, one after the other, into the structure that OpenSSL takes."""
    size = (key.key_size + 7) // 8
    if len(signature) != 2 * size:
        raise ValueError("length")
    r, s = (int.from_bytes(half, "big") for half in (signature[:size], signature[size:]))
    return encode_dss_signature(r, s)
