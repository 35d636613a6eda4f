"""One certificate of a card, written field by field: of four kinds, good or not."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from cardbridge.lab import authorities, der
from cardbridge.lab.holders import Holder
from cardbridge.lab.keys import PrivateKey
from cardbridge.lab.profiles import Profile, directory_extension
from cardbridge.lab.variants import Variant

_Extension = tuple[x509.ExtensionType, bool]
"""And whether it is critical."""

PARTITIONS = 8
_SERIAL_BITS = 126
_UNKNOWN = x509.UnrecognizedExtension(
    x509.ObjectIdentifier("2.16.886.1.100.1.99"), der.utf8("nobody knows this")
)
_SHA256_WITH_RSA = der.sequence(der.oid("1.2.840.113549.1.1.11"), b"\x05\x00")
_SHA1_WITH_RSA = der.sequence(der.oid("1.2.840.113549.1.1.5"), b"\x05\x00")


@dataclass(frozen=True, slots=True)
class Order:
    """What a certificate is to say."""

    profile: Profile
    holder: Holder
    variant: Variant
    not_before: datetime
    not_after: datetime


@dataclass(frozen=True, slots=True)
class Hand:
    """Who signs: the name that will stand as issuer, the key, and the issuer's own address."""

    name: x509.Name
    key: PrivateKey
    url: str


def _new_serial() -> int:
    """Draw a serial of sixteen octets, as the real ones have."""
    return x509.random_serial_number() >> (160 - _SERIAL_BITS) | 1 << _SERIAL_BITS


def partition_of(serial: int) -> int:
    """Tell which part of its issuer's list a serial belongs to."""
    return serial % PARTITIONS


def write(order: Order, key: PrivateKey, hand: Hand) -> bytes:
    """Write the certificate of ``key``, as DER, with a serial of its own."""
    serial = _new_serial()
    builder = (
        x509.CertificateBuilder()
        .subject_name(order.profile.subject(order.holder))
        .issuer_name(hand.name)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(order.not_before)
        .not_valid_after(order.not_after)
    )
    for extension, critical in (
        *_identifiers(key, hand),
        *_contents(order),
        *_addresses(order.variant, hand.url, serial),
    ):
        builder = builder.add_extension(extension, critical=critical)
    made = builder.sign(hand.key, authorities.digest_for(hand.key))
    return _over_sha1(made, hand.key) if order.variant.sha1 else made.public_bytes(Encoding.DER)


def _identifiers(key: PrivateKey, hand: Hand) -> Iterator[_Extension]:
    issuer_key = hand.key.public_key()
    yield x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), False
    yield x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False


def _contents(order: Order) -> Iterator[_Extension]:
    variant = order.variant
    yield authorities.key_usage(*variant.usages), True
    if variant.authority:
        yield x509.BasicConstraints(ca=True, path_length=None), True
    if variant.policies:
        yield authorities.policies(*variant.policies), False
    if variant.extended_usages:
        purposes = [x509.ObjectIdentifier(one) for one in variant.extended_usages]
        yield x509.ExtendedKeyUsage(purposes), False
    if order.holder.email:
        yield x509.SubjectAlternativeName([x509.RFC822Name(order.holder.email)]), False
    if attributes := variant.attributes(order.profile.directory(order.holder)):
        yield directory_extension(attributes), False
    if variant.unknown_critical:
        yield _UNKNOWN, True


def _addresses(variant: Variant, own: str, serial: int) -> Iterator[_Extension]:
    url = own if variant.elsewhere is None else variant.elsewhere
    if not url:
        return
    lists = (f"{url}/crl/part-{partition_of(serial)}.crl", f"{url}/crl/complete.crl")
    yield authorities.distribution_points(*lists), False
    found = authorities.information_access(ca_issuers=f"{url}/issuer.cer", ocsp=f"{url}/ocsp")
    yield found, False


def _over_sha1(made: x509.Certificate, key: PrivateKey) -> bytes:
    """Sign once more over SHA-1, which the library refuses to write into a certificate."""
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("a certificate over SHA-1 needs an issuer with an RSA key")
    # Both names of algorithms have the same length, so nothing around them changes.
    body = made.tbs_certificate_bytes.replace(_SHA256_WITH_RSA, _SHA1_WITH_RSA, 1)
    signature = key.sign(body, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303  what a test needs
    return der.sequence(body, _SHA1_WITH_RSA, der.bits(signature))
