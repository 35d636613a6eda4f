"""Browsers that were signed out."""

from typing import Literal

from idp.audit.events.event import Event


class SessionEnded(Event, frozen=True):
    """One browser was signed out."""

    name = "session.ended"
    session: str
    why: str


class SessionsEnded(Event, frozen=True):
    """Everything an account had open was ended at once."""

    name = "sessions.ended"
    why: str


class BrowsersSignedOut(Event, frozen=True):
    """A person signed out browsers on the page that lists them."""

    name = "sessions.signed_out"
    for_owner = True
    which: Literal["one", "others", "all"]
