"""Checks an evidence package with ``cryptography`` alone: ``python offline.py FILE [AUTHORITY]``.

It shares no code with the provider, so that a court need not trust the provider to check it. What
it cannot tell is whether the authority in the package is the real one: compare its fingerprint, or
give its certificate as the second argument.
"""

import base64
import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.x509 import ocsp

_VERSION = "portico-card-evidence:1"
_DIGESTS = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
_ANSWER_GOOD_FOR = timedelta(hours=1)


@dataclass(frozen=True)
class Line:
    """One thing that was checked."""

    what: str
    good: bool
    detail: str = ""


def examine(content: bytes, authority: bytes = b"") -> list[Line]:
    """Check a package, line by line; one bad line is enough. Never raises for what is in it."""
    try:
        package = json.loads(content)
        if package["version"] != _VERSION:
            return [Line("version", good=False, detail=str(package["version"]))]
        leaf = x509.load_der_x509_certificate(_bytes(package["certificate"]))
        issuer = x509.load_der_x509_certificate(_bytes(package["authority"]))
        return list(_lines(package, leaf, issuer, authority))
    except (ValueError, KeyError, TypeError, AttributeError) as wrong:
        return [Line("package", good=False, detail=f"{type(wrong).__name__}: {wrong}")]


def _lines(
    package: dict[str, Any], leaf: x509.Certificate, issuer: x509.Certificate, authority: bytes
) -> Iterator[Line]:
    at = datetime.fromisoformat(package["at"])
    yield Line("decision", good=package["decision"] == "accepted", detail=package["decision"])
    fingerprint = hashlib.sha256(_bytes(package["authority"])).hexdigest()
    same = not authority or authority == _bytes(package["authority"])
    yield Line("authority", good=same, detail=f"SHA-256 {fingerprint}")
    yield Line("issued by the authority", good=_holds(leaf.verify_directly_issued_by, issuer))
    valid = leaf.not_valid_before_utc <= at <= leaf.not_valid_after_utc
    yield Line("valid at that time", good=valid, detail=at.isoformat())
    yield Line("signature of the card", good=_card_signed(package, leaf))
    yield _revocation(package.get("revocation", {}), leaf, issuer, at)


def _card_signed(package: dict[str, Any], leaf: x509.Certificate) -> bool:
    document = json.loads(package["document"])
    if _bytes(document.get("certificate") or document["unverifiedCertificate"]) != _bytes(
        package["certificate"]
    ):
        return False
    algorithm = document.get("alg") or document["algorithm"]
    said = _SIGNED[package["format"]](package, algorithm)
    return _verifies(leaf.public_key(), algorithm, _bytes(document["signature"]), said)


def _twcard(package: dict[str, Any], _algorithm: str) -> bytes:
    parts = (package["origin"], package["challenge"], package["purpose"])
    hashed = [hashlib.sha256(part.encode()).hexdigest() for part in parts]
    return "".join(f"{line}\n" for line in ("twcard-auth-v1", *hashed)).encode()


def _web_eid(package: dict[str, Any], algorithm: str) -> bytes:
    digest = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}[algorithm[2:]]
    nonce = package["challenge"].ljust(44, "=")
    return digest(package["origin"].encode()).digest() + digest(nonce.encode()).digest()


_SIGNED: dict[str, Callable[[dict[str, Any], str], bytes]] = {
    "twcard:1": _twcard,
    "web-eid:1.0": _web_eid,
}


def _verifies(key: Any, algorithm: str, signature: bytes, content: bytes) -> bool:
    digest = _DIGESTS[algorithm[2:]]
    if isinstance(key, ec.EllipticCurvePublicKey):
        half = len(signature) // 2
        r, s = (int.from_bytes(one, "big") for one in (signature[:half], signature[half:]))
        return _holds(key.verify, encode_dss_signature(r, s), content, ec.ECDSA(digest))
    if not isinstance(key, rsa.RSAPublicKey):
        return False
    pss = padding.PSS(padding.MGF1(digest), digest.digest_size)
    scheme = pss if algorithm.startswith("PS") else padding.PKCS1v15()
    return _holds(key.verify, signature, content, scheme, digest)


def _revocation(
    said: dict[str, Any], leaf: x509.Certificate, issuer: x509.Certificate, at: datetime
) -> Line:
    what = "not revoked"
    if said.get("source") == "crl_part":
        found = x509.load_der_x509_crl(_bytes(said["answer"]))
        key: Any = issuer.public_key()
        clear = found.get_revoked_certificate_by_serial_number(leaf.serial_number) is None
        return Line(what, good=found.is_signature_valid(key) and clear, detail="part of the list")
    if said.get("source") != "ocsp":
        detail = f"the whole list, number {said.get('list_number')}: not in the package"
        return Line(what, good=said.get("source") == "crl_index", detail=detail)
    answer = ocsp.load_der_ocsp_response(_bytes(said["answer"]))
    good = (
        answer.certificate_status is ocsp.OCSPCertStatus.GOOD
        and answer.serial_number == leaf.serial_number
        and abs(at - answer.this_update_utc) <= _ANSWER_GOOD_FOR
        and _responder_signed(answer, issuer)
    )
    return Line(what, good=good, detail=f"responder, {answer.this_update_utc.isoformat()}")


def _responder_signed(answer: ocsp.OCSPResponse, issuer: x509.Certificate) -> bool:
    digest: Any = answer.signature_hash_algorithm
    for signer in (issuer, *answer.certificates):
        if signer != issuer and not _holds(signer.verify_directly_issued_by, issuer):
            continue
        key: Any = signer.public_key()
        is_rsa = isinstance(key, rsa.RSAPublicKey)
        how: Any = (padding.PKCS1v15(), digest) if is_rsa else (ec.ECDSA(digest),)
        if _holds(key.verify, answer.signature, answer.tbs_response_bytes, *how):
            return True
    return False


def _holds(check: Callable[..., object], *given: Any) -> bool:
    try:
        check(*given)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def main(arguments: list[str]) -> int:
    """Print what was found; 0 only if everything is good."""
    content = Path(arguments[0]).read_bytes()
    authority = Path(arguments[1]).read_bytes() if arguments[1:] else b""
    lines = examine(content, authority)
    print(f"SHA-256 of the package: {hashlib.sha256(content).hexdigest()}")  # noqa: T201
    for line in lines:
        print(f"{'good' if line.good else 'BAD':5}{line.what}  {line.detail}")  # noqa: T201
    return 0 if all(line.good for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
