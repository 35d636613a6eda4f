"""A certificate from a card, read strictly (cards.md section 3, RFC 5280). Pure.

Two libraries read it: asn1crypto, which knows the subject directory attributes, and cryptography,
which has to agree that this is a certificate. Nothing here says that it is good: whose it is
decides :mod:`profiles`, whether it is true ``path`` and ``revocation``. Imported with the first
card: a worker that sees none stays small.
"""

import unicodedata
from hashlib import sha256
from typing import Any

from asn1crypto import core, keys
from asn1crypto import x509 as asn1
from cryptography import x509

from idp.authenticators.card.leaf import Attribute, Leaf
from idp.authenticators.card.reasons import Flaw, Unfit

LONGEST = 8 * 1024  # bytes of DER
SHORTEST_RSA = 2048  # bits
_CONTROLS = {"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"}
_LONGEST_TEXT = 200  # characters of one attribute
_CLIENT_AUTH = "1.3.6.1.5.5.7.3.2"
_CURVES = {"secp256r1", "secp384r1", "secp521r1"}
_DIGESTS = {"sha256", "sha384", "sha512"}
_UNDERSTOOD = {
    "2.5.29.9", "2.5.29.14", "2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.31", "2.5.29.32",
    "2.5.29.35", "2.5.29.37", "1.3.6.1.5.5.7.1.1",
}  # fmt: skip
"""Extensions that are looked at, here or with the path; another one must not be critical."""


def read(der: bytes) -> Leaf | Unfit:
    """Read a certificate that may sign a sign-in.

    Never raises, whatever the bytes are.
    """
    if not 0 < len(der) <= LONGEST:
        return Unfit(Flaw.MALFORMED, "length")
    try:
        found = asn1.Certificate.load(der, strict=True)
        if found.dump(force=True) != der:
            return Unfit(Flaw.MALFORMED, "not DER")
        if found.serial_number <= 0:  # RFC 5280 section 4.1.2.2; no list could name it
            return Unfit(Flaw.MALFORMED, "serial number")
        x509.load_der_x509_certificate(der).public_key()
        return _fitness(found) or _leaf(found, der)
    except Exception as wrong:  # noqa: BLE001 - a stranger's DER fails in more ways than are named
        return Unfit(Flaw.MALFORMED, type(wrong).__name__)


def _fitness(found: asn1.Certificate) -> Unfit | None:
    content = found["tbs_certificate"]
    if content["version"].native != "v3":
        return Unfit(Flaw.MALFORMED, "version")
    if content["signature"].dump() != found["signature_algorithm"].dump():
        return Unfit(Flaw.MALFORMED, "two signature algorithms")
    for check in (_key, _signature, _extensions, _purpose):
        if unfit := check(found):
            return unfit
    return None


def _key(found: asn1.Certificate) -> Unfit | None:
    key: keys.PublicKeyInfo = found.public_key
    strong = (key.algorithm == "rsa" and key.bit_size >= SHORTEST_RSA) or (
        key.algorithm == "ec" and key.curve[1] in _CURVES
    )
    return None if strong else Unfit(Flaw.WEAK_KEY, f"{key.algorithm} {key.bit_size}")


def _signature(found: asn1.Certificate) -> Unfit | None:
    digest = found["signature_algorithm"].hash_algo
    return None if digest in _DIGESTS else Unfit(Flaw.WEAK_SIGNATURE, digest)


def _extensions(found: asn1.Certificate) -> Unfit | None:
    names = [one["extn_id"].dotted for one in found["tbs_certificate"]["extensions"]]
    if len(names) != len(set(names)):
        return Unfit(Flaw.MALFORMED, "an extension twice")
    for one in found["tbs_certificate"]["extensions"]:
        if one["critical"].native and one["extn_id"].dotted not in _UNDERSTOOD:
            return Unfit(Flaw.UNKNOWN_CRITICAL, one["extn_id"].dotted)
    return None


def _purpose(found: asn1.Certificate) -> Unfit | None:
    """Demand the signature certificate of a card: it signs, enciphers nothing, issues nothing."""
    usage = found.key_usage_value
    if usage is None or "digital_signature" not in usage.native:
        return Unfit(Flaw.WRONG_PURPOSE, "key usage")
    if usage.native & {"key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign"}:
        return Unfit(Flaw.WRONG_PURPOSE, "key usage")
    purposes = found.extended_key_usage_value
    if purposes is not None and _CLIENT_AUTH not in {one.dotted for one in purposes}:
        return Unfit(Flaw.WRONG_PURPOSE, "extended key usage")
    return Unfit(Flaw.WRONG_PURPOSE, "an authority") if found.ca else None


def _leaf(found: asn1.Certificate, der: bytes) -> Leaf | Unfit:
    attributes = _attributes(found)
    if isinstance(attributes, Unfit):
        return attributes
    validity = found["tbs_certificate"]["validity"]
    policies = found.certificate_policies_value or []
    return Leaf(
        der=der,
        fingerprint=sha256(der).digest(),
        serial=found.serial_number,
        issuer_key_id=found.authority_key_identifier or b"",
        issuer_name=bytes(found.issuer.dump()),
        subject=_subject(found),
        attributes=attributes,
        policies=tuple(one["policy_identifier"].dotted for one in policies),
        not_before=validity["not_before"].native,
        not_after=validity["not_after"].native,
        crl_urls=tuple(one.url for one in found.crl_distribution_points if one.url),
        ocsp_urls=tuple(found.ocsp_urls),
    )


def _subject(found: asn1.Certificate) -> dict[str, tuple[str, ...]]:
    said: dict[str, tuple[str, ...]] = {}
    for part in found.subject.chosen:
        for pair in part:
            name, value = pair["type"].native, str(pair["value"].native)
            if len(value) > _LONGEST_TEXT or not _is_plain(value):
                raise ValueError("subject")
            said[name] = (*said.get(name, ()), value)
    return said


def _attributes(found: asn1.Certificate) -> dict[str, Attribute] | Unfit:
    """Read the subject directory attributes: each type once, with one value, of a known type."""
    said: dict[str, Attribute] = {}
    for one in found.subject_directory_attributes_value or []:
        dotted = one["type"].dotted
        if dotted in said or len(one["values"]) != 1:
            return Unfit(Flaw.WRONG_ATTRIBUTES, f"{dotted} twice")
        value = _value(one["values"][0])
        if value is None:
            return Unfit(Flaw.WRONG_ATTRIBUTES, f"{dotted} of another type")
        said[dotted] = value
    return said


def _value(any_value: Any) -> Attribute | None:
    parsed = any_value.parsed if isinstance(any_value, core.Any) else any_value
    if isinstance(parsed, core.ObjectIdentifier):
        return Attribute(parsed.dotted, is_oid=True)
    if isinstance(parsed, core.UTF8String | core.PrintableString):
        text = str(parsed.native)
        if len(text) <= _LONGEST_TEXT and _is_plain(text):
            return Attribute(text, is_oid=False)
    return None


def _is_plain(text: str) -> bool:
    """Tell that nothing in a text controls how it is shown.

    Letters that this Python does not know yet, and those of private use, stand in names.
    """
    return all(one == " " or unicodedata.category(one) not in _CONTROLS for one in text)
