"""Passwords, and the way back for who has lost theirs."""

from typing import Literal

from idp.audit.events.event import Event


class PasswordUpgraded(Event, frozen=True):
    """The same password was hashed again with stronger parameters."""

    name = "password.upgraded"


class PasswordDisabled(Event, frozen=True):
    """Too many wrong passwords in a row: it is off until recovery."""

    name = "password.disabled"
    for_owner = True


class PasswordChanged(Event, frozen=True):
    """The password is another one."""

    name = "password.changed"
    for_owner = True
    how: Literal["change", "recovery"]


class RecoveryAsked(Event, frozen=True):
    """A link to set a new password was sent."""

    name = "recovery.asked"
    for_owner = True
