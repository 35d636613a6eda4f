"""What a card has proven in a registration, and what the account keeps of that. Pure."""

from collections.abc import Callable, Iterator
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

    def proves(self, national_id: str, hash_of: Callable[[str, str], bytes]) -> Iterator[Proof]:
        """Say what may be believed of the account, and why.

        Args:
            national_id: as it was typed; the card knows its last characters.
            hash_of: :meth:`idp.accounts.particulars.Particulars.hash_of`.
        """
        holder = self.holder
        said = {
            Attribute.NAME: holder.name,
            Attribute.UNIFORM_NUMBER: holder.uniform_number,
            Attribute.ORGANISATION_OID: holder.organisation_oid,
        }
        for attribute, value in said.items():
            if value:
                yield self._proof(attribute, Assurance.CERTIFICATE, hash_of(attribute, value))
        if holder.id_tail and national_id.endswith(holder.id_tail):
            shown = hash_of(Attribute.NATIONAL_ID, national_id)
            yield self._proof(Attribute.NATIONAL_ID, Assurance.TAIL_MATCHED, shown)

    def _proof(self, attribute: Attribute, assurance: Assurance, value_hash: bytes) -> Proof:
        return Proof(
            attribute,
            assurance,
            self.holder.profile_id,
            self.holder.subject_number,
            value_hash,
            bytes.fromhex(self.evidence),
            self.proven_at,
        )
