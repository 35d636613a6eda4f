"""The check page before anything is final, and what comes after it (B02, B03)."""

from dataclasses import dataclass, field
from datetime import date

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString
from sqlalchemy.exc import IntegrityError

from idp.accounts.particulars import masked
from idp.provider import Provider
from idp.registration import contact
from idp.registration.actions import Obstacle, Registered
from idp.registration.by_card import CardTaken
from idp.registration.flows import ProofKind, Step
from idp.registration.store import Under
from idp.web import errors, returning
from idp.web.forms import FieldError
from idp.web.headers import PAGES, Policy
from idp.web.request import demand_csrf, origin, own_word, sealed_word, single_form, speaks
from idp.web.signin.journeys import underway
from idp.web.signin.registering import arriving, flow
from idp.web.signin.registering.choose import way_back
from idp.web.signin.registering.flow import At, Posted
from idp.web.signin.registering.proven import facts
from idp.web.wiring import provider
from idp.web.wording.details import FIELDS
from idp.web.wording.registering import OBSTACLES
from ui import roc_calendar

pages = Blueprint("register_check", __name__)

_FIELD_OF = {Obstacle.NAME_TAKEN: "username", Obstacle.EMAIL_TAKEN: "email_1"}


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was told."""

    label: LazyString | str
    value: str
    field: str
    is_proven: bool = False
    """Whether the card or the directory says it."""


@dataclass(frozen=True, slots=True)
class CheckPage:
    """What ``signin/register/check.html`` shows."""

    action: str
    change_url: str
    lines: list[Line]
    activation: bool
    signin_url: str
    add_url: str
    recovery_url: str
    is_known: bool
    """Whether the person has an account already, by what was told."""
    is_of_directory: bool
    errors: list[FieldError] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class DonePage:
    """What ``signin/register/done.html`` shows."""

    activation: bool
    address: str
    next_url: str


@dataclass(frozen=True, slots=True)
class ActivatePage:
    """What ``signin/register/activate.html`` shows."""

    action: str
    token: str
    outcome: str = ""
    """``done``, or ``lost`` for a link that is good no more."""
    next_url: str = ""


@pages.get("/register-account/check")
def show() -> ResponseReturnValue:
    """Show everything once more; says here already what stands in the way."""
    place = flow.at(Step.CHECK, flow.asked_flow())
    if not isinstance(place, At):
        return place
    portico = provider()
    with portico.database.read() as tx:
        obstacle = portico.registering.obstacle(tx, place.under)
    return _page(place, obstacle, 200)


@pages.post("/register-account/check")
def finish() -> ResponseReturnValue:
    """確認註冊: open the account. Sent twice, it was opened once."""
    posted = flow.posted(Step.CHECK)
    if not isinstance(posted, Posted):
        return posted
    place = posted.place
    if place.under.track.proof is ProofKind.DIRECTORY:
        return arriving.finish(place, lambda error, status: _page(place, error, status))
    outcome = _finish(provider(), place.under)
    if isinstance(outcome, Registered):
        return redirect(url_for("register_check.done", flow=place.flow_id), code=303)
    if outcome is Obstacle.PROVE_AGAIN:
        return flow.again(place.flow_id)
    if outcome is Obstacle.LOOK_AGAIN:
        return redirect(url_for("register_check.show", flow=place.flow_id), code=303)
    return _page(place, outcome, 422)


def _finish(portico: Provider, under: Under) -> Registered | Obstacle:
    try:
        with portico.database.write(origin()) as tx:
            return portico.registering.finish(tx, under, speaks())
    except (IntegrityError, CardTaken):
        # Somebody took the name, the number or the card between our look and our insert; all of
        # ours was rolled back.
        with portico.database.read() as tx:
            return portico.registering.obstacle(tx, under) or Obstacle.LOOK_AGAIN


@pages.get("/register-account/done")
def done() -> ResponseReturnValue:
    """Say what happens now."""
    under = flow.found(provider(), flow.asked_flow())
    if under is None or not under.completed:
        return errors.registration_lost()
    page = DonePage(under.track.activation, under.answers.verified_email, way_back(under))
    return PAGES.apply(make_response(render_template("signin/register/done.html", page=page)))


@pages.get("/activate")
def ask_to_activate() -> ResponseReturnValue:
    """Show a button: a mail scanner that opens the link must not use it up."""
    page = ActivatePage(
        url_for("register_check.activate"),
        request.args.get("token", "")[:128],
        own_word(request.args.get("outcome", "")),
        url_for("password.show"),
    )
    return PAGES.apply(make_response(render_template("signin/register/activate.html", page=page)))


@pages.post("/activate")
def activate() -> ResponseReturnValue:
    """Let the account be used; whoever holds the link may do it from any browser."""
    form = single_form()
    demand_csrf(form)
    portico = provider()
    with portico.database.write(origin()) as tx:
        active = portico.registering.activate(tx, form.get("token", ""))
    if active:
        done = url_for("register_check.ask_to_activate", outcome=sealed_word("done"))
        return redirect(done, code=303)
    page = ActivatePage("", "", "lost", url_for("password.show"))
    shown = render_template("signin/register/activate.html", page=page)
    return PAGES.apply(make_response(shown, 410))


def _page(place: At, obstacle: Obstacle | FieldError | None, status: int) -> ResponseReturnValue:
    found = []
    if isinstance(obstacle, FieldError):
        found.append(obstacle)
    elif obstacle is not None and obstacle in OBSTACLES:
        found.append(FieldError(_FIELD_OF.get(obstacle, ""), OBSTACLES[obstacle]))
    page = CheckPage(
        action=url_for("register_check.finish"),
        change_url=url_for("register_details.show", flow=place.flow_id),
        lines=_lines(place.under),
        activation=place.under.track.activation,
        signin_url=way_back(place.under),
        add_url=url_for("password.show", journey=returning.CARDS),
        recovery_url=url_for("recovery.show"),
        is_known=obstacle is Obstacle.KNOWN,
        is_of_directory=place.under.track.proof is ProofKind.DIRECTORY,
        errors=found,
    )
    policy = _policy(place.under) if page.is_of_directory else PAGES
    return flow.show("check.html", place, Step.CHECK, page, status, policy=policy)


def _policy(under: Under) -> Policy:
    """Let the form lead to the app: who is of a directory is signed in at its end."""
    journey = underway(provider(), under.answers.journey)
    return journey.policy if journey else PAGES


def _lines(under: Under) -> list[Line]:
    answers, label = under.answers, FIELDS
    courts = provider().registering.by_directory.courts(under, speaks())
    told = {
        "name": answers.name,
        "representative": answers.representative,
        "representative_title": answers.representative_title,
        "username": answers.account_name,
        "national_id": masked(answers.national_id) if answers.national_id else "",
        "uniform_number": answers.uniform_number,
        "birth_date": _day(answers.birth_date),
        "phone": contact.as_dialled(answers.phone),
        "mobile": contact.as_dialled(answers.mobile),
        "address": answers.address.formatted if answers.address else "",
        "court": courts.get(answers.court, answers.court),
        "email_1": ", ".join(answers.emails),
    }
    proven = facts(under)
    return [
        *(Line(one.label, str(one.value), one.id, is_proven=True) for one in proven),
        *(
            Line(label[name], value, name)
            for name, value in told.items()
            if value and name not in {one.id for one in proven}
        ),
    ]


def _day(iso: str) -> str:
    """Show how a date was understood: whoever meant another sees it."""
    return roc_calendar.date_of(date.fromisoformat(iso), speaks()) if iso else ""
