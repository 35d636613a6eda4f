"""Mutual TLS (RFC 8705): clients that prove themselves by certificate, tokens bound to one.

The certificate comes from the proxy that ended the connection, in a header that the door
keeps from nobody but listed peers (``idp.web.oidc.bridge``), in the form of RFC 9440 or as
URL-encoded PEM. That the caller holds its private key was proven in the handshake there.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import verification

from idp.config import ClientSection
from idp.oidc.model import method_of
from idp.oidc.vocabulary import AuthMethod
from idp.secret import base64url

HEADER = "client-cert"
"""Where the door puts a certificate it has reason to believe (RFC 9440 section 2.1)."""
_LIMIT = 16 * 1024  # characters
SUBJECT_MEMBERS = (
    "tls_client_auth_subject_dn",
    "tls_client_auth_san_dns",
    "tls_client_auth_san_uri",
    "tls_client_auth_san_ip",
    "tls_client_auth_san_email",
)
"""What a registration may expect of a certificate, exactly one of them (RFC 8705, 2.1.2)."""


class BadCertificate(Exception):
    """The certificate proves nothing for this client; the text is for the log."""


def presented(headers: Mapping[str, str]) -> x509.Certificate | None:
    """Read the certificate of the connection, if there was one.

    Raises:
        BadCertificate: the header holds none.
    """
    value = headers.get(HEADER, "")
    if not value:
        return None
    if len(value) > _LIMIT:
        raise BadCertificate("the header is too long")
    try:
        if value.startswith(":") and value.endswith(":"):
            return x509.load_der_x509_certificate(base64.b64decode(value[1:-1], validate=True))
        return x509.load_pem_x509_certificate(unquote(value).encode("ascii"))
    except (ValueError, binascii.Error):  # a UnicodeEncodeError is a ValueError
        raise BadCertificate("the header holds no certificate") from None


def shows(headers: Mapping[str, str], x5t: str) -> bool:
    """Tell whether the connection's certificate is the one that a token is bound to."""
    try:
        certificate = presented(headers)
    except BadCertificate:
        return False
    return certificate is not None and thumbprint(certificate) == x5t


def thumbprint(certificate: x509.Certificate) -> str:
    """Give ``x5t#S256`` (RFC 8705 section 3.1)."""
    return base64url(certificate.fingerprint(hashes.SHA256()))


@dataclass(frozen=True, slots=True)
class Certificates:
    """Verifies certificates against the registered client, and the authorities we trust."""

    authorities: tuple[x509.Certificate, ...] = field(default=(), repr=False)

    def demand(
        self, registration: ClientSection, jwks: Mapping[str, Any], headers: Mapping[str, str],
        now: datetime,
    ) -> None:  # fmt: skip
        """Let the client in whose certificate this is (RFC 8705 section 2).

        Raises:
            BadCertificate: there is none, or it is not this client's.
        """
        certificate = presented(headers)
        if certificate is None:
            raise BadCertificate("no certificate")
        if method_of(registration) is AuthMethod.SELF_SIGNED_TLS:
            _demand_registered(certificate, jwks)
        else:
            self._demand_path(certificate, now)
            _demand_subject(certificate, registration)

    def _demand_path(self, certificate: x509.Certificate, now: datetime) -> None:
        if not self.authorities:
            raise BadCertificate("no authority is configured")
        any_name = verification.ExtensionPolicy.permit_all()
        verifier = (
            verification.PolicyBuilder()
            .store(verification.Store(list(self.authorities)))
            .time(now.replace(tzinfo=None))
            .extension_policies(
                ca_policy=verification.ExtensionPolicy.webpki_defaults_ca(), ee_policy=any_name
            )
            .build_client_verifier()
        )
        try:
            verifier.verify(certificate, [])
        except verification.VerificationError as wrong:
            raise BadCertificate(f"path: {wrong}") from wrong


def _demand_registered(certificate: x509.Certificate, jwks: Mapping[str, Any]) -> None:
    """Find the certificate itself among the client's keys, as ``x5c`` (section 2.2.2)."""
    shown = base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()
    known = [one.get("x5c") for one in jwks.get("keys", [])]
    if not any(isinstance(chain, list) and chain[:1] == [shown] for chain in known):
        raise BadCertificate("not registered")


def _demand_subject(certificate: x509.Certificate, registration: ClientSection) -> None:
    expected = {name: getattr(registration, name) for name in SUBJECT_MEMBERS}
    ((member, wanted),) = [(name, value) for name, value in expected.items() if value]
    try:
        if member == "tls_client_auth_subject_dn":
            matches = certificate.subject == x509.Name.from_rfc4514_string(wanted)
        else:
            matches = wanted in _names(certificate, member.rpartition("_")[2])
    except (ValueError, TypeError) as wrong:  # TypeError: a part of a type it may not have
        raise BadCertificate("its names cannot be read") from wrong
    if not matches:
        raise BadCertificate("another subject")


def _names(certificate: x509.Certificate, kind: str) -> list[str]:
    kinds: Mapping[str, type[x509.GeneralName]] = {
        "dns": x509.DNSName,
        "uri": x509.UniformResourceIdentifier,
        "ip": x509.IPAddress,
        "email": x509.RFC822Name,
    }
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, ValueError):
        return []
    return [str(one.value) for one in names.value if isinstance(one, kinds[kind])]
