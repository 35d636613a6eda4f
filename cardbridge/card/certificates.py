"""Which certificate of a card signs people in, whose it is, and what its key can do.

This is a choice, not a judgement: whether a certificate is to be believed, the server says.
What stands in a certificate of a strange card is a stranger's text; it is shown cleaned.
"""

import unicodedata
from dataclasses import dataclass
from hashlib import sha256
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

T = TypeVar("T", bound=x509.ExtensionType)

MOST_BYTES = 8 * 1024
MOST_SHOWN = 64
LEAST_RSA_BITS = 2048
# The name of the issuing authority in the issuer's OU tells the kinds apart; the generations
# of one authority share it, and test authorities put a word before it.
_AUTHORITIES = {
    "moica": "內政部憑證管理中心",
    "moeaca": "工商憑證管理中心",
    "gca": "政府憑證管理中心",
    "xca": "組織及團體憑證管理中心",
}
_MALFORMED = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
_HOLDER = (NameOID.COMMON_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME, NameOID.ORGANIZATION_NAME)


class Unfit(Exception):
    """A certificate that signs nobody in here."""


@dataclass(frozen=True, slots=True)
class Credential:
    """A certificate to sign in with."""

    der: bytes
    kind: str | None
    """``moica``, ``moeaca``, ``gca``, ``xca``, or nothing when the issuer is none of them."""
    holder: str
    alg: str
    """JWA name of the signature its key makes: RS256, ES256 or ES384."""
    public_key: RSAPublicKey | EllipticCurvePublicKey
    since: float
    """Beginning of its validity, seconds since 1970; of two the younger is taken."""

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 of the certificate."""
        return sha256(self.der).digest()


def read(der: bytes) -> Credential:
    """Read a certificate that is for signatures.

    Raises:
        Unfit: if it is an authority's, is for encryption, or has a key we cannot use.
    """
    if len(der) > MOST_BYTES:
        raise Unfit("too large")
    try:
        certificate = x509.load_der_x509_certificate(der)
        if certificate.public_bytes(Encoding.DER) != der:
            raise Unfit("not DER")
        _demand_signature_usage(certificate.extensions)
        public_key = certificate.public_key()
        return Credential(
            der=der,
            kind=_kind(certificate.issuer),
            holder=_holder(certificate.subject),
            alg=_algorithm(public_key),
            public_key=public_key,  # type: ignore[arg-type]  # _algorithm refuses the others
            since=certificate.not_valid_before_utc.timestamp(),
        )
    except _MALFORMED as error:
        raise Unfit("malformed") from error


def _demand_signature_usage(extensions: x509.Extensions) -> None:
    usage = _extension(extensions, x509.KeyUsage)
    if usage is None or not usage.digital_signature or usage.key_cert_sign:
        raise Unfit("not for signatures")
    constraints = _extension(extensions, x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        raise Unfit("an authority's")
    purposes = _extension(extensions, x509.ExtendedKeyUsage)
    if purposes is not None and ExtendedKeyUsageOID.CLIENT_AUTH not in purposes:
        raise Unfit("for another purpose")


def _extension(extensions: x509.Extensions, kind: type[T]) -> T | None:
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _kind(issuer: x509.Name) -> str | None:
    units = [str(one.value) for one in issuer.get_attributes_for_oid(_HOLDER[1])]
    for kind, authority in _AUTHORITIES.items():
        if any(unit.endswith(authority) for unit in units):
            return kind
    return None


def _holder(subject: x509.Name) -> str:
    for oid in _HOLDER:
        if found := subject.get_attributes_for_oid(oid):
            return shown(str(found[-1].value))
    return "?"


def shown(text: str) -> str:
    """Clean a stranger's text for a line of the dialog.

    Controls, line ends and the marks that turn the direction of writing are taken out: with
    them a name could repaint the line that says who asks.
    """
    kept = [one if unicodedata.category(one)[0] not in "CZ" else " " for one in text]
    cleaned = " ".join("".join(kept).split())
    return cleaned if len(cleaned) <= MOST_SHOWN else cleaned[: MOST_SHOWN - 1] + "…"


def _algorithm(key: object) -> str:
    match key:
        case RSAPublicKey() if key.key_size >= LEAST_RSA_BITS:
            return "RS256"
        case EllipticCurvePublicKey(curve=SECP256R1()):
            return "ES256"
        case EllipticCurvePublicKey(curve=SECP384R1()):
            return "ES384"
        case _:
            raise Unfit("a key too weak or of a strange sort")


def public_numbers(key: RSAPublicKey | EllipticCurvePublicKey) -> bytes:
    """Write a public key as a card stores it: the modulus, or the point uncompressed."""
    if isinstance(key, RSAPublicKey):
        return key.public_numbers().n.to_bytes((key.key_size + 7) // 8, "big")
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
