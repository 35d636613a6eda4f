"""What escapes, turned into a page with a reference number that the operator finds in the log."""

import logging
from dataclasses import dataclass

from flask import Flask, Response, make_response, render_template, request
from flask_babel import LazyString
from werkzeug.exceptions import HTTPException

from idp.database.transaction import is_outage
from idp.oidc.errors import OAuthError
from idp.web.headers import PAGES
from idp.web.request import origin
from idp.web.wording.apps import REFUSALS
from idp.web.wording.failures import (
    APP_REFUSED,
    CODES_LOST,
    ERRORS,
    JOURNEY_LOST,
    REGISTRATION_LOST,
)

log = logging.getLogger(__name__)

_CODES = {
    400: "invalid_request",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    429: "too_many_requests",
    500: "server_error",
    503: "temporarily_unavailable",
}


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """What ``errors/error.html`` shows. Fixed texts only: nothing of the request comes back."""

    status: int
    code: str
    title: LazyString | str
    explanation: LazyString | str
    next_step: LazyString | str
    reference: str
    detail: str = ""
    """ASCII English for the app's developers."""


def register(app: Flask) -> None:
    """Answer everything that a view lets escape."""
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(OAuthError, oauth_page)
    app.register_error_handler(Exception, _ours)


def page(error: ErrorPage) -> Response:
    """Render an error page; needs neither a session nor the database."""
    response = make_response(render_template("errors/error.html", page=error), error.status)
    if error.status in {429, 503}:
        response.headers["Retry-After"] = "5"
    return PAGES.apply(response)


def of_status(status: int) -> Response:
    """Give the page of a status; one we have no words for reads as its class does."""
    known = status if status in ERRORS else (500 if status >= 500 else 400)
    texts = ERRORS[known]
    return page(ErrorPage(status, _CODES[known], *texts, reference=origin().request_id))


def journey_lost() -> Response:
    """Say that a sign-in cannot be gone on with."""
    return page(ErrorPage(400, "journey_lost", *JOURNEY_LOST, reference=origin().request_id))


def registration_lost() -> Response:
    """Say that a registration cannot be gone on with."""
    texts = REGISTRATION_LOST
    return page(ErrorPage(400, "registration_lost", *texts, reference=origin().request_id))


def codes_lost() -> Response:
    """Say that recovery codes are shown no longer."""
    texts = CODES_LOST
    return page(ErrorPage(410, "codes_lost", *texts, reference=origin().request_id))


def refusal(why: str) -> Response:
    """Say why the account may not go on to the app."""
    title, next_step = REFUSALS[why]
    return page(
        ErrorPage(403, "access_denied", title, "", next_step, reference=origin().request_id)
    )


def oauth_page(error: OAuthError) -> Response:
    """Show a client's error that must not travel back to it."""
    texts = APP_REFUSED
    reference = origin().request_id
    return page(ErrorPage(error.status_code, error.error, *texts, reference, error.detail))


def _http(error: HTTPException) -> Response:
    response = of_status(error.code or 500)
    if allow := dict(error.get_headers()).get("Allow"):
        response.headers["Allow"] = allow
    return response


def _ours(error: Exception) -> Response:
    """Show nothing of the exception: the log has it, under the same number."""
    fields = {"request_id": origin().request_id, "endpoint": request.endpoint or ""}
    if is_outage(error):
        log.error("database unavailable", extra={**fields, "error": type(error).__name__})
        return of_status(503)
    log.error("unhandled", exc_info=error, extra=fields)
    return of_status(500)
