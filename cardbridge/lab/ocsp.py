"""Answers about one certificate (RFC 6960), with the nonce of the question (RFC 9654)."""

import os
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ocsp

from cardbridge.lab import authorities, keys
from cardbridge.lab.authorities import Authority, Signer
from cardbridge.lab.faults import Certainty, Fault
from cardbridge.lab.pki import LabPki
from cardbridge.lab.profiles import PROFILES, distinguished_name
from cardbridge.lab.register import Status

_GOOD_FOR = timedelta(hours=1)
_LATE = timedelta(days=1)
_STATUSES = {
    "good": ocsp.OCSPCertStatus.GOOD,
    "revoked": ocsp.OCSPCertStatus.REVOKED,
    "suspended": ocsp.OCSPCertStatus.REVOKED,
    "unknown": ocsp.OCSPCertStatus.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class _Said:
    """What the answer says of the certificate."""

    certainty: Certainty
    at: datetime | None = None
    reason: x509.ReasonFlags | None = None


def answer(pki: LabPki, authority: str, question: bytes, fault: Fault) -> bytes:
    """Answer a question for one authority, as DER; a wrong question gets an answer, too."""
    if fault.error:
        return _refusal(ocsp.OCSPResponseStatus[fault.error.upper()])
    try:
        asked = ocsp.load_der_ocsp_request(question)
        serial = asked.serial_number  # a question about many is refused here
    except (ValueError, NotImplementedError):
        return _refusal(ocsp.OCSPResponseStatus.MALFORMED_REQUEST)
    of = pki.authority(authority)
    if not _is_of(of.certificate, asked):
        return _refusal(ocsp.OCSPResponseStatus.UNAUTHORIZED)
    said = _on_record(pki, authority, serial, fault)
    builder = _with_nonce(_about(asked, said, pki.clock() - fault.age, fault), asked, fault)
    return _signed(builder, _answerer(pki, of, fault))


def _refusal(status: ocsp.OCSPResponseStatus) -> bytes:
    return ocsp.OCSPResponseBuilder.build_unsuccessful(status).public_bytes(Encoding.DER)


def _is_of(issuer: x509.Certificate, asked: ocsp.OCSPRequest) -> bool:
    """Compare the question with the authority by name and key, in the hash the asker chose."""
    own = (issuer.subject.public_bytes(), _key_bits(issuer))
    return [_hash(one, asked.hash_algorithm) for one in own] == [
        asked.issuer_name_hash,
        asked.issuer_key_hash,
    ]


def _key_bits(issuer: x509.Certificate) -> bytes:
    key = issuer.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _hash(content: bytes, algorithm: hashes.HashAlgorithm) -> bytes:
    digest = hashes.Hash(algorithm)
    digest.update(content)
    return digest.finalize()


def _on_record(pki: LabPki, authority: str, serial: int, fault: Fault) -> _Said:
    entry = pki.register.find(serial)
    if fault.certainty in {"revoked", "suspended"} or (
        fault.certainty is None and entry is not None and entry.status is not Status.GOOD
    ):
        at = entry.changed_at if entry and entry.changed_at else pki.clock() - _LATE
        held = fault.certainty == "suspended" or (entry and entry.status is Status.SUSPENDED)
        reason = "certificate_hold" if held else (entry and entry.reason) or "key_compromise"
        return _Said("revoked", at, x509.ReasonFlags[reason])
    if fault.certainty is None and (entry is None or entry.authority != authority):
        return _Said("unknown")
    return _Said(fault.certainty or "good")


def _about(
    asked: ocsp.OCSPRequest, said: _Said, since: datetime, fault: Fault
) -> ocsp.OCSPResponseBuilder:
    until = since + _GOOD_FOR if fault.outdated else since + fault.age + _GOOD_FOR
    return ocsp.OCSPResponseBuilder().add_response_by_hash(
        issuer_name_hash=asked.issuer_name_hash,
        issuer_key_hash=asked.issuer_key_hash,
        serial_number=asked.serial_number + fault.wrong_cert,
        algorithm=asked.hash_algorithm,
        cert_status=_STATUSES[said.certainty],
        this_update=since,
        next_update=max(until, since + timedelta(minutes=1)),
        revocation_time=said.at,
        revocation_reason=said.reason,
    )


def _with_nonce(
    builder: ocsp.OCSPResponseBuilder, asked: ocsp.OCSPRequest, fault: Fault
) -> ocsp.OCSPResponseBuilder:
    try:
        nonce = asked.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce
    except x509.ExtensionNotFound:
        return builder
    if fault.nonce == "none":
        return builder
    said = os.urandom(len(nonce)) if fault.nonce == "wrong" else nonce
    return builder.add_extension(x509.OCSPNonce(said), critical=False)


def _signed(builder: ocsp.OCSPResponseBuilder, answerer: Signer) -> bytes:
    return (
        builder.responder_id(ocsp.OCSPResponderEncoding.HASH, answerer.certificate)
        .certificates([answerer.certificate])
        .sign(answerer.key, authorities.digest_for(answerer.key))
        .public_bytes(Encoding.DER)
    )


def _answerer(pki: LabPki, of: Authority, fault: Fault) -> Signer:
    match fault.signed_by:
        case "responder":
            return of.responder
        case "issuer":
            return of.signer
        case "foreign":
            return another(pki, of).responder
        case "foreign_issuer":
            return another(pki, of).signer
        case "no_eku":
            key = keys.fresh("p256")
            return authorities.appoint_responder(of.signer, pki.clock(), key, may_sign=False)
        case "stranger":
            name = distinguished_name(c="TW", o="行政院", cn="nobody")
            return authorities.certify(name, keys.fresh("p256"), pki.clock(), by=None)


def another(pki: LabPki, of: Authority) -> Authority:
    """Give one of the four that is not this one."""
    return pki.authority(next(name for name in PROFILES if not of.name.startswith(name)))
