"""What an authority of the lab publishes, by the path of the request."""

import base64
import binascii
from dataclasses import dataclass, field, replace
from datetime import timedelta
from urllib.parse import unquote_to_bytes

from cardbridge.lab import crls, leaves, ocsp
from cardbridge.lab.authorities import Authority, Signer
from cardbridge.lab.crls import Heading, Revoked
from cardbridge.lab.faults import Fault, Faults, Service
from cardbridge.lab.pki import LabPki
from cardbridge.lab.register import Status

_LIST_GOOD_FOR = timedelta(days=1)
_TYPES: dict[Service, str] = {
    "ocsp": "application/ocsp-response",
    "crl": "application/pkix-crl",
    "issuer": "application/pkix-cert",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, and how it is to travel."""

    status: int
    content_type: str = "text/plain"
    body: bytes = b""
    fault: Fault = field(default_factory=Fault)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a path leads."""

    authority: str
    service: Service
    rest: str


class Publication:
    """Everything that the lab answers; any number of threads may ask at once."""

    def __init__(self, pki: LabPki, faults: Faults, instead: dict[str, bytes]) -> None:
        self._pki = pki
        self._faults = faults
        self._instead = instead

    def answer(self, method: str, path: str, body: bytes) -> Reply:
        """Answer one request; ``path`` without a query."""
        place = _place(path)
        if place is None or place.authority not in self._pki.offices.names:
            return Reply(404)
        fault = self._faults.of(place.authority, place.service)
        if fault.status >= 400 or fault.redirect:
            return Reply(302 if fault.redirect else fault.status, fault=fault)
        said = self._instead.get(path) or self._say(place, method, body, fault)
        if said is None:
            return Reply(404)
        return Reply(200, _TYPES[place.service], said, fault)

    def _say(self, place: _Place, method: str, body: bytes, fault: Fault) -> bytes | None:
        authority = self._pki.authority(place.authority)
        match place.service:
            case "issuer":
                return authority.signer.der
            case "crl":
                return self._list(authority, place.rest, fault)
            case "ocsp":
                question = body if method == "POST" else _from_path(place.rest)
                return ocsp.answer(self._pki, place.authority, question, fault)

    def _list(self, authority: Authority, name: str, fault: Fault) -> bytes | None:
        part = _partition(name)
        if name != "complete.crl" and part is None:
            return None
        if fault.wrong_cert and part is not None:
            part = (part + 1) % leaves.PARTITIONS
        signer = self._list_signer(authority, fault)
        return crls.assemble(
            signer, self._heading(authority, part, fault), self._revoked(authority, part)
        )

    def _heading(self, authority: Authority, part: int | None, fault: Fault) -> Heading:
        url = self._pki.offices.url_of(authority.name)
        since = self._pki.clock() - fault.age
        until = since + _LIST_GOOD_FOR + (timedelta() if fault.outdated else fault.age)
        return Heading(
            fault.number or self._pki.register.next_number(f"{authority.name} {part}"),
            since,
            max(until, since + timedelta(minutes=1)),
            None if part is None else f"{url}/crl/part-{part}.crl",
        )

    def _revoked(self, authority: Authority, part: int | None) -> list[Revoked]:
        return [
            Revoked(one.serial, one.changed_at or self._pki.clock(), one.reason)
            for one in self._pki.register.entries(authority.name)
            if one.status is not Status.GOOD and part in {None, one.partition}
        ]

    def _list_signer(self, authority: Authority, fault: Fault) -> Signer:
        if fault.signed_by in {"responder", "issuer"}:
            return authority.signer
        return replace(authority.signer, key=ocsp.another(self._pki, authority).signer.key)


def _place(path: str) -> _Place | None:
    match path.strip("/").split("/", 2):
        case [authority, "ocsp", *rest]:
            return _Place(authority, "ocsp", "".join(rest))
        case [authority, "crl", rest]:
            return _Place(authority, "crl", rest)
        case [authority, "issuer.cer"]:
            return _Place(authority, "issuer", "")
        case _:
            return None


def _partition(name: str) -> int | None:
    digits = name.removeprefix("part-").removesuffix(".crl")
    if name != f"part-{digits}.crl" or not digits.isascii() or not digits.isdecimal():
        return None
    return int(digits) if int(digits) < leaves.PARTITIONS else None


def _from_path(rest: str) -> bytes:
    """Read a question that came in the path (RFC 6960 appendix A.1)."""
    try:
        return base64.b64decode(unquote_to_bytes(rest), validate=True)
    except binascii.Error:
        return b""
