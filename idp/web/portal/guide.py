"""新手上路, the beginners' guide: how to sign in, and what to do when it does not work."""

from dataclasses import dataclass

from flask import Blueprint, make_response, render_template
from flask.typing import ResponseReturnValue

from idp.web.headers import PAGES
from idp.web.wiring import provider

pages = Blueprint("guide", __name__)


@dataclass(frozen=True, slots=True)
class GuidePage:
    """What ``portal/guide.html`` shows."""

    help_desk: str
    takes_cards: bool
    has_directory: bool
    takes_tickets: bool
    tells_staff_numbers: bool


@pages.get("/guide")
def show() -> ResponseReturnValue:
    """Show the guide; open to everybody."""
    config = provider().config
    sections = config.directories
    page = GuidePage(
        config.provider.help_desk,
        config.cards.enabled,
        has_directory=bool(sections),
        takes_tickets=any(one.keytab_file and one.ticket_networks for one in sections),
        tells_staff_numbers=any(one.employee_numbers for one in sections),
    )
    return PAGES.apply(make_response(render_template("portal/guide.html", page=page)))
