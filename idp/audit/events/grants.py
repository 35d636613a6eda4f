"""What a person lets a client have, and the codes and tokens that come of it."""

from idp.audit.events.event import Event


class CodeIssued(Event, frozen=True):
    """A person authorised a client."""

    name = "code.issued"
    scope: str
    session: str


class CodeReplayed(Event, frozen=True):
    """A code came twice; what it had bought was revoked."""

    name = "code.replayed"
    family: str


class TokenIssued(Event, frozen=True):
    """A client received tokens."""

    name = "token.issued"
    grant_type: str
    scope: str
    family: str = ""


class RefreshReused(Event, frozen=True):
    """A spent refresh token came again; its family was revoked."""

    name = "refresh.reused"
    family: str


class TokenRevoked(Event, frozen=True):
    """A client gave a token back."""

    name = "token.revoked"
    kind: str
    family: str


class ConsentGiven(Event, frozen=True):
    """A person let a client have these scopes."""

    name = "consent.given"
    for_owner = True
    scope: str
    remembered: bool
    resource: str = ""
    """Where the tokens may be used (RFC 8707)."""


class ConsentRefused(Event, frozen=True):
    """A person said no."""

    name = "consent.refused"


class AccessWithdrawn(Event, frozen=True):
    """A person took back what a client was allowed."""

    name = "access.withdrawn"
    for_owner = True
