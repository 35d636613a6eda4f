"""The authorities of the lab: the root, the four that issue cards, and their responders."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from cardbridge.lab import keys
from cardbridge.lab.keys import PrivateKey
from cardbridge.lab.profiles import ASSURANCE_LEVEL_3, distinguished_name

_YEAR = timedelta(days=365)
_SOME_TIME = timedelta(days=2 * 365)
"""How long before now an authority began, so that cards of last year fit into its life."""
_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


@dataclass(frozen=True, slots=True)
class Signer:
    """A certificate and the key to it."""

    certificate: x509.Certificate
    key: PrivateKey

    @property
    def der(self) -> bytes:
        """The certificate as DER."""
        return self.certificate.public_bytes(Encoding.DER)


@dataclass(frozen=True, slots=True)
class Authority:
    """Who signs certificates and lists, and who answers for it about them."""

    name: str
    """``root``, ``moica``, … and ``moica-2`` for another generation of the same name."""
    signer: Signer
    responder: Signer
    """Issued by the authority itself for answering (RFC 6960 section 4.2.2.2)."""

    @property
    def certificate(self) -> x509.Certificate:
        """The authority's own certificate."""
        return self.signer.certificate

    @property
    def key_id(self) -> bytes:
        """The subject key identifier, by which generations of one name are told apart."""
        return self.certificate.extensions.get_extension_for_class(
            x509.SubjectKeyIdentifier
        ).value.digest

    @property
    def issuer_key_id(self) -> bytes | None:
        """The key identifier of who certified this one; of a root, its own."""
        return self.certificate.extensions.get_extension_for_class(
            x509.AuthorityKeyIdentifier
        ).value.key_identifier

    @property
    def is_root(self) -> bool:
        """Whether it certified itself."""
        return self.key_id == self.issuer_key_id


def key_usage(*usages: str) -> x509.KeyUsage:
    """Write a key usage with the named bits."""
    return x509.KeyUsage(**{usage: usage in usages for usage in _USAGES})


def digest_for(key: PrivateKey) -> hashes.SHA256 | hashes.SHA384:
    """Choose the hash that goes with a key."""
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.key_size > 256:
        return hashes.SHA384()
    return hashes.SHA256()


def certify(
    name: x509.Name,
    key: PrivateKey,
    now: datetime,
    *,
    by: Signer | None,
    url: str = "",
    path_length: int | None = None,
) -> Signer:
    """Make a certificate of an authority; without ``by`` it signs itself.

    ``url`` is where ``by`` publishes its list and its certificate.
    """
    signing = by.key if by else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(by.certificate.subject if by else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SOME_TIME)
        .not_valid_after(now + 20 * _YEAR)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(key_usage("key_cert_sign", "crl_sign"), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()),
            critical=False,
        )
    )
    if by:
        builder = (
            builder.add_extension(policies(ASSURANCE_LEVEL_3), critical=False)
            .add_extension(distribution_points(f"{url}/crl/complete.crl"), critical=False)
            .add_extension(information_access(ca_issuers=f"{url}/issuer.cer"), critical=False)
        )
    return Signer(builder.sign(signing, digest_for(signing)), key)


def appoint_responder(
    authority: Signer, now: datetime, key: PrivateKey, *, may_sign: bool = True
) -> Signer:
    """Let a key answer for an authority; without ``may_sign`` the purpose is left out."""
    office = str(list(authority.certificate.subject)[-1].value)
    builder = (
        x509.CertificateBuilder()
        .subject_name(distinguished_name(c="TW", o="行政院", cn=f"{office} OCSP"))
        .issuer_name(authority.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + _YEAR)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage("digital_signature"), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()),
            critical=False,
        )
        # Whom would one ask whether the answerer is revoked (RFC 6960 section 4.2.2.2.1).
        .add_extension(x509.OCSPNoCheck(), critical=False)
    )
    if may_sign:
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING])
        builder = builder.add_extension(purpose, critical=False)
    return Signer(builder.sign(authority.key, digest_for(authority.key)), key)


def policies(*dotted: str) -> x509.CertificatePolicies:
    """Write certificate policies without qualifiers."""
    return x509.CertificatePolicies(
        [x509.PolicyInformation(x509.ObjectIdentifier(one), None) for one in dotted]
    )


def distribution_points(*urls: str) -> x509.CRLDistributionPoints:
    """Write one distribution point for each address."""
    return x509.CRLDistributionPoints(
        [
            x509.DistributionPoint([x509.UniformResourceIdentifier(url)], None, None, None)
            for url in urls
        ]
    )


def information_access(*, ca_issuers: str, ocsp: str = "") -> x509.AuthorityInformationAccess:
    """Write where the issuer's certificate is, and who answers about revocation."""
    found = [(AuthorityInformationAccessOID.CA_ISSUERS, ca_issuers)]
    if ocsp:
        found.append((AuthorityInformationAccessOID.OCSP, ocsp))
    return x509.AuthorityInformationAccess(
        [
            x509.AccessDescription(method, x509.UniformResourceIdentifier(url))
            for method, url in found
        ]
    )


def save(directory: Path, authority: Authority) -> None:
    """Keep an authority in files: ``NAME.cer``, ``NAME.key``, and the same of its responder."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for stem, one in (
        (authority.name, authority.signer),
        (f"{authority.name}.ocsp", authority.responder),
    ):
        keys.save(directory / f"{stem}.key", one.key)
        (directory / f"{stem}.cer").write_bytes(one.der)


def load(directory: Path, name: str) -> Authority:
    """Read an authority that :func:`save` wrote."""
    return Authority(name, _signer(directory, name), _signer(directory, f"{name}.ocsp"))


def _signer(directory: Path, stem: str) -> Signer:
    der = (directory / f"{stem}.cer").read_bytes()
    return Signer(x509.load_der_x509_certificate(der), keys.load(directory / f"{stem}.key"))
