"""The portal's own pages that a sign-in may lead back to, by a name in place of a journey's id.

A list of names and no address: nobody can send a person elsewhere through the sign-in.
"""

import re

from flask import url_for

REQUESTS = "requests"
PASSKEYS = "passkeys"
TOTP = "totp"
PAGES = {
    REQUESTS: "requests.show",
    PASSKEYS: "passkeys.show",
    TOTP: "totp.show",
}
"""The endpoint of each page that a sign-in may lead back to."""
_DEVICE = re.compile(r"device\.[A-Z]{0,8}")


def device(user_code: str) -> str:
    """Name the way back to ``/device``, with the code that was typed."""
    return f"device.{user_code}"


def is_name(journey_id: str) -> bool:
    """Tell a page of ours from a journey's id."""
    return journey_id in PAGES or _DEVICE.fullmatch(journey_id) is not None


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
    return url_for(PAGES.get(name, "dashboard.show"))
