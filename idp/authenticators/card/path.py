"""Whether an authority has really issued a certificate, for this purpose and policy. Pure.

Two verifiers that share no code look at it, and both have to agree: pyhanko-certvalidator, which
knows policies, and cryptography, which is written in another language by other people. Of a pair
that both have agreed on only the time is looked at again: nothing else about it can change.
"""

import threading
from collections import OrderedDict
from datetime import datetime
from hashlib import sha256

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509 import verification

from idp.authenticators.card.authority import Authority
from idp.authenticators.card.leaf import Leaf
from idp.authenticators.card.reasons import Flaw, Unfit


def check(
    leaf: Leaf, authority: Authority, policies: frozenset[str], now: datetime
) -> Unfit | None:
    """Tell what is wrong with the path from an installed authority to a card; ``None``: nothing.

    The authority is the anchor: that it is itself still good is looked at when it is installed
    and every day after, not at every sign-in.
    """
    pair = (sha256(leaf.der).digest(), authority.fingerprint, policies)
    if unfit := _time(leaf, authority, now):
        return unfit
    if _proven.has(pair):
        return None
    unfit = _by_pyhanko(leaf, authority, policies, now) or _by_cryptography(leaf, authority, now)
    if unfit is None:
        _proven.add(pair)
    return unfit


_Pair = tuple[bytes, bytes, frozenset[str]]


class _Proven:
    """The last pairs of card and authority that stood; thread-safe."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._pairs: OrderedDict[_Pair, None] = OrderedDict()
        self._lock = threading.Lock()

    def has(self, pair: _Pair) -> bool:
        with self._lock:
            return pair in self._pairs

    def add(self, pair: _Pair) -> None:
        with self._lock:
            self._pairs[pair] = None
            while len(self._pairs) > self._most:
                self._pairs.popitem(last=False)


_proven = _Proven(10_000)


def _time(leaf: Leaf, authority: Authority, now: datetime) -> Unfit | None:
    if now < leaf.not_before:
        return Unfit(Flaw.NOT_YET_VALID, leaf.not_before.isoformat())
    if now > leaf.not_after:
        return Unfit(Flaw.EXPIRED, leaf.not_after.isoformat())
    issuer = authority.certificate
    if not issuer.not_valid_before_utc <= now <= issuer.not_valid_after_utc:
        return Unfit(Flaw.WRONG_PATH, "the authority has expired")
    return None


def _by_pyhanko(
    leaf: Leaf, authority: Authority, policies: frozenset[str], now: datetime
) -> Unfit | None:
    from idp.authenticators.card import by_pyhanko  # noqa: PLC0415 - see there

    trouble = by_pyhanko.path_trouble(leaf, authority, policies, now)
    return Unfit(Flaw.WRONG_PATH, trouble) if trouble else None


def _by_cryptography(leaf: Leaf, authority: Authority, now: datetime) -> Unfit | None:
    try:
        _verifier(authority, now).verify(x509.load_der_x509_certificate(leaf.der), [])
    except (verification.VerificationError, ValueError, UnsupportedAlgorithm):
        return Unfit(Flaw.WRONG_PATH, "second opinion")
    return None


def _verifier(authority: Authority, now: datetime) -> verification.ClientVerifier:
    of_leaves = verification.ExtensionPolicy.permit_all().require_present(
        x509.KeyUsage, verification.Criticality.AGNOSTIC, _signs
    )
    of_authorities = verification.ExtensionPolicy.webpki_defaults_ca()
    return (
        verification.PolicyBuilder()
        .store(verification.Store([authority.certificate]))
        .time(now)
        .max_chain_depth(0)
        .extension_policies(ca_policy=of_authorities, ee_policy=of_leaves)
        .build_client_verifier()
    )


def _signs(
    _policy: verification.Policy, _certificate: x509.Certificate, usage: x509.KeyUsage
) -> None:
    if not usage.digital_signature:
        raise ValueError("key usage")
