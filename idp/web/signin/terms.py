"""The terms: readable by everybody in every version, and asked for again when they change."""

from dataclasses import dataclass, field

from flask import Blueprint, abort, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _

from idp.audit.events.accounts import TermsAccepted
from idp.sessions.store import Session
from idp.terms import documents
from idp.terms import store as terms
from idp.terms.documents import Document, Text
from idp.web import errors
from idp.web.current import signed_in
from idp.web.forms import FieldError
from idp.web.headers import PAGES
from idp.web.request import demand_csrf, origin, single_form, speaks
from idp.web.signin.journeys import Underway, underway
from idp.web.who import who_of
from idp.web.wiring import provider

pages = Blueprint("terms", __name__)

_MUST = _("Tick the box if you agree, or sign out.")
CHANGED = _(
    "A newer version came into force meanwhile. Read this one, and tick the box if you agree."
)


@dataclass(frozen=True, slots=True)
class AskTermsPage:
    """What ``signin/terms.html`` shows."""

    action: str
    journey: str
    texts: list[Text]
    version: str
    """What is agreed to: goes along in the form, so that nothing else is written down."""
    signout_url: str
    errors: list[FieldError] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class DocumentPage:
    """What ``signin/document.html`` shows."""

    text: Text
    versions: tuple[str, ...]
    is_in_force: bool


@pages.get("/terms/<document>")
def read(document: str) -> ResponseReturnValue:
    """Show a document: the version in force, or the one asked for."""
    if document not in set(Document):
        abort(404)
    in_force = documents.newest(Document(document), provider().database.clock())
    wanted = request.args.get("version", in_force)
    text = documents.text(Document(document), wanted, speaks())
    if text is None:
        abort(404)
    page = DocumentPage(
        text, documents.versions(Document(document)), is_in_force=wanted == in_force
    )
    return PAGES.apply(make_response(render_template("signin/document.html", page=page)))


@pages.get("/signin/terms")
def ask() -> ResponseReturnValue:
    """Ask who is signed in for the version in force."""
    found = _found(request.args.get("journey", ""))
    if found is None:
        return errors.journey_lost()
    journey, session = found
    portico = provider()
    with portico.database.read() as tx:
        account = portico.accounts.find(tx, session.account_id)
    if account is not None and account.accepted_terms >= documents.in_force(tx.now):
        return redirect(journey.beyond_terms, code=303)
    return _page(journey, session, [], 200)


@pages.post("/signin/terms")
def accept() -> ResponseReturnValue:
    """Note the acceptance of what was shown and go on; what is no longer in force is not noted."""
    form = single_form()
    demand_csrf(form)
    found = _found(form.get("journey", ""))
    if found is None:
        return errors.journey_lost()
    journey, session = found
    if "accept" not in form:
        return _page(journey, session, [FieldError("accept", _MUST)], 422)
    portico, version = provider(), form.get("version", "")
    if version != documents.in_force(portico.database.clock()):
        return _page(journey, session, [FieldError("accept", CHANGED)], 422)
    with portico.database.write(origin()) as tx:
        terms.accept(tx, session.account_id, version)
        portico.trail.append(tx, TermsAccepted(subject=session.subject, version=version))
    return redirect(journey.beyond_terms, code=303)


def _found(journey_id: str) -> tuple[Underway, Session] | None:
    portico = provider()
    journey, session = underway(portico, journey_id), signed_in(portico)
    return (journey, session) if journey and session else None


def _page(
    journey: Underway, session: Session, problems: list[FieldError], status: int
) -> ResponseReturnValue:
    texts = current_texts()
    page = AskTermsPage(
        action=url_for("terms.accept"),
        journey=journey.id,
        texts=texts,
        version=documents.day_of(texts),
        signout_url=url_for("dashboard.sign_out"),
        errors=problems,
    )
    person = who_of(session)
    shown = render_template("signin/terms.html", page=page, who=person)
    return journey.protect(make_response(shown, status))


def current_texts() -> list[Text]:
    """Give both documents in the language of the page."""
    now = provider().database.clock()
    found = (
        documents.text(document, documents.newest(document, now), speaks()) for document in Document
    )
    return [text for text in found if text is not None]
