"""驗證電子信箱: a code to the first address, typed back here (P10)."""

from dataclasses import dataclass, field

from flask import Blueprint, redirect, url_for
from flask.typing import ResponseReturnValue

from idp.registration.flows import FieldName, Step
from idp.registration.forms import EMAIL_LIST, EMAILS
from idp.registration.store import Under
from idp.signin.codes import Purpose, Sending
from idp.web.forms import FieldError
from idp.web.request import origin, speaks
from idp.web.signin.registering import flow
from idp.web.signin.registering.flow import At, Posted
from idp.web.wiring import provider
from idp.web.wording.codes import SENDING, TYPING

pages = Blueprint("register_email", __name__)


@dataclass(frozen=True, slots=True)
class EmailPage:
    """What ``signin/register/email.html`` shows."""

    action: str
    send_action: str
    change_url: str
    """換Email: back to the details."""
    address: str
    is_sent: bool
    is_proven: bool
    errors: list[FieldError] = field(default_factory=list)


@pages.get("/register-account/email")
def show() -> ResponseReturnValue:
    """Say where the code goes; sends nothing (a GET changes nothing)."""
    place = flow.at(Step.EMAIL, flow.asked_flow())
    return _page(place, [], 200) if isinstance(place, At) else place


@pages.post("/register-account/email/send")
def send() -> ResponseReturnValue:
    """發送認證碼, also 重新認證: mail a code, within limits."""
    posted = flow.posted(Step.EMAIL)
    if not isinstance(posted, Posted):
        return posted
    place = posted.place
    portico = provider()
    with portico.database.write(origin()) as tx:
        outcome = portico.registering.send_code(tx, place.under, speaks())
    if outcome is not Sending.SENT:
        problem = FieldError("code", SENDING[outcome])
        return _page(place, [problem], 429)
    return redirect(url_for("register_email.show", flow=place.flow_id), code=303)


@pages.post("/register-account/email")
def prove() -> ResponseReturnValue:
    """Compare the code."""
    posted = flow.posted(Step.EMAIL)
    if not isinstance(posted, Posted):
        return posted
    place, form = posted.place, posted.form
    portico = provider()
    with portico.database.write(origin()) as tx:
        wrong = portico.registering.prove_email(tx, place.under, form.get("code", "")[:32])
    if wrong is not None:
        return _page(place, [FieldError("code", TYPING[wrong])], 422)
    return redirect(url_for("register_check.show", flow=place.flow_id), code=303)


def _page(place: At, problems: list[FieldError], status: int) -> ResponseReturnValue:
    portico, under = provider(), place.under
    address = under.answers.emails[0]
    with portico.database.read() as tx:
        waiting = portico.codes.open_for(tx, under.id_hash, Purpose.REGISTRATION)
    page = EmailPage(
        action=url_for("register_email.prove"),
        send_action=url_for("register_email.send"),
        change_url=url_for(
            "register_details.show", flow=place.flow_id, _anchor=_address_field(under)
        ),
        address=address,
        is_sent=waiting is not None and waiting.address == address,
        is_proven=under.answers.verified_email == address,
        errors=problems,
    )
    return flow.show("email.html", place, Step.EMAIL, page, status)


def _address_field(under: Under) -> str:
    """Name the input that holds the first address."""
    return EMAIL_LIST if under.track.asks(FieldName.EMAIL_LIST) else EMAILS[0]
