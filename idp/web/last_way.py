"""The way to sign in that this browser used last: its page is the one that is shown first.

A wish and no proof. Nothing but the name of a way is kept, so whoever finds it learns of no
account; and an address that names a way leads to that one.
"""

from collections.abc import Collection
from typing import Final

from idp.accounts.model import Kind
from idp.provider import Provider
from idp.web.request import kept_way

PASSWORD: Final = "password"
CARD: Final = "card"
DIRECTORY: Final = "directory"


def endpoint(portico: Provider, kinds: Collection[str] = ()) -> str:
    """Give the endpoint of the page for this browser; takes what :func:`endpoint_of` does."""
    return endpoint_of(portico, kept_way(), kinds)


def endpoint_of(portico: Provider, way: str, kinds: Collection[str] = ()) -> str:
    """Give the endpoint of the page; the password's, unless another is known and of use.

    Args:
        way: as the browser tells it; anything may stand there.
        kinds: the kinds of account that can do what it is asked for; empty: all of them.
    """
    config = portico.config
    if way == CARD and config.cards.enabled:
        return "card.show"
    if way == DIRECTORY and config.directories and (not kinds or Kind.JUDGE in kinds):
        return "directory.show"
    return "password.show"
