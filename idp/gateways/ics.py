"""Asking the authority of citizens' cards whether a national id is that of a card's holder.

The certificate holds four characters of the id. The authority's own service ("ICS") answers
for the whole of it: the number of the holder and the id go there, a code comes back. It needs a
contract and a client certificate, and is off without an address. What is known of its messages
comes from public code (docs/cards.md); the answer is not signed, so all rests on TLS, on the
nonce, and on every field that has to come back as it was sent.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import StrEnum
from xml.parsers import expat

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from idp.gateways.fetch import Errand, Fetcher, Forbidden, Unreachable
from idp.secret import Entropy

_LONGEST = 8 * 1024  # bytes of an answer
_NONCE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # 32 of them: each byte gives one fairly
_NONCE_LENGTH = 15
_TAIPEI = timezone(timedelta(hours=8))
_NUMBER, _NATIONAL_ID = re.compile(r"[0-9]{16}"), re.compile(r"[A-Z][A-D0-9][0-9]{8}")


class Said(StrEnum):
    """What the authority answers."""

    YES = "yes"
    NO = "no"
    """No certificate of this holder belongs to this id."""
    NOT_OPENED = "not_opened"
    """One does, and its holder has not opened it for use."""
    UNKNOWN = "unknown"
    """Nobody answered, or nothing that counts: neither yes nor no."""


@dataclass(frozen=True, slots=True)
class ClientKey:
    """With what we sign our questions."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey

    @property
    def name(self) -> str:
        """What the service knows us by: SHA-1 of our certificate, in hex."""
        der = self.certificate.public_bytes(Encoding.DER)
        return hashlib.sha1(der, usedforsecurity=False).hexdigest()


def read_key(certificate: bytes, key: bytes) -> ClientKey:
    """Read our certificate and its key, PEM.

    Raises:
        ValueError: one of them cannot be read, or the key is not RSA.
    """
    found = serialization.load_pem_private_key(key, None)
    if not isinstance(found, rsa.RSAPrivateKey):
        raise ValueError("the key has to be RSA")  # noqa: TRY004 - a wrong value in a file
    return ClientKey(x509.load_pem_x509_certificate(certificate), found)


@dataclass(frozen=True, slots=True)
class Ics:
    """The service; without an address it is never asked."""

    fetch: Fetcher
    entropy: Entropy
    url: str = ""
    ours: ClientKey | None = None

    @property
    def is_on(self) -> bool:
        """Whether there is anybody to ask."""
        return bool(self.url and self.ours)

    def ask(self, subject_number: str, national_id: str, now: datetime) -> Said:
        """Ask whether an id is that of a card's holder; no transaction may be open.

        Args:
            subject_number: the sixteen digits of the certificate's subject.
        """
        if self.ours is None or not self.url:
            return Said.UNKNOWN
        if not _NUMBER.fullmatch(subject_number) or not _NATIONAL_ID.fullmatch(national_id):
            return Said.UNKNOWN
        question = self._question(self.ours, subject_number, national_id, now)
        fields = {"ICSRequestXMLData": _signed(self.ours, question)}
        try:
            reply = self.fetch.post_form(self.url, fields, errand=Errand("national-id"))
        except (Unreachable, Forbidden):
            return Said.UNKNOWN
        if reply.status != 200 or len(reply.body) > _LONGEST:
            return Said.UNKNOWN
        return _judged(_leaves(reply.body), question)

    def _question(
        self, ours: ClientKey, subject_number: str, national_id: str, now: datetime
    ) -> Mapping[str, str]:
        drawn = self.entropy(_NONCE_LENGTH)
        return {
            "ClientID": ours.name,
            "Nonce": "".join(_NONCE_LETTERS[one % 32] for one in drawn),
            "ReqTime": f"{now.astimezone(_TAIPEI):%Y%m%d%H%M%S}",
            "TotalCount": "1",
            "ID": "1",
            "SN": subject_number,
            "SSID": national_id,
        }


_HEAD, _RECORD = ("ClientID", "Nonce", "ReqTime", "TotalCount"), ("ID", "SN", "SSID")


def _signed(ours: ClientKey, question: Mapping[str, str]) -> str:
    head = "".join(f"<{name}>{question[name]}</{name}>" for name in _HEAD)
    record = "".join(f"<{name}>{question[name]}</{name}>" for name in _RECORD)
    content = f"<ICSReq>{head}<Rec>{record}</Rec></ICSReq>"
    # SHA-1 is the service's choice; our question is no secret of anybody else's to forge.
    signature = ours.key.sign(content.encode(), padding.PKCS1v15(), hashes.SHA1())  # noqa: S303
    return (
        f"<ICSRequest>{content}<ICSReqLength>{len(content)}</ICSReqLength>"
        f"<Signature>{signature.hex()}</Signature></ICSRequest>"
    )


def _judged(answer: Mapping[str, str] | None, question: Mapping[str, str]) -> Said:
    """Judge an answer; one that does not answer this very question counts for nothing."""
    if answer is None:
        return Said.UNKNOWN
    expected = {f"ICSResponse/{name}": question[name] for name in _HEAD}
    expected |= {
        "ICSResponse/Rec/ID": question["ID"],
        "ICSResponse/Rec/SN": question["SN"],
        "ICSResponse/Rec/SSID4": question["SSID"][-4:],
    }
    if any(answer.get(path) != value for path, value in expected.items()):
        return Said.UNKNOWN
    return _CODES.get(answer.get("ICSResponse/Rec/Code", ""), Said.UNKNOWN)


_CODES = {"0": Said.YES, "1": Said.NO, "2": Said.NOT_OPENED}


class _Refused(Exception):
    """The document is not of the plain kind that is taken."""


def _leaves(body: bytes) -> Mapping[str, str] | None:
    """Read a small document: the text of each element by its path, each path once."""
    reader, path, found = expat.ParserCreate(), list[str](), dict[str, str]()

    def begin(name: str, attributes: dict[str, str]) -> None:
        path.append(name)
        where = "/".join(path)
        if attributes or where in found:
            raise _Refused
        found[where] = ""

    def refuse(*_anything: object) -> None:
        raise _Refused

    def text(data: str) -> None:
        found["/".join(path)] += data

    def end(_name: str) -> None:
        path.pop()

    reader.StartElementHandler, reader.EndElementHandler = begin, end
    reader.CharacterDataHandler = text
    reader.StartDoctypeDeclHandler = reader.ProcessingInstructionHandler = refuse
    try:
        reader.Parse(body, True)
    except (_Refused, expat.ExpatError, ValueError):
        return None
    return {where: said.strip() for where, said in found.items()}
