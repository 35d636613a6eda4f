"""How hard a password is to guess, told while it is typed: a help, never a judge (P14)."""

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue

from idp.authenticators.password.known import strength
from idp.web.headers import PAGES
from idp.web.request import demand_csrf, single_form

pages = Blueprint("strength", __name__)
_LONGEST = 128


@pages.post("/password/strength")
def estimate() -> ResponseReturnValue:
    """Give a score of 0 to 4. What is sent is looked at and forgotten: no log, no record."""
    form = single_form()
    demand_csrf(form)
    words = [form.get(name, "")[:64] for name in ("username", "name")]
    score = strength(form.get("password", "")[:_LONGEST], [word for word in words if word])
    if score is None:
        return PAGES.apply(Response(status=204))  # busy: a help that waits is none
    return PAGES.apply(Response(f'{{"score":{score}}}', content_type="application/json"))
