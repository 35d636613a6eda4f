"""What a directory has said, taken to its end: a session, a registration, or the page again.

The form asks it about a password, a ticket is its own word already; from here on they are one.
"""

from collections.abc import Callable

from flask import Response, make_response, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _

from idp.authenticators import Reason, Refusal
from idp.authenticators.directory.model import DirectoryPerson, Standing
from idp.config import DirectorySection
from idp.provider import Provider
from idp.secret import digest
from idp.signin import store
from idp.signin.actions import Browser, SignedIn
from idp.signin.directory import METHOD, TICKET, Admitted, Means, Outcome, Unregistered
from idp.web import metrics, waiting
from idp.web.forms import FieldError
from idp.web.last_way import DIRECTORY
from idp.web.raising import supersede, user_agent
from idp.web.request import (
    browser_hash,
    device,
    give_session,
    mark,
    new_binding,
    origin,
    speaks,
    unmark,
)
from idp.web.signin.journeys import Underway
from idp.web.signin.registering import leading
from idp.web.wiring import provider
from idp.web.wording.ways import heading_of, standing_error

Page = Callable[[list[FieldError], int], Response]
"""Shows the page again: problems and status."""

_BEGUN_TOO_OFTEN = _(
    "You have begun to register too often. Go on in the browser where you began, or wait an hour."
)
_TOO_MANY = FieldError("", _BEGUN_TOO_OFTEN, heading=heading_of(Reason.TOO_MANY_ATTEMPTS))
_WAITS = {
    Refusal(Reason.TOO_MANY_ATTEMPTS): 429,
    Standing.BUSY: 503,
    Standing.UNREACHABLE: 503,
    Standing.UNANSWERED: 503,
    Standing.MISCONFIGURED: 503,
}
_RETRY = {429: "60", 503: "5"}


def by_password(section: DirectorySection) -> Means:
    """Say what a password of a directory stands for."""
    return Means(METHOD, ("pwd",), section.acr)


def by_ticket(section: DirectorySection) -> Means:
    """Say what a ticket of a directory stands for."""
    return Means(TICKET, ("kerberos",), section.ticket_acr)


def conclude(
    portico: Provider,
    journey: Underway,
    found: DirectoryPerson | Standing,
    means: Means,
    *,
    page: Page,
    admitted: Admitted | None = None,
) -> ResponseReturnValue:
    """Write down what came of a question and return to the journey, or show the page again.

    Who has no account yet is led to the registration, which carries the proof along (P20).

    Args:
        means: how the directory knew them: :func:`by_password`, :func:`by_ticket`.
        page: shows the form with the reason.
        admitted: the try that is counted; ``None`` for a ticket, which nobody guesses.
    """
    browser = Browser(browser_hash(), device(), user_agent(), speaks())
    binding = new_binding()
    url = ""
    with portico.database.write(origin()) as tx:
        outcome = portico.directory_signing_in.record(
            tx,
            found,
            means,
            browser,
            client_id=journey.client.client_id if journey.client else None,
            admitted=admitted,
        )
        if isinstance(outcome, SignedIn):
            supersede(tx, portico, outcome.session, outcome.account_id)
            store.rebind_journey(tx, journey.id_hash, browser.binding, digest(binding))
        if isinstance(outcome, Unregistered):
            url = leading.lead_judge(tx, portico, outcome.person, means, journey.id)
    metrics.signin(means.method, _word(outcome))
    match outcome:
        case SignedIn():
            response = make_response(redirect(_onward(journey, outcome), code=303))
            given = give_session(
                response, outcome.session.cookie, browser.device, binding=binding, way=DIRECTORY
            )
            return unmark(given) if means.method == TICKET else given
        case Unregistered():
            led = redirect(url, code=303) if url else page([_TOO_MANY], 429)
            response = make_response(led)
        case refused:
            response = _refused(refused, page)
    # A ticket cannot say no: whom it does not let in has other ways, until they come with another.
    return mark(response) if means.method == TICKET else response


def refused(journey_page: Page, refusal: Refusal) -> Response:
    """Show the page again for a try that no directory was asked about."""
    metrics.signin(METHOD, refusal.reason)
    return _refused(refusal, journey_page)


def _refused(refusal: Refusal | Standing, page: Page) -> Response:
    now = provider().database.clock()
    if isinstance(refusal, Refusal):
        error = waiting.problem(refusal, now)
    else:
        error = standing_error(refusal)
    status = _WAITS.get(refusal, 422)
    response = page([error], status)
    if status in _RETRY:
        response.headers["Retry-After"] = _RETRY[status]
    if isinstance(refusal, Refusal) and refusal.until is not None:
        response.headers["Retry-After"] = str(waiting.seconds(refusal, now))
    return response


def _word(outcome: Outcome) -> str:
    match outcome:
        case SignedIn():
            return "ok"
        case Unregistered():
            return "unregistered"
        case Refusal(reason):
            return reason
        case standing:
            return standing


def _onward(journey: Underway, signed_in: SignedIn) -> str:
    """Go on; where no app asked there is no hub to see that the second factor is missing."""
    if signed_in.is_whole or journey.client is not None:
        return journey.next_url
    return url_for("second_factor.show", journey=journey.id or None)
