"""What linking decides without asking anybody. Pure."""

import re
from enum import StrEnum
from urllib.parse import urlsplit

from idp.config import ClientSection
from idp.oidc.model import Client

_URI = re.compile(r"[!$%&'()*+,./0-9:;=?A-Z\[\]_a-z~-]{1,2000}")
"""What a way back may be written with: no blank, no backslash, no ``@``, no fragment."""


class Outcome(StrEnum):
    """What came of a try to link. ``idp.web.wording`` has a sentence for each."""

    LINKED = "linked"
    REFUSED = "refused"
    """The app does not know the account, or not with this password."""
    TAKEN = "taken"
    """The account is somebody else's already."""
    THROTTLED = "throttled"
    """Too many tries, for the app's taste or for ours."""
    OPEN = "open"
    """There is a link already, or another try is under way: nothing was sent."""
    UNANSWERED = "unanswered"
    """It was sent, and what came of it is not known yet; the worker asks."""
    UNSENT = "unsent"
    """The app cannot be asked: its key or its address is of no use, or too many wait for it."""


def offers_linking(client: Client) -> bool:
    """Tell whether an app has accounts of its own to link."""
    return bool(client.registration.link_uri) and not client.disabled


def way_back(registration: ClientSection, wanted: str) -> str:
    """Give where a browser goes on to after linking; empty: nowhere that is the app's.

    ``wanted`` is taken when it is at home where the app registered to be: the scheme, host
    and port of one of its redirect URIs or its front page, each compared as it is written.
    """
    registered = [*registration.redirect_uris, registration.home_uri]
    homes = {_origin(uri) for uri in registered} - {""}
    if _URI.fullmatch(wanted) and _origin(wanted) in homes:
        return wanted
    return registration.home_uri


def masked(account: str) -> str:
    """Show as much of an account's name as its owner needs: ``A1234567`` as ``A••••••7``."""
    hidden = len(account) - 2
    return f"{account[0]}{'•' * hidden}{account[-1]}" if hidden > 0 else "•" * len(account)


def _origin(uri: str) -> str:
    try:
        parts = urlsplit(uri)
    except ValueError:
        return ""
    web = parts.scheme in {"https", "http"} and parts.netloc
    return f"{parts.scheme}://{parts.netloc}" if web else ""
