"""The four kinds of certificate: what each writes about its holder, and in which type.

After the GPKI certificate and CRL profiles 2.2 and certificates in public code. A kind is known
by its issuer; ``.2.102`` is written by two of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from cryptography import x509
from cryptography.x509.oid import NameOID

from cardbridge.lab import der
from cardbridge.lab.holders import Holder

Attribute = tuple[str, tuple[bytes, ...]]
"""An object identifier and its values, each as DER."""

SUBJECT_DIRECTORY_ATTRIBUTES = x509.ObjectIdentifier("2.5.29.9")  # RFC 5280 section 4.2.1.8
ASSURANCE_LEVEL_3 = "2.16.886.101.0.3.3"
ASSURANCE_OF_TESTS = "2.16.886.101.0.3.0"
SUBJECT_TYPE = "2.16.886.1.100.2.1"
CARD_RANK = "2.16.886.1.100.2.2"
ID_TAIL = "2.16.886.1.100.2.51"
UNIFORM_NUMBER = "2.16.886.1.100.2.101"
ORGANISATION_OID = "2.16.886.1.100.2.102"
_YEAR = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Profile:
    """One kind of certificate."""

    name: str
    title: str
    """How people call the card."""
    issuer: x509.Name
    subject_type: str
    """The value of ``2.16.886.1.100.2.1``."""
    subject: Callable[[Holder], x509.Name]
    identity: Callable[[Holder], Attribute]
    """The attribute that says who this is."""
    life: timedelta = 5 * _YEAR

    def directory(self, holder: Holder) -> list[Attribute]:
        """List the subject directory attributes of a holder."""
        attributes = [(SUBJECT_TYPE, (der.oid(self.subject_type),))]
        if holder.rank:
            attributes.append((CARD_RANK, (der.printable(holder.rank),)))
        return [*attributes, self.identity(holder)]


def distinguished_name(**parts: str) -> x509.Name:
    """Write a name in the order given; keys are ``c o ou cn serial``."""
    oids = {
        "c": NameOID.COUNTRY_NAME,
        "o": NameOID.ORGANIZATION_NAME,
        "ou": NameOID.ORGANIZATIONAL_UNIT_NAME,
        "cn": NameOID.COMMON_NAME,
        "serial": NameOID.SERIAL_NUMBER,
    }
    return x509.Name([x509.NameAttribute(oids[key], text) for key, text in parts.items()])


def directory_extension(attributes: list[Attribute]) -> x509.UnrecognizedExtension:
    """Write the attributes as the extension that holds them."""
    body = der.sequence(*(der.sequence(der.oid(name), der.set_of(*vs)) for name, vs in attributes))
    return x509.UnrecognizedExtension(SUBJECT_DIRECTORY_ATTRIBUTES, body)


def _citizen(holder: Holder) -> x509.Name:
    return distinguished_name(c="TW", cn=holder.name, serial=holder.subject_number)


def _company(holder: Holder) -> x509.Name:
    return distinguished_name(c="TW", o=holder.name, serial=holder.uniform_number)


def _organisation(holder: Holder) -> x509.Name:
    return distinguished_name(c="TW", o=holder.name)


def _agency(holder: Holder) -> x509.Name:
    return distinguished_name(c="TW", o="行政院", ou=holder.name)


def _tail(holder: Holder) -> Attribute:
    return ID_TAIL, (der.utf8(holder.national_id[-4:]),)


def _uniform_number(holder: Holder) -> Attribute:
    return UNIFORM_NUMBER, (der.utf8(holder.uniform_number),)


def _organisation_oid(holder: Holder) -> Attribute:
    return ORGANISATION_OID, (der.oid(holder.organisation_oid),)


def _issuer(office: str) -> x509.Name:
    return distinguished_name(c="TW", o="行政院", ou=f"(測試用) {office}憑證管理中心")


ROOT = distinguished_name(
    c="TW", o="行政院", cn="(測試用) Government Root Certification Authority - Lab"
)
_ARC = "2.16.886.1.100.3"
PROFILES: dict[str, Profile] = {
    one.name: one
    for one in (
        Profile("moica", "自然人憑證", _issuer("內政部"), f"{_ARC}.1.1", _citizen, _tail),
        Profile(
            "moeaca", "工商憑證", _issuer("工商"), f"{_ARC}.2.2.1.1", _company, _uniform_number
        ),
        Profile(
            "xca",
            "組織及團體憑證",
            _issuer("組織及團體"),
            f"{_ARC}.2.11",
            _organisation,
            _organisation_oid,
            life=6 * _YEAR,
        ),
        Profile("gca", "政府憑證", _issuer("政府"), f"{_ARC}.2.1.1", _agency, _organisation_oid),
    )
}
