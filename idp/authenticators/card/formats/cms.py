"""A CMS message with one signer (RFC 5652). Imported with the first: it needs asn1crypto."""

from typing import Any

from asn1crypto import cms, core
from cryptography.hazmat.primitives import hashes

from idp.authenticators.card.formats.document import (
    LONGEST_CERTIFICATE,
    LONGEST_SIGNATURE,
    Document,
    Malformed,
)

_MOST_CERTIFICATES = 4
_DIGESTS: dict[str, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_SIGNED_ATTRIBUTES_AS_SIGNED = b"\x31"  # SET OF in place of [0], RFC 5652 section 5.4


def read(der: bytes, software: str) -> Document:
    """Take a message apart: one signer, signed attributes, its certificate inside.

    Raises:
        Malformed: it is anything else that can be told; other exceptions where it is no DER.
    """
    message = cms.ContentInfo.load(der, strict=True)
    if message["content_type"].native != "signed_data":
        raise Malformed("content type")
    data = message["content"]
    (signer,) = data["signer_infos"]
    content = _content(data["encap_content_info"])
    digest_name = signer["digest_algorithm"]["algorithm"].native
    if digest_name not in _DIGESTS:
        raise Malformed("digest")
    _check_attributes(signer["signed_attrs"], content, _DIGESTS[digest_name])
    attributes = signer["signed_attrs"].dump()
    return Document(
        certificate=_certificate_of(signer, data["certificates"]),
        algorithm=_algorithm(signer, digest_name),
        signature=_signature(signer),
        software=software,
        attributes=_SIGNED_ATTRIBUTES_AS_SIGNED + attributes[1:],
        content=content,
    )


def _content(wrapped: Any) -> bytes:
    if wrapped["content_type"].native != "data" or isinstance(wrapped["content"], core.Void):
        raise Malformed("content")
    return bytes(wrapped["content"].native)


def _check_attributes(attributes: Any, content: bytes, digest: hashes.HashAlgorithm) -> None:
    """Hold the attributes to RFC 5652 section 11; without any, anything could be the content."""
    values: dict[str, Any] = {}
    for attribute in attributes:
        name = attribute["type"].dotted
        if name in values or len(attribute["values"]) != 1:
            raise Malformed("an attribute twice")
        values[name] = attribute["values"][0].native
    hashed = hashes.Hash(digest)
    hashed.update(content)
    if values.get("1.2.840.113549.1.9.3") != "data":
        raise Malformed("attribute content type")
    if values.get("1.2.840.113549.1.9.4") != hashed.finalize():
        raise Malformed("message digest")


def _certificate_of(signer: Any, certificates: Any) -> bytes:
    if signer["sid"].name != "issuer_and_serial_number":
        raise Malformed("signer")
    if len(certificates) > _MOST_CERTIFICATES:
        raise Malformed("certificates")
    wanted = signer["sid"].chosen
    for choice in certificates:
        found = choice.chosen
        if (
            found.issuer == wanted["issuer"]
            and found.serial_number == wanted["serial_number"].native
        ):
            der = bytes(found.dump())
            if len(der) > LONGEST_CERTIFICATE:
                break
            return der
    raise Malformed("no certificate of the signer")


def _algorithm(signer: Any, digest_name: str) -> str:
    """Name the algorithm; where it says its own digest, that has to be the same."""
    said = signer["signature_algorithm"]
    family = {"rsassa_pkcs1v15": "RS", "ecdsa": "ES"}.get(said.signature_algo)
    if family is None:
        raise Malformed("signature algorithm")
    if said["algorithm"].native != "rsassa_pkcs1v15" and said.hash_algo != digest_name:
        raise Malformed("two digests")
    return family + digest_name.removeprefix("sha")


def _signature(signer: Any) -> bytes:
    found = bytes(signer["signature"].native)
    if not 0 < len(found) <= LONGEST_SIGNATURE:
        raise Malformed("signature")
    if signer["signature_algorithm"].signature_algo != "ecdsa":
        return found
    return _joined(found, signer["digest_algorithm"]["algorithm"].native)


def _joined(signature: bytes, digest_name: str) -> bytes:
    """Lay r and s one after the other, as everywhere else here."""
    pair = core.SequenceOf.load(signature, strict=True, spec=core.Integer)
    r, s = (number.native for number in pair)
    size = {"sha256": 32, "sha384": 48, "sha512": 66}[digest_name]
    return bytes(r.to_bytes(size, "big") + s.to_bytes(size, "big"))
