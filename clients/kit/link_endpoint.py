"""What the provider says about links: requests, questions about them, and that one is over."""

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, abort, jsonify, request

from clients.kit import linking
from clients.kit.link_key import Unreadable
from clients.kit.linking import Attempt, Checked
from clients.kit.pages import App, app_of
from clients.kit.provider import ProviderUnreachable, Untrusted

endpoint = Blueprint("linking", __name__, url_prefix="/linking")


@endpoint.get("/jwks")
def jwks() -> Response:
    """Publish the keys that requests are encrypted to and ours are signed with (RFC 7517)."""
    app = app_of()
    keys = [key.public() for key in (app.link_key, app.provider.key) if key is not None]
    if not keys:
        abort(404)
    return _machine({"keys": keys}, 200)


@endpoint.post("")
def hear() -> Response:
    """Take a ``request``, a ``status`` question or an ``event``; one at a time."""
    app = app_of()
    if app.link_key is None or app.accounts is None:
        abort(404)
    form = request.form
    if len(form) != 1 or any(len(values) > 1 for _, values in form.lists()):
        return _machine({"error": "invalid_request"}, 400)
    ((name, token),) = form.items()
    try:
        if name == "request":
            return _answer_request(app, app.link_key.opened(token))
        if name == "status":
            return _answer_status(app, token)
        if name == "event":
            return _answer_event(app, token)
    except ProviderUnreachable:
        return _machine({"error": "temporarily_unavailable"}, 503)
    except (Unreadable, Untrusted, ValueError):  # ValueError: an attempt's id that is none
        pass
    return _machine({"error": "invalid_request"}, 400)


def _answer_request(app: App, token: str) -> Response:
    """Decide a request: claimed in one transaction, compared outside, decided in another."""
    claims = app.provider.verify_link_token(token, "link+jwt")
    attempt = Attempt(UUID(claims["jti"]), claims["iss"], claims["sub"])
    name, password = claims.get("local_account"), claims.get("password")
    with app.database.write() as tx:
        is_new = linking.claim(tx, attempt)
    if not is_new:
        raise Untrusted("a request is good once")
    checked = Checked("wrong")
    if app.accounts and isinstance(name, str) and isinstance(password, str):
        checked = app.accounts.check(name, password, f"person {attempt.issuer} {attempt.sub}")
    with app.database.write() as tx:
        status = linking.decide(tx, attempt, checked)
    return _machine({"status": status, "account": checked.account}, 200)


def _answer_status(app: App, token: str) -> Response:
    claims = app.provider.verify_link_token(token, "link-status+jwt")
    attempt = Attempt(UUID(str(claims.get("attempt"))), claims["iss"], claims["sub"])
    with app.database.write() as tx:
        status, account = linking.status_of(tx, attempt)
    return _machine({"status": status, "account": account}, 200)


def _answer_event(app: App, token: str) -> Response:
    """End a link; heard again, it ends nothing more: another link has another attempt's id."""
    claims = app.provider.verify_link_token(token, "link-event+jwt")
    attempt = Attempt(UUID(str(claims.get("attempt"))), claims["iss"], claims["sub"])
    with app.database.write() as tx:
        linking.hear_unlinked(tx, attempt)
    return _machine({}, 200)


def _machine(document: dict[str, Any], status: int) -> Response:
    response = jsonify(document)
    response.status_code = status
    response.headers["Cache-Control"] = "no-store"
    return response
