"""``/check-session``: the frame that apps ask about the session (OIDC Session 1.0, 3.2)."""

from flask import Blueprint, make_response, render_template
from flask.typing import ResponseReturnValue

from idp.web.headers import FRAMED_BY_ANYONE
from idp.web.request import state_cookie_name

endpoint = Blueprint("check_session", __name__)


@endpoint.get("/check-session")
def show() -> ResponseReturnValue:
    """Serve the frame: no words, no secrets, only the script that compares."""
    page = render_template("oidc/check_session.html", cookie=state_cookie_name())
    return FRAMED_BY_ANYONE.apply(make_response(page))
