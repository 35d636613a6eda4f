"""The bytes that are signed, and the three ways to have a card sign them.

The bytes say what they are for and name the asking origin and the server's nonce. They are
made here and nowhere else, and nothing in the bridge signs any others: a card has one key for
signatures, the one that also signs contracts.
"""

from hashlib import sha256, sha384

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from cardbridge.card.module import Mechanism

DOMAIN = "twcard-auth-v1"
# DigestInfo of SHA-256 up to the hash itself, RFC 8017 section 9.2 note 1.
_SHA256_DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")


def signed_bytes(origin: str, nonce: str, purpose: str) -> bytes:
    """Build what is signed: four lines, the last three hashes in hexadecimal.

    Hashing each part first keeps them apart whatever they contain.
    """
    hashed = (sha256(part.encode()).hexdigest() for part in (origin, nonce, purpose))
    return "".join(f"{line}\n" for line in (DOMAIN, *hashed)).encode()


def for_the_card(alg: str, octets: bytes, known: frozenset[Mechanism]) -> tuple[Mechanism, bytes]:
    """Choose a mechanism that the card knows, and what to hand it.

    Raises:
        LookupError: if it knows none that fits.
    """
    if alg == "RS256" and Mechanism.SHA256_RSA_PKCS in known:
        return Mechanism.SHA256_RSA_PKCS, octets
    if alg == "RS256" and Mechanism.RSA_PKCS in known:
        return Mechanism.RSA_PKCS, _SHA256_DIGEST_INFO + sha256(octets).digest()
    if alg in {"ES256", "ES384"} and Mechanism.ECDSA in known:
        return Mechanism.ECDSA, (sha256 if alg == "ES256" else sha384)(octets).digest()
    raise LookupError(f"the card has no mechanism for {alg}")


def verifies(
    key: RSAPublicKey | EllipticCurvePublicKey, alg: str, signature: bytes, octets: bytes
) -> bool:
    """Tell whether a card's signature is one of the certificate's key over the bytes."""
    try:
        if isinstance(key, RSAPublicKey):
            key.verify(signature, octets, PKCS1v15(), hashes.SHA256())
        else:
            hashed = hashes.SHA256() if alg == "ES256" else hashes.SHA384()
            key.verify(_as_der(key, signature), octets, ECDSA(hashed))
    except (InvalidSignature, ValueError):
        return False
    return True


def _as_der(key: EllipticCurvePublicKey, signature: bytes) -> bytes:
    size = (key.curve.key_size + 7) // 8
    if len(signature) != 2 * size:
        raise ValueError("r and s have the size of the curve")
    r, s = (int.from_bytes(part, "big") for part in (signature[:size], signature[size:]))
    return encode_dss_signature(r, s)
