"""Signing in, by whatever means, and what held somebody up on the way."""

from typing import Literal

from idp.audit.events.event import Event


class SigninSucceeded(Event, frozen=True):
    """A person proved who they are, and a session was opened."""

    name = "signin.succeeded"
    method: str
    acr: str
    session: str


class SigninRefused(Event, frozen=True):
    """An attempt failed; ``reason`` is the true one, which the page may not tell."""

    name = "signin.refused"
    method: str
    reason: str


class SigninRaised(Event, frozen=True):
    """A second factor was shown; a session of its own took the place of the one before."""

    name = "signin.raised"
    method: str
    acr: str
    session: str


class SigninDisowned(Event, frozen=True):
    """The owner says that it was not them, in a session or by the link of a notice."""

    name = "signin.disowned"
    for_owner = True
    by: Literal["session", "mail"]


class Throttled(Event, frozen=True):
    """A gate began to refuse a context."""

    name = "throttle.blocked"
    gate: str


class ThrottleLifted(Event, frozen=True):
    """An operator ended rests before their time; ``subject``: of whose name, if it has one."""

    name = "throttle.lifted"
    gate: str
    directory: str
    rests: int
    reason: str
    """In the operator's words."""
