"""Whom a certificate proves: read, traced to an authority, verified, and not revoked.

The order is what makes it safe: nothing in a certificate leads us anywhere before its path is
proven (cards.md section 7, "SSRF by AIA/CRLDP").
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from idp.authenticators.card import index, path
from idp.authenticators.card.candidate import Candidate, Proven
from idp.authenticators.card.profiles import all_profiles, describe
from idp.authenticators.card.reasons import Flaw, Unfit
from idp.authenticators.card.revocation import Revocation
from idp.authenticators.card.trust import Trust
from idp.database.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Holders:
    """Traces certificates to their holders."""

    trust: Trust
    revocation: Revocation

    def trace(self, tx: Transaction, der: bytes) -> Candidate | Unfit:
        """Read a certificate and find who says to have issued it: two round trips at most."""
        from idp.authenticators.card import certificate  # noqa: PLC0415 - it needs asn1crypto

        leaf = certificate.read(der)
        if isinstance(leaf, Unfit):
            return leaf
        installed = self.trust.issuer_of(tx, leaf)
        if installed is None:
            return Unfit(Flaw.UNKNOWN_ISSUER, leaf.issuer_key_id.hex())
        issuer = installed.authority
        profile = all_profiles()[issuer.profile_id]
        holder = describe(profile, leaf)
        if isinstance(holder, Unfit):
            return holder
        return Candidate(leaf, holder, profile, issuer, index.look_up(tx, issuer, leaf.serial))

    def verify(self, candidate: Candidate, *, clock: Callable[[], datetime]) -> Proven | Unfit:
        """Verify the path, then ask whether it is revoked; no transaction may be open."""
        policies = frozenset(candidate.profile.policies)
        unfit = path.check(candidate.leaf, candidate.authority, policies, clock())
        if unfit:
            return unfit
        cleared = self.revocation.check(
            candidate.leaf,
            candidate.authority,
            candidate.profile.hosts,
            candidate.listed,
            clock=clock,
        )
        return cleared if isinstance(cleared, Unfit) else Proven(candidate, cleared)
