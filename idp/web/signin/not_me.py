"""這不是我, by the link of a mail: it undoes and signs nobody in, whoever opens it (P06).

The page looks alike for every link, and nothing on it tells whose account it is.
"""

from dataclasses import dataclass, field

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from idp.authenticators import Refusal
from idp.oidc import logout
from idp.web.forms import FieldError
from idp.web.headers import PAGES
from idp.web.request import demand_csrf, origin, single_form
from idp.web.wiring import provider
from idp.web.wording.ways import refusal_error

pages = Blueprint("not_me", __name__)


@dataclass(frozen=True, slots=True)
class NotMePage:
    """What ``signin/not_me.html`` shows."""

    action: str
    token: str
    help_desk: str
    recovery_url: str
    has_directories: bool
    """Whether somebody may be meant whose password is not ours."""
    is_lost: bool = False
    errors: list[FieldError] = field(default_factory=list)


@pages.get("/not-me")
def ask() -> ResponseReturnValue:
    """Show a button: a mail scanner that opens the link must not use it up."""
    return _page(request.args.get("token", "")[:128], 200)


@pages.post("/not-me")
def disown() -> ResponseReturnValue:
    """End everything, take back what the link allows, mail a link for a new password."""
    form = single_form()
    demand_csrf(form)
    portico, token = provider(), form.get("token", "")[:128]
    with portico.database.write(origin()) as tx:
        outcome = portico.recovery.disown_by_link(tx, token, logout.reach(tx))
    if isinstance(outcome, Refusal):
        return _page(token, 429, errors=[refusal_error(outcome.reason)])
    if outcome is None:
        return _page("", 410, is_lost=True)
    return redirect(url_for("own_history.disowned", outcome=outcome), code=303)


def _page(
    token: str, status: int, *, is_lost: bool = False, errors: list[FieldError] | None = None
) -> ResponseReturnValue:
    page = NotMePage(
        url_for("not_me.disown"),
        token,
        provider().config.provider.help_desk,
        url_for("recovery.show"),
        bool(provider().config.directories),
        is_lost,
        errors or [],
    )
    shown = render_template("signin/not_me.html", page=page)
    return PAGES.apply(make_response(shown, status))
