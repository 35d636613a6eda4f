"""Every event of the audit log, with the only fields it may hold.

A field that is not declared here cannot be logged: there is no free-form dictionary on
the way in, and no field for a password, code, token or national id. ``subject`` (the
``sub`` of an account: a pseudonym) and ``client_id`` have columns of their own.
"""

from types import ModuleType

from idp.audit.events import (
    accounts,
    cards,
    clients,
    directories,
    factors,
    grants,
    links,
    operation,
    passwords,
    sessions,
    signin,
)
from idp.audit.events.event import Event

MODULES = (
    signin,
    sessions,
    passwords,
    factors,
    grants,
    clients,
    links,
    accounts,
    directories,
    cards,
    operation,
)


def of(module: ModuleType) -> tuple[type[Event], ...]:
    """List the events that a module declares, in its order."""
    return tuple(one for one in Event.__subclasses__() if one.__module__ == module.__name__)


ALL = tuple(event for module in MODULES for event in of(module))
"""Every event; the house tests and ``docs/generated/events.md`` are made from it."""
