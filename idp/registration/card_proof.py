"""The proof that a registration by card rests on, and for how long. Pure."""

from datetime import datetime, timedelta

import msgspec

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
