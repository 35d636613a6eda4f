"""What a directory has proven in the sign-in that led to a registration (P20). Pure."""

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from idp.authenticators.directory.model import DirectoryPerson

LIFETIME = timedelta(hours=2)
"""From the sign-in to the account: who takes longer signs in once more."""
CARRIED = timedelta(minutes=15)
"""How long the proof waits for the first step."""


class DirectoryProof(msgspec.Struct, frozen=True):
    """A person whom a directory knew, and by what."""

    person: DirectoryPerson
    method: Literal["directory", "ticket"]
    amr: tuple[str, ...]
    acr: str
    """Of the session that the account begins with: nobody proves the same twice."""
    proven_at: datetime
