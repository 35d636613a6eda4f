"""An authority that issues cards, as an administrator installed it. Pure."""

from dataclasses import dataclass
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding


class NotAnAuthority(ValueError):
    """The file holds no certificate of an authority."""


@dataclass(frozen=True, slots=True)
class Authority:
    """A pinned certificate, by its whole DER; its name alone says nothing."""

    profile_id: str
    """Empty for a root, which issues no cards."""
    certificate: x509.Certificate

    @property
    def der(self) -> bytes:
        """Give the certificate as DER."""
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 of the DER."""
        return sha256(self.der).digest()

    @property
    def name(self) -> bytes:
        """Give its name as DER."""
        return self.certificate.subject.public_bytes()

    @property
    def key_id(self) -> bytes:
        """Give its subject key identifier, which the certificates it issued point to."""
        return self.certificate.extensions.get_extension_for_class(
            x509.SubjectKeyIdentifier
        ).value.digest


def read(content: bytes, profile_id: str) -> Authority:
    """Read an authority's certificate, PEM or DER.

    Raises:
        NotAnAuthority: it is no certificate, may not issue any, or names no key of its own.
    """
    try:
        pem = content.lstrip().startswith(b"-----BEGIN")
        load = x509.load_pem_x509_certificate if pem else x509.load_der_x509_certificate
        found = Authority(profile_id, load(content))
        constraints = found.certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        if not constraints.value.ca or not found.key_id or not found.name:
            raise NotAnAuthority("it may not issue certificates")
    except x509.ExtensionNotFound as lacking:
        raise NotAnAuthority(f"it lacks {lacking.oid.dotted_string}") from None
    except (ValueError, TypeError, x509.DuplicateExtension, x509.InvalidVersion) as wrong:
        # A name whose parts have types they may not have is a TypeError there.
        raise NotAnAuthority(str(wrong)) from None
    return found
