"""Lists of revoked certificates (RFC 5280 section 5), read and believed. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509

from idp.authenticators.card.authority import Authority

_SKEW = timedelta(minutes=2)
_HOLD = x509.ReasonFlags.certificate_hold


@dataclass(frozen=True, slots=True)
class Useless:
    """A list that says nothing that could be relied on."""

    why: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One revoked certificate."""

    serial: int
    is_suspended: bool
    revoked_at: datetime


@dataclass(frozen=True, slots=True)
class RevocationList:
    """A list that its authority has signed, and that is of today."""

    number: int
    this_update: datetime
    next_update: datetime
    scope: tuple[str, ...]
    """The addresses that a part of the whole list names itself by; empty: everything."""
    parsed: x509.CertificateRevocationList

    def __len__(self) -> int:
        """Count the entries."""
        return len(self.parsed)

    def find(self, serial: int) -> Entry | None:
        """Look one certificate up."""
        found = self.parsed.get_revoked_certificate_by_serial_number(serial)
        return _entry(found) if found else None

    def entries(self) -> Iterator[Entry]:
        """Go through all of it."""
        return map(_entry, self.parsed)


def read(
    der: bytes, authority: Authority, *, now: datetime, grace: timedelta = timedelta()
) -> RevocationList | Useless:
    """Believe a list, or say why not. Never raises, whatever the bytes are.

    Args:
        grace: how long past its ``nextUpdate`` a list is still taken.
    """
    try:
        parsed = x509.load_der_x509_crl(der)
        return _check(parsed, authority, now, grace) or _described(parsed, authority)
    except Exception as wrong:  # noqa: BLE001 - a stranger's DER fails in more ways than are named
        return Useless(type(wrong).__name__)


def covers(found: RevocationList, crl_urls: tuple[str, ...]) -> bool:
    """Tell whether a list would name a certificate with these distribution points, were it revoked.

    Another part of the whole list is as true, and says nothing about it (RFC 5280 section 6.3.3).
    """
    return not found.scope or bool(set(found.scope) & set(crl_urls))


def _check(
    parsed: x509.CertificateRevocationList, authority: Authority, now: datetime, grace: timedelta
) -> Useless | None:
    if parsed.issuer != authority.certificate.subject:
        return Useless("another issuer")
    named = parsed.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    if named.key_identifier != authority.key_id:
        return Useless("another key")
    if not parsed.is_signature_valid(authority.certificate.public_key()):  # type: ignore[arg-type]
        return Useless("signature")
    until = parsed.next_update_utc
    if until is None or now > until + grace:
        return Useless("outdated")
    return Useless("from the future") if parsed.last_update_utc > now + _SKEW else None


def _described(
    parsed: x509.CertificateRevocationList, authority: Authority
) -> RevocationList | Useless:
    extensions = parsed.extensions
    known = (x509.AuthorityKeyIdentifier, x509.CRLNumber, x509.IssuingDistributionPoint)
    if any(one.critical and not isinstance(one.value, known) for one in extensions):
        return Useless("unknown critical extension")
    if any(isinstance(one.value, x509.DeltaCRLIndicator) for one in extensions):
        return Useless("only what has changed")  # critical or not (RFC 5280 section 5.2.4)
    scope = _scope(extensions, of_root=not authority.profile_id)
    if isinstance(scope, Useless):
        return scope
    number = extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    until = parsed.next_update_utc or parsed.last_update_utc
    return RevocationList(number, parsed.last_update_utc, until, scope, parsed)


def _scope(extensions: x509.Extensions, *, of_root: bool) -> tuple[str, ...] | Useless:
    try:
        part = extensions.get_extension_for_class(x509.IssuingDistributionPoint).value
    except x509.ExtensionNotFound:
        return ()
    if part.indirect_crl or part.only_some_reasons:
        return Useless("scope")
    if part.only_contains_user_certs if of_root else part.only_contains_ca_certs:
        return Useless("scope")
    if part.only_contains_attribute_certs or part.relative_name is not None:
        return Useless("scope")
    return tuple(str(one.value) for one in part.full_name or ())


def _entry(found: x509.RevokedCertificate) -> Entry:
    try:
        reason = found.extensions.get_extension_for_class(x509.CRLReason).value.reason
    except x509.ExtensionNotFound:
        reason = None
    return Entry(found.serial_number, reason is _HOLD, found.revocation_date_utc)
