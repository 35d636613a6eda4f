"""The first page: which kind of account, and where each kind begins (P01, B01)."""

from dataclasses import dataclass, field

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _

from idp.registration import flows
from idp.registration.flows import ProofKind
from idp.registration.store import Under
from idp.signin.counters import Attempt
from idp.signin.throttle import Proceed
from idp.web import tickets
from idp.web.forms import FieldError
from idp.web.headers import PAGES
from idp.web.request import browser_hash, demand_csrf, mark, origin, single_form
from idp.web.signin.registering import kind
from idp.web.signin.registering.kind import KindView
from idp.web.wiring import provider

pages = Blueprint("register", __name__)

_CHOOSE = _("Choose the kind of account.")
_UNKNOWN = _("There is no such kind of account. These are the kinds there are.")
_TOO_MANY = _("Too many registrations were begun from your network. Wait a minute.")


@dataclass(frozen=True, slots=True)
class ChoosePage:
    """What ``signin/register/choose.html`` shows."""

    action: str
    journey: str
    signin_url: str
    choices: list[KindView]
    errors: list[FieldError] = field(default_factory=list)


@pages.get("/register-account")
def show() -> ResponseReturnValue:
    """List the kinds of account, or show the one that is asked for."""
    word, journey = request.args.get("kind", ""), request.args.get("journey", "")
    if not word:
        return _page(journey, [], 200)
    tracks = flows.named(word)
    if not tracks:
        return _page(journey, [FieldError("", _UNKNOWN)], 404)
    return kind.show(tracks, word, journey)


@pages.post("/register-account")
def begin() -> ResponseReturnValue:
    """Begin a flow of the chosen kind."""
    form = single_form()
    demand_csrf(form)
    portico, journey = provider(), form.get("journey", "")
    track = kind.open_tracks(portico).get(form.get("kind", ""))
    if track is None:
        return _page(journey, [FieldError("kind", _CHOOSE)], 422)
    if track.proof is ProofKind.DIRECTORY:
        # Their proof is the sign-in itself, which leads on to the rest.
        return redirect(url_for("directory.show", journey=journey[:128] or None), code=303)
    with portico.database.write(origin()) as tx:
        attempt = Attempt("registration", "", tx.origin.address)
        if not isinstance(portico.gate.reserve(tx, attempt, captcha=True).verdict, Proceed):
            return _page(journey, [FieldError("", _TOO_MANY)], 429)
        flow_id = portico.registering.begin(tx, browser_hash(), track, journey[:128])
    return redirect(url_for("register_terms.show", flow=flow_id), code=303)


@pages.post("/register-account/cancel")
def cancel() -> ResponseReturnValue:
    """取消註冊: forget the flow and everything that was typed."""
    form = single_form()
    demand_csrf(form)
    portico = provider()
    with portico.database.write(origin()) as tx:
        left = portico.registering.cancel(tx, form.get("flow", ""), browser_hash())
    response = make_response(redirect(url_for("password.show", journey=left or None), code=303))
    # Their ticket would lead them back into what they have just left.
    return mark(response) if tickets.sections_here(portico) else response


def _page(journey: str, problems: list[FieldError], status: int) -> Response:
    portico = provider()
    page = ChoosePage(
        action=url_for("register.begin"),
        journey=journey,
        signin_url=url_for("password.show", journey=journey or None),
        choices=[kind.view(portico, track, journey) for track in flows.TRACKS.values()],
        errors=problems,
    )
    shown = render_template("signin/register/choose.html", page=page)
    return PAGES.apply(make_response(shown, status))


def way_back(under: Under) -> str:
    """Give where a finished registration leads: to the sign-in of the journey it came from.

    Not to the journey's hub: with ``prompt=create`` that would ask for one more account.
    """
    journey = under.answers.journey or None
    if under.track.proof is ProofKind.DIRECTORY:
        return url_for("directory.show", journey=journey, form=1)
    page = "card.show" if under.track.proof is ProofKind.CARD else "password.show"
    return url_for(page, journey=journey)
