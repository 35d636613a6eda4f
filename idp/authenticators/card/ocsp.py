"""Questions about one certificate to its authority's responder, and their answers (RFC 6960). Pure.

The responder is the authority itself, or somebody whom that very authority has certified for
answering: to be certified by some authority that we trust is not enough.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from idp.authenticators.card.authority import Authority
from idp.authenticators.card.leaf import Leaf

NONCE_BYTES = 32  # RFC 8954 section 2.1
_SKEW = timedelta(minutes=2)
_DIGESTS = (hashes.SHA256, hashes.SHA384, hashes.SHA512)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a responder says, and that it is true, fresh and about this certificate."""

    status: ocsp.OCSPCertStatus
    reason: x509.ReasonFlags | None
    this_update: datetime
    der: bytes


@dataclass(frozen=True, slots=True)
class Useless:
    """An answer that says nothing that could be relied on."""

    why: str
    """For the record."""


def question(leaf: Leaf, authority: Authority, nonce: bytes) -> bytes:
    """Write the request, as DER."""
    certificate = x509.load_der_x509_certificate(leaf.der)
    # Names the certificate, guards nothing; RFC 5019 responders know no other.
    named = ocsp.OCSPRequestBuilder().add_certificate(
        certificate,
        authority.certificate,
        hashes.SHA1(),  # noqa: S303
    )
    asked = named.add_extension(x509.OCSPNonce(nonce), critical=False).build()
    return asked.public_bytes(Encoding.DER)


def read(
    answer: bytes,
    leaf: Leaf,
    authority: Authority,
    nonce: bytes,
    *,
    now: datetime,
    max_age: timedelta,
) -> Answer | Useless:
    """Believe an answer, or say why not. Never raises, whatever the bytes are."""
    try:
        response = ocsp.load_der_ocsp_response(answer)
        if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            return Useless(response.response_status.name.lower())
        why = (
            _is_about(response, leaf, authority)
            or _is_fresh(response, nonce, now, max_age)
            or _is_signed(response, authority, now)
            or _second_opinion(response, answer, leaf, authority, now=now)
        )
        if why:
            return Useless(why)
        return Answer(
            response.certificate_status,
            response.revocation_reason,
            response.this_update_utc,
            answer,
        )
    except Exception as wrong:  # noqa: BLE001 - a stranger's DER fails in more ways than are named
        return Useless(type(wrong).__name__)


def _second_opinion(
    response: ocsp.OCSPResponse, answer: bytes, leaf: Leaf, authority: Authority, *, now: datetime
) -> str:
    """Have the other library look at it as well: both have to find the same status."""
    from idp.authenticators.card import by_pyhanko  # noqa: PLC0415 - see there

    said = by_pyhanko.ocsp_status(answer, leaf, authority, now)
    return "" if said == response.certificate_status.name.lower() else "two opinions"


def _is_about(response: ocsp.OCSPResponse, leaf: Leaf, authority: Authority) -> str:
    if len(list(response.responses)) != 1:
        return "not one answer"
    asked = ocsp.OCSPRequestBuilder().add_certificate(
        x509.load_der_x509_certificate(leaf.der), authority.certificate, response.hash_algorithm
    )
    wanted = asked.build()
    same = (
        response.serial_number == wanted.serial_number
        and response.issuer_key_hash == wanted.issuer_key_hash
        and response.issuer_name_hash == wanted.issuer_name_hash
    )
    return "" if same else "another certificate"


def _is_fresh(response: ocsp.OCSPResponse, nonce: bytes, now: datetime, max_age: timedelta) -> str:
    """Demand our nonce where there is one, and an age that a replay could not have either way."""
    try:
        given = response.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce
    except x509.ExtensionNotFound:
        given = nonce
    if given != nonce:
        return "another nonce"
    if response.this_update_utc > now + _SKEW:
        return "from the future"
    if now - response.this_update_utc > max_age:
        return "stale"
    until = response.next_update_utc
    return "outdated" if until is not None and until < now - _SKEW else ""


def _is_signed(response: ocsp.OCSPResponse, authority: Authority, now: datetime) -> str:
    for signer in (authority.certificate, *response.certificates[:3]):
        if not _is_responder(response, signer):
            continue
        if signer != authority.certificate and not _was_appointed(signer, authority, now):
            return "responder not appointed"
        return "" if _verifies(response, signer) else "signature"
    return "unknown responder"


def _is_responder(response: ocsp.OCSPResponse, signer: x509.Certificate) -> bool:
    if response.responder_name is not None:
        return response.responder_name == signer.subject
    key_id = x509.SubjectKeyIdentifier.from_public_key(signer.public_key()).digest
    return response.responder_key_hash == key_id


def _was_appointed(signer: x509.Certificate, authority: Authority, now: datetime) -> bool:
    try:
        signer.verify_directly_issued_by(authority.certificate)
        purposes = signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (InvalidSignature, ValueError, TypeError, x509.ExtensionNotFound):
        return False
    return (
        ExtendedKeyUsageOID.OCSP_SIGNING in purposes
        and signer.not_valid_before_utc <= now <= signer.not_valid_after_utc
    )


def _verifies(response: ocsp.OCSPResponse, signer: x509.Certificate) -> bool:
    digest, key = response.signature_hash_algorithm, signer.public_key()
    if not isinstance(digest, _DIGESTS):
        return False
    try:
        if isinstance(key, rsa.RSAPublicKey):
            signed = response.signature, response.tbs_response_bytes
            key.verify(*signed, padding.PKCS1v15(), digest)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(response.signature, response.tbs_response_bytes, ec.ECDSA(digest))
        else:
            return False
    except InvalidSignature:
        return False
    return True
