"""The portal's own pages that a sign-in may lead back to, by a name in place of a journey's id.

A list of names and no address: nobody can send a person elsewhere through the sign-in. What
goes with the name of a page is for that page to judge, as if it had been in its own address.
"""

import base64
import binascii
import re

from flask import url_for

from idp.secret import base64url

REQUESTS, LINKS = "requests", "links"
PASSKEYS = "passkeys"
TOTP = "totp"
CARDS = "cards"
PAGES = {
    LINKS: "links.show",
    REQUESTS: "requests.show",
    "account": "account.show",
    "details": "account.change",
    "court": "own_court.show",
    "emails": "emails.show",
    "password": "own_password.show",
    "sessions": "own_sessions.show",
    "apps": "own_apps.show",
    "history": "own_history.show",
    "data": "own_data.show",
    PASSKEYS: "passkeys.show",
    TOTP: "totp.show",
    CARDS: "own_cards.show",
}
"""The endpoint of each page that a sign-in may lead back to."""
_DEVICE = re.compile(r"device\.[A-Z]{0,8}")
_CARD = re.compile(r"card\.[A-Za-z0-9_-]{1,100}")
_LINK = re.compile(r"link\.[A-Za-z0-9_-]{1,3000}")


def device(user_code: str) -> str:
    """Name the way back to ``/device``, with the code that was typed."""
    return f"device.{user_code}"


def link(client_id: str, return_to: str) -> str:
    """Name the way back to ``/links/<client_id>``, with where the app wants its person then."""
    return f"link.{base64url(f'{client_id} {return_to}'.encode('utf-8', 'replace')[:2200])}"


def card(offer: str) -> str:
    """Name the way back to ``/account/cards``, with the card that is offered there."""
    return f"card.{offer}"


def is_name(journey_id: str) -> bool:
    """Tell a page of ours from a journey's id."""
    if journey_id in PAGES:
        return True
    return any(shape.fullmatch(journey_id) for shape in (_DEVICE, _LINK, _CARD))


def onward(journey_id: str) -> str:
    """Give where to go on from a page that may belong to a journey: to its hub, or a page of ours.

    Whatever is neither leads to the hub as well, which knows no such journey.
    """
    if not journey_id or is_name(journey_id):
        return address(journey_id)
    return url_for("authorize.proceed", journey=journey_id)


def address(name: str) -> str:
    """Give where a sign-in that no app asked for leads: the page named, or the front page."""
    if name.startswith("device."):
        return url_for("device.show", user_code=name.removeprefix("device.") or None)
    if name.startswith("card."):
        return url_for("own_cards.show", offer=name.removeprefix("card."))
    if name.startswith("link."):
        client_id, _, return_to = _told(name.removeprefix("link.")).partition(" ")
        if client_id and "/" not in client_id:
            return url_for("links.begin", client_id=client_id, return_to=return_to or None)
    return url_for(PAGES.get(name, "dashboard.show"))


def _told(encoded: str) -> str:
    try:
        return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
