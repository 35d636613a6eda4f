"""Where a browser on a court's network is led before any page (P04): it may have a ticket.

Who has none sees the page that everybody else sees, with all the ways to sign in.
"""

from functools import partial

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from idp.web import errors
from idp.web.signin import directory, negotiating, password
from idp.web.signin.journeys import underway
from idp.web.signin.negotiating import Pages
from idp.web.wiring import provider

pages = Blueprint("ticket", __name__)


@pages.get("/signin/ticket")
def show() -> ResponseReturnValue:
    """Sign in by the browser's ticket, or show the sign-in page."""
    portico = provider()
    journey = underway(portico, request.args.get("journey", ""))
    if journey is None:
        return errors.journey_lost()
    again = partial(directory.form_page, journey, "")
    return negotiating.answer(portico, journey, Pages(partial(password.plain, journey), again))
