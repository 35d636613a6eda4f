"""What keeps the provider running: keys, deliveries, backups, the log itself."""

from idp.audit.events.event import Event


class KeyAdded(Event, frozen=True):
    """A signing key was made."""

    name = "key.added"
    kid: str
    alg: str


class KeyRetired(Event, frozen=True):
    """A signing key was taken out of use at once."""

    name = "key.retired"
    kid: str


class OutboxAbandoned(Event, frozen=True):
    """Something could not be delivered and is not tried again."""

    name = "outbox.abandoned"
    kind: str
    attempts: int


class BackupRestored(Event, frozen=True):
    """The database came back from a backup; all that stood on the accounts' epochs was ended."""

    name = "backup.restored"
    accounts: int


class Checkpoint(Event, frozen=True):
    """The heads of all chains that moved since the last checkpoint, tied together."""

    name = "audit.checkpoint"
    previous: list[str]
    """Chain, seq and hash of the checkpoint before; empty for the first."""
    heads: list[list[str]]
    """Chain, seq and hash of each chain that moved."""
