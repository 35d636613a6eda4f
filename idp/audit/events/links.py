"""Accounts of apps that people link with theirs."""

from typing import Literal

from idp.audit.events.event import Event


class LinkMade(Event, frozen=True):
    """An account was linked with one of an app."""

    name = "link.made"
    for_owner = True
    attempt: str


class LinkRefused(Event, frozen=True):
    """A try to link came to nothing; ``gate``: it was one too many and nothing was sent."""

    name = "link.refused"
    reason: str


class LinkEnded(Event, frozen=True):
    """A link, or a try that was still open, was ended by the person or by the app."""

    name = "link.ended"
    for_owner = True
    attempt: str
    why: Literal["person", "app"]
