"""Client certificates of a test: from an authority of its own, or signed by themselves."""

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

_YEAR = timedelta(days=365)


@dataclass(frozen=True)
class Issued:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def rfc9440(self) -> str:
        """As a proxy that follows RFC 9440 writes it."""
        der = self.certificate.public_bytes(Encoding.DER)
        return f":{base64.b64encode(der).decode()}:"

    @property
    def escaped_pem(self) -> str:
        """As nginx writes ``$ssl_client_escaped_cert``."""
        return quote(self.pem.decode())

    @property
    def pem(self) -> bytes:
        """The certificate as PEM."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def private_pem(self) -> bytes:
        """The key as PEM, for the client's side of a handshake."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def jwk(self) -> dict[str, object]:
        """The certificate as a JWK with ``x5c`` (RFC 7517 section 4.7)."""
        numbers = self.key.public_key().public_numbers()
        x, y = (
            base64.urlsafe_b64encode(one.to_bytes(32, "big")).rstrip(b"=").decode()
            for one in (numbers.x, numbers.y)
        )
        der = base64.b64encode(self.certificate.public_bytes(Encoding.DER)).decode()
        return {"kty": "EC", "crv": "P-256", "x": x, "y": y, "x5c": [der]}


def issue(
    common_name: str,
    now: datetime,
    *,
    issuer: Issued | None = None,
    names: tuple[x509.GeneralName, ...] = (),
    authority: bool = False,
    over: bool = False,
) -> Issued:
    """Issue a certificate; without ``issuer`` it signs itself. ``over``: it has expired."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Court apps"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )
    signing = issuer or Issued(_placeholder(subject, key, now), key)
    end = now - timedelta(days=1) if over else now + _YEAR
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signing.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _YEAR)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.key.public_key()),
            critical=False,
        )
    )
    if authority:
        builder = builder.add_extension(_SIGNS_CERTIFICATES, critical=True).add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
        )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return Issued(builder.sign(signing.key, hashes.SHA256()), key)


def _placeholder(
    subject: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime
) -> x509.Certificate:
    """Make something with the subject's own name, for a certificate that signs itself."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + _YEAR)
        .sign(key, hashes.SHA256())
    )


_SIGNS_CERTIFICATES = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)
