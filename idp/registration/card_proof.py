"""What a card has proven in a registration, and what the account keeps of that. Pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from idp.accounts.proofs import Assurance, Attribute, Proof
from idp.authenticators.card.profiles import CardHolder

LIFETIME = timedelta(hours=2)
"""From the signature to the account: who takes longer shows the card once more."""
CARRIED = timedelta(minutes=15)
"""How long a proof that came from a sign-in waits for the first step (B07)."""


class CardProof(msgspec.Struct, frozen=True):
    """A card that has signed in this registration, or in the sign-in that led to it."""

    certificate: bytes
    """DER."""
    holder: CardHolder
    evidence: str
    """SHA-256 of its package, hex."""
    proven_at: datetime

    def proves(self) -> Iterator[Proof]:
        """Say what may be believed of the account, and why."""
        holder = self.holder
        said = {
            Attribute.NAME: holder.name,
            Attribute.UNIFORM_NUMBER: holder.uniform_number,
            Attribute.ORGANISATION_OID: holder.organisation_oid,
        }
        for attribute, value in said.items():
            if value:
                yield self._proof(attribute, Assurance.CERTIFICATE)
        if holder.id_tail:
            yield self._proof(Attribute.NATIONAL_ID, Assurance.TAIL_MATCHED)

    def _proof(self, attribute: Attribute, assurance: Assurance) -> Proof:
        evidence = bytes.fromhex(self.evidence)
        return Proof(attribute, assurance, self.holder.profile_id, evidence, self.proven_at)
