"""The register of clients."""

from idp.audit.events.event import Event


class ClientAdded(Event, frozen=True):
    """A client was registered."""

    name = "client.added"
    source: str


class ClientChanged(Event, frozen=True):
    """A registration was replaced."""

    name = "client.changed"
    source: str


class ClientRemoved(Event, frozen=True):
    """A client was disabled for good."""

    name = "client.removed"
    source: str


class ClientSecretRotated(Event, frozen=True):
    """A client was given a new secret."""

    name = "client.secret_rotated"


class ClientRefused(Event, frozen=True):
    """Somebody failed to prove to be a client."""

    name = "client.refused"
    reason: str
