"""What can go wrong with the answers about revocation, to be switched on by a test."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

Service = Literal["ocsp", "crl", "issuer"]
Transport = Literal["silent", "drip", "garbage", "empty", "huge", "truncated"]
Certainty = Literal["good", "revoked", "suspended", "unknown"]
SignedBy = Literal["responder", "issuer", "foreign", "foreign_issuer", "no_eku", "stranger"]
Nonce = Literal["echo", "none", "wrong"]


@dataclass(frozen=True, slots=True)
class Fault:
    """How one service of one authority answers; the defaults are as it should."""

    slow: float = 0
    """Seconds before the first octet."""
    transport: Transport | None = None
    """``silent``: accepts and never speaks. ``drip``: an octet every tenth of a second.
    ``garbage``: no DER. ``huge``: 64 MiB. ``truncated``: DER that breaks off."""
    status: int = 200
    """Of HTTP; from 500 on without a body."""
    redirect: str | None = None
    """Sends the caller to this address."""
    age: timedelta = timedelta()
    """How long ago it was true (``thisUpdate``); negative: it will be true."""
    outdated: bool = False
    """Whether ``nextUpdate`` has passed, too."""
    certainty: Certainty | None = None
    """OCSP: says this, whatever the register says."""
    signed_by: SignedBy = "responder"
    """OCSP: who signs, and whose certificate comes along. ``foreign``: the true responder of
    another authority below the same root, the bypass of delegated responders.
    ``foreign_issuer``: that authority itself. ``no_eku``: issued by the right authority, but
    not for answering. ``stranger``: a key that nobody certified but itself. CRL: anything but
    the first two means another authority's key under the right name."""
    wrong_cert: bool = False
    """OCSP: answers about another serial. CRL: sends another partition's list."""
    nonce: Nonce = "echo"
    error: Literal["malformed_request", "internal_error", "try_later", "unauthorized"] | None = None
    """OCSP: answers with this ``responseStatus`` and nothing else."""
    number: int | None = None
    """CRL: its number, instead of the next one."""


FINE = Fault()
NAMED: dict[str, Fault] = {
    "silent": Fault(transport="silent"),
    "stale": Fault(age=timedelta(days=20)),
    "outdated": Fault(age=timedelta(days=20), outdated=True),
    "future": Fault(age=timedelta(hours=-2)),
    "unknown": Fault(certainty="unknown"),
    "revoked": Fault(certainty="revoked"),
    "foreign": Fault(signed_by="foreign"),
    "foreign_issuer": Fault(signed_by="foreign_issuer"),
    "no_eku": Fault(signed_by="no_eku"),
    "stranger": Fault(signed_by="stranger"),
    "issuer_signed": Fault(signed_by="issuer"),
    "wrong_cert": Fault(wrong_cert=True),
    "no_nonce": Fault(nonce="none"),
    "wrong_nonce": Fault(nonce="wrong"),
    "garbage": Fault(transport="garbage"),
    "empty": Fault(transport="empty"),
    "huge": Fault(transport="huge"),
    "drip": Fault(transport="drip"),
    "truncated": Fault(transport="truncated"),
    "try_later": Fault(error="try_later"),
    "unauthorized": Fault(error="unauthorized"),
    "500": Fault(status=500),
    "404": Fault(status=404),
}
"""By the names of the command line; ``slow=SECONDS`` is one more."""


@dataclass
class Faults:
    """The faults that are on, by authority and service."""

    _on: dict[tuple[str, Service], Fault] = field(default_factory=dict)

    def set(self, authority: str, service: Service, fault: Fault) -> None:
        """Let one service of one authority answer like that from now on."""
        self._on[authority, service] = fault

    def of(self, authority: str, service: Service) -> Fault:
        """Tell how a service answers now."""
        return self._on.get((authority, service), FINE)

    def clear(self) -> None:
        """Let everything answer as it should."""
        self._on.clear()


def named(text: str) -> Fault:
    """Read a fault as the command line writes it.

    Raises:
        LookupError: there is none of that name.
    """
    if text.startswith("slow="):
        return Fault(slow=float(text.removeprefix("slow=")))
    if text not in NAMED:
        raise LookupError(f"{text!r} is no fault; there are slow=SECONDS, {', '.join(NAMED)}")
    return NAMED[text]
