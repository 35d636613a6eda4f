"""What a certificate from a card says, in plain types; reading it is :mod:`certificate`'s work."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Attribute:
    """One value of a subject directory attribute."""

    value: str
    is_oid: bool
    """Whether it is an object identifier, dotted; else a string."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """What a certificate says, in plain types."""

    der: bytes
    fingerprint: bytes
    """SHA-256 of the DER."""
    serial: int
    issuer_key_id: bytes
    """The key identifier of its authority key identifier; empty when it has none."""
    issuer_name: bytes
    """DER."""
    subject: Mapping[str, tuple[str, ...]]
    """By asn1crypto's names: ``common_name``, ``organization_name``, ``serial_number`` …"""
    attributes: Mapping[str, Attribute]
    """Subject directory attributes by dotted type; each exactly once with one value."""
    policies: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    crl_urls: tuple[str, ...]
    """An attacker's wish until the path is proven."""
    ocsp_urls: tuple[str, ...]

    @property
    def fingerprint_hex(self) -> str:
        """Write the fingerprint as administrators compare it."""
        return self.fingerprint.hex()
