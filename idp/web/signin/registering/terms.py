"""服務條款 and 隱私權保護政策: read and accepted before anything is asked for."""

from dataclasses import dataclass, field

from flask import Blueprint, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _

from idp.registration.flows import Step
from idp.terms import documents
from idp.terms.documents import Text
from idp.web import returning
from idp.web.forms import FieldError
from idp.web.request import origin
from idp.web.signin.registering import flow
from idp.web.signin.registering.flow import At, Posted
from idp.web.signin.registering.proven import titled
from idp.web.signin.terms import CHANGED, current_texts
from idp.web.wiring import provider

pages = Blueprint("register_terms", __name__)

_MUST = _("Tick the box if you agree. Without it there is no account.")


@dataclass(frozen=True, slots=True)
class TermsPage:
    """What ``signin/register/terms.html`` shows."""

    texts: list[Text]
    version: str
    """Goes along in the form: what is agreed to is what was shown."""
    holder: str
    """The name on a card that was shown to sign in and has led here; else empty (B07)."""
    judge: str
    """Likewise the name that a directory has told (P20)."""
    add_url: str
    """Where the person adds the card who has an account."""
    errors: list[FieldError] = field(default_factory=list)


@pages.get("/register-account/terms")
def show() -> ResponseReturnValue:
    """Show both documents as they are in force."""
    place = flow.at(Step.TERMS, flow.asked_flow())
    return _page(place, [], 200) if isinstance(place, At) else place


@pages.post("/register-account/terms")
def accept() -> ResponseReturnValue:
    """Note the acceptance; no box is ticked beforehand."""
    posted = flow.posted(Step.TERMS)
    if not isinstance(posted, Posted):
        return posted
    place, form = posted.place, posted.form
    if "accept" not in form:
        return _page(place, [FieldError("accept", _MUST)], 422)
    portico = provider()
    with portico.database.write(origin()) as tx:
        is_in_force = portico.registering.accept_terms(tx, place.under, form.get("version", ""))
    if not is_in_force:
        return _page(place, [FieldError("accept", CHANGED)], 422)
    return flow.again(place.flow_id)


def _page(place: At, problems: list[FieldError], status: int) -> ResponseReturnValue:
    texts, answers = current_texts(), place.under.answers
    page = TermsPage(
        texts,
        documents.day_of(texts),
        holder=answers.card.holder.name if answers.card else "",
        judge=titled(answers.directory.person) if answers.directory else "",
        add_url=url_for("password.show", journey=returning.CARDS),
        errors=problems,
    )
    return flow.show("terms.html", place, Step.TERMS, page, status)
