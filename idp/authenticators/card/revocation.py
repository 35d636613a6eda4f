"""Whether a card is revoked: its responder first, then a list; asked with no transaction open.

An answer that cannot be relied on is no answer. Where nobody can be asked, the card proves
nothing: an operator may let a list that is out of date serve for some hours, which the sign-in
then says (cards.md section 5, drill D13).
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from cryptography import x509
from cryptography.x509.ocsp import OCSPCertStatus

from idp.authenticators.card import crl, ocsp
from idp.authenticators.card.authority import Authority
from idp.authenticators.card.leaf import Leaf
from idp.authenticators.card.reasons import Flaw, Unfit
from idp.gateways.pki import Forbidden, PkiGateway, Unreachable
from idp.secret import Entropy

_REMEMBERED = 10_000  # answers


class Source(StrEnum):
    """Who said it."""

    OCSP = "ocsp"
    PART = "crl_part"
    INDEX = "crl_index"


@dataclass(frozen=True, slots=True)
class Listed:
    """What the index of the authority's whole list says about a card, read beforehand."""

    entry: crl.Entry | None
    number: int
    this_update: datetime
    next_update: datetime


@dataclass(frozen=True, slots=True)
class Cleared:
    """The card is not revoked, and who says so."""

    source: Source
    said_at: datetime
    evidence: bytes
    """The signed answer or part, as DER; of the index empty: its list is too long to keep."""
    reference: str
    """What the index read: the number of the list."""
    is_degraded: bool = False
    """It rests on a list past its time, within the grace that an operator gave."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old an answer may be."""

    ocsp_max_age: timedelta
    cached_for: timedelta
    """How long an answer serves the same card again; well below the age it may have."""
    grace: timedelta
    """How long past its time the index still serves; nothing: never."""


class Revocation:
    """Asks who may know; thread-safe."""

    def __init__(
        self, gateway: PkiGateway, freshness: Freshness, also: Collection[str], entropy: Entropy
    ) -> None:
        self._gateway = gateway
        self._freshness = freshness
        self._also = frozenset(also)
        self._entropy = entropy
        self._answers: OrderedDict[bytes, tuple[datetime, Cleared]] = OrderedDict()
        self._lock = threading.Lock()
        self.heard: Callable[[str], None] = lambda _word: None
        """Told what came of each question to a responder: a word for the figures."""

    def check(
        self,
        leaf: Leaf,
        authority: Authority,
        hosts: Collection[str],
        listed: Listed | None,
        *,
        clock: Callable[[], datetime],
    ) -> Cleared | Unfit:
        """Tell whether a card is revoked, with what is kept as evidence.

        Its path has to be proven: the addresses in it are anybody's until then.
        """
        now = clock()
        if listed is not None and listed.entry is not None and not listed.entry.is_suspended:
            return _revoked(listed.entry)  # nothing brings it back, so nobody needs to be asked
        if remembered := self._remembered(leaf, now, listed):
            return remembered
        may_call = self._also | set(hosts)
        said = self._by_ocsp(leaf, authority, may_call, clock)
        if said is None:
            said = self._by_part(leaf, authority, may_call, clock)
        if said is None or _is_outdone(said, listed):
            said = self._by_index(listed, now)
        if isinstance(said, Cleared):
            self._remember(leaf, said, now)
        return said

    def _by_ocsp(
        self, leaf: Leaf, authority: Authority, hosts: Collection[str], clock: "_Clock"
    ) -> Cleared | Unfit | None:
        """Ask the responder; ``None``: it has not said anything that counts."""
        nonce = self._entropy(ocsp.NONCE_BYTES)
        for url in leaf.ocsp_urls[:1]:
            try:
                said = self._gateway.ask(url, ocsp.question(leaf, authority, nonce), hosts)
            except (Unreachable, Forbidden) as wrong:
                self.heard(type(wrong).__name__.lower())
                return None
            found = ocsp.read(
                said, leaf, authority, nonce, now=clock(), max_age=self._freshness.ocsp_max_age
            )
            if isinstance(found, ocsp.Useless):
                self.heard("useless")
                return None
            self.heard(found.status.name.lower())
            return _by_status(found)
        return None

    def _by_part(
        self, leaf: Leaf, authority: Authority, hosts: Collection[str], clock: "_Clock"
    ) -> Cleared | Unfit | None:
        for url in leaf.crl_urls[:1]:
            try:
                der = self._gateway.fetch(url, hosts)
            except (Unreachable, Forbidden):
                return None
            found = crl.read(der, authority, now=clock())
            if isinstance(found, crl.Useless) or not crl.covers(found, leaf.crl_urls):
                return None
            if entry := found.find(leaf.serial):
                return _revoked(entry)
            return Cleared(Source.PART, found.this_update, der, str(found.number))
        return None

    def _by_index(self, listed: Listed | None, now: datetime) -> Cleared | Unfit:
        if listed is None or now > listed.next_update + self._freshness.grace:
            return Unfit(Flaw.COULD_NOT_CHECK)
        if listed.entry is not None:
            return _revoked(listed.entry)
        late = now > listed.next_update
        return Cleared(Source.INDEX, listed.this_update, b"", str(listed.number), is_degraded=late)

    def _remembered(self, leaf: Leaf, now: datetime, listed: Listed | None) -> Cleared | None:
        with self._lock:
            until, said = self._answers.get(leaf.fingerprint, (now, None))
        if said is None or now >= until or _is_outdone(said, listed):
            return None
        return replace(said)

    def _remember(self, leaf: Leaf, said: Cleared, now: datetime) -> None:
        with self._lock:
            self._answers.pop(leaf.fingerprint, None)
            self._answers[leaf.fingerprint] = (now + self._freshness.cached_for, said)
            while len(self._answers) > _REMEMBERED:
                self._answers.popitem(last=False)


_Clock = Callable[[], datetime]


def _is_outdone(said: Cleared | Unfit, listed: Listed | None) -> bool:
    """Tell whether the index names a card that was called good no later than that.

    A card is suspended in one instant: whoever repeats what was true before has seen nothing of it.
    """
    if not isinstance(said, Cleared) or listed is None or listed.entry is None:
        return False
    return said.said_at <= listed.this_update


def _by_status(found: ocsp.Answer) -> Cleared | Unfit:
    match found.status:
        case OCSPCertStatus.GOOD:
            return Cleared(Source.OCSP, found.this_update, found.der, "")
        case OCSPCertStatus.REVOKED:
            is_held = found.reason is x509.ReasonFlags.certificate_hold
            return Unfit(Flaw.SUSPENDED if is_held else Flaw.REVOKED)
        case _:
            # A responder that has never heard of the card outweighs any list that lacks it.
            return Unfit(Flaw.COULD_NOT_CHECK, "unknown to its responder")


def _revoked(entry: crl.Entry) -> Unfit:
    return Unfit(Flaw.SUSPENDED if entry.is_suspended else Flaw.REVOKED)
