"""The portal's own pages that a sign-in may lead back to, by a name in place of a journey's id.

A list of names and no address: nobody can send a person elsewhere through the sign-in.
"""

import re

from flask import url_for

REQUESTS = "requests"
PAGES = {
    REQUESTS: "requests.show",
    "account": "account.show",
    "details": "account.change",
    "emails": "emails.show",
    "password": "own_password.show",
    "sessions": "own_sessions.show",
    "apps": "own_apps.show",
    "history": "own_history.show",
    "data": "own_data.show",
}
"""The endpoint of each page that a sign-in may lead back to."""
_DEVICE = re.compile(r"device\.[A-Z]{0,8}")


def device(user_code: str) -> str:
    """Name the way back to ``/device``, with the code that was typed."""
    return f"device.{user_code}"


def is_name(journey_id: str) -> bool:
    """Tell a page of ours from a journey's id."""
    return journey_id in PAGES or _DEVICE.fullmatch(journey_id) is not None


def address(name: str) -> str:
    """Give where a sign-in that no app asked for leads: the page named, or the front page."""
    if name.startswith("device."):
        return url_for("device.show", user_code=name.removeprefix("device.") or None)
    return url_for(PAGES.get(name, "dashboard.show"))
