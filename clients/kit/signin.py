"""Signing in through the provider, and being signed out by it."""

import re
import secrets
from datetime import datetime, timedelta
from urllib.parse import urlencode

from flask import (
    Blueprint,
    Response,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from sqlalchemy import Text, bindparam, delete, insert, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from clients.kit import session
from clients.kit.database import Table, Transaction
from clients.kit.pages import app_of, demand_csrf, error_page, forget_cookie, keep_cookie, speaks
from clients.kit.provider import ProviderUnreachable, Untrusted

pages = Blueprint("signin", __name__)

_LIFETIME = timedelta(minutes=10)
_PATH = re.compile(r"/(?![/\\])[A-Za-z0-9/_.,~%?&=+-]*")
_BINDING = "binding"
_LEFT = "the person declined"  # others are refused as well (RFC 6749, 4.1.2.1) who did not go


class Pending(Table):
    """A sign-in that has gone to the provider and has not come back yet; good once."""

    __tablename__ = "pending_signins"

    state_hash: Mapped[bytes] = mapped_column(primary_key=True)
    binding_hash: Mapped[bytes]
    """The browser that began it: another one's answer is refused (login CSRF)."""
    nonce: Mapped[str]
    verifier: Mapped[str]
    return_to: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[datetime] = mapped_column(index=True)
    consumed_at: Mapped[datetime | None] = mapped_column(default=None)


class SeenNotice(Table):
    """A logout token's ``jti``: each is heard once."""

    __tablename__ = "seen_notices"

    jti_hash: Mapped[bytes] = mapped_column(primary_key=True)
    seen_at: Mapped[datetime]


@pages.get("/signin")
def begin() -> ResponseReturnValue:
    """Send the browser to the provider."""
    app = app_of()
    state, nonce = (secrets.token_urlsafe(32) for _ in range(2))
    # The same for all that this browser has under way: two windows may sign in one after the other.
    binding = app.read_cookie(_BINDING) or secrets.token_urlsafe(32)
    verifier = secrets.token_urlsafe(48)
    try:
        url = app.provider.authorization_url(
            state=state, nonce=nonce, verifier=verifier, locale=speaks()
        )
    except (ProviderUnreachable, Untrusted):
        return error_page("provider_unreachable", 503)
    with app.database.write() as tx:
        tx.execute(delete(Pending).where(Pending.expires_at <= tx.now))
        row = {
            "state_hash": session.digest(state),
            "binding_hash": session.digest(binding),
            "nonce": nonce,
            "verifier": verifier,
            "return_to": _own_path(request.args.get("return_to", "")),
            "expires_at": tx.now + _LIFETIME,
        }
        tx.execute(insert(Pending), row)
    response = make_response(redirect(url, code=303))
    return keep_cookie(response, _BINDING, binding, seconds=int(_LIFETIME.total_seconds()))


@pages.get("/signin/callback")
def callback() -> ResponseReturnValue:
    """Take the provider's answer; every doubt ends on a page of our own, nobody signed in."""
    app = app_of()
    answer = request.args
    if any(len(values) > 1 for _, values in answer.lists()):
        return error_page("answer_not_trusted", 400)
    with app.database.write() as tx:
        pending = _claim(tx, answer.get("state", ""), app.read_cookie(_BINDING))
    if pending is None:
        return error_page("signin_expired", 400)
    nonce, verifier, return_to = pending
    # RFC 9207: before the code goes anywhere, it must be from the issuer we asked.
    if answer.get("iss") != app.provider.section.issuer:
        return error_page("answer_not_trusted", 400)
    if answer.get("error") == "access_denied" and answer.get("error_description") == _LEFT:
        return redirect(url_for("signin.unfinished", return_to=return_to), code=303)
    if answer.get("error") or not answer.get("code"):
        return error_page("signin_declined", 403)
    return _finish(answer["code"], nonce, verifier, return_to)


@pages.get("/signin/unfinished")
def unfinished() -> ResponseReturnValue:
    """Say to who has left the sign-in that nothing has happened, and lead on.

    A page of its own: an answer is good once; this can be reloaded, and read in another language.
    """
    return_to = _own_path(request.args.get("return_to", ""))
    return render_template("kit/unfinished.html", signin_url=signin_url(return_to))


def _finish(code: str, nonce: str, verifier: str, return_to: str) -> ResponseReturnValue:
    app = app_of()
    try:
        tokens = app.provider.redeem(code, verifier)
        id_token = str(tokens.get("id_token", ""))
        claims = app.provider.verify_id_token(id_token, nonce)
        claims |= app.provider.userinfo(str(tokens.get("access_token", "")), claims["sub"])
    except ProviderUnreachable:
        return error_page("provider_unreachable", 503)
    except Untrusted:
        return error_page("answer_not_trusted", 400)
    with app.database.write() as tx:
        cookie = session.begin(
            tx, issuer=app.provider.section.issuer, claims=claims, id_token=id_token
        )
    response = make_response(redirect(return_to, code=303))
    return keep_cookie(response, "session", cookie, seconds=None)


def _claim(tx: Transaction, state: str, binding: str) -> tuple[str, str, str] | None:
    row = tx.execute(
        _CLAIM,
        {
            "presented": session.digest(state),
            "browser": session.digest(binding),
            "instant": tx.now,
        },
    ).one_or_none()
    return tuple(row) if row else None


@pages.post("/signout")
def sign_out() -> ResponseReturnValue:
    """End the session here, then everywhere: the provider tells the other apps (P05)."""
    demand_csrf()
    app = app_of()
    with app.database.write() as tx:
        found = session.find(tx, app.read_cookie("session"), app.config.sessions)
        if found is not None:
            session.end(tx, found.id)
    response = make_response(redirect(_end_session_url(found), code=303))
    return forget_cookie(forget_cookie(response, "session"), _BINDING)


def _end_session_url(found: session.SignedIn | None) -> str:
    app = app_of()
    home = f"{app.config.server.base_url}/"
    if found is None or not found.id_token:
        return home  # who signed in with an account of ours has no session at the provider
    try:
        endpoint = str(app.provider.metadata()["end_session_endpoint"])
    except (ProviderUnreachable, Untrusted, KeyError):
        return home
    query = {"id_token_hint": found.id_token, "post_logout_redirect_uri": home}
    return f"{endpoint}?{urlencode(query)}"


@pages.post("/signin/backchannel-logout")
def hear_logout() -> Response:
    """Hear that a session at the provider is over (OIDC Back-Channel Logout section 2.5)."""
    app = app_of()
    try:
        claims = app.provider.verify_logout_token(request.form.get("logout_token", ""))
    except (Untrusted, ProviderUnreachable):
        return _machine({"error": "invalid_request"}, 400)
    with app.database.write() as tx:
        try:
            with tx.connection.begin_nested():
                row = {"jti_hash": session.digest(claims["jti"]), "seen_at": tx.now}
                tx.execute(insert(SeenNotice), row)
        except IntegrityError:
            return _machine({}, 200)
        session.end_of_provider(tx, sid=claims.get("sid", ""), sub=claims.get("sub", ""))
    return _machine({}, 200)


def _machine(document: dict[str, str], status: int) -> Response:
    response = jsonify(document)
    response.status_code = status
    response.headers["Cache-Control"] = "no-store"
    return response


def signin_url(return_to: str) -> str:
    """Give the address that signs in and comes back to ``return_to``."""
    return url_for("signin.begin", return_to=return_to)


def _own_path(wanted: str) -> str:
    """Take a path on this site; what begins with two slashes is another site in disguise."""
    return wanted if _PATH.fullmatch(wanted) else "/"


_CLAIM = (
    update(Pending)
    .where(
        Pending.state_hash == bindparam("presented"),
        Pending.binding_hash == bindparam("browser"),
        Pending.consumed_at.is_(None),
        Pending.expires_at > bindparam("instant"),
    )
    .values(consumed_at=bindparam("instant"))
    .returning(Pending.nonce, Pending.verifier, Pending.return_to)
)
