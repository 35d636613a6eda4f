"""An app's pages: the shared look, cookies, CSRF, headers, error pages."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from urllib.parse import quote

from flask import (
    Blueprint,
    Flask,
    Response,
    current_app,
    has_request_context,
    jsonify,
    make_response,
    render_template,
    request,
)
from flask_babel import Babel, LazyString
from flask_babel import lazy_gettext as _
from jinja2 import FileSystemLoader
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import Forbidden, HTTPException

from clients.kit import session
from clients.kit.config import KitConfig
from clients.kit.database import Database
from clients.kit.link_key import LinkKey
from clients.kit.linking import LocalAccounts
from clients.kit.provider import Provider
from clients.kit.session import SignedIn
from ui import locale, look

_HERE = Path(__file__).parent
_OPAQUE = re.compile(r"[A-Za-z0-9_-]{16,128}")
_YEAR = 365 * 24 * 3600
VISITOR = "visitor"
"""What the forms of who is not signed in yet are bound to."""

ERRORS: dict[str, tuple[LazyString, LazyString]] = {
    "provider_unreachable": (
        _("Signing in is not possible at the moment"),
        _("The portal does not answer. Please try again in a minute."),
    ),
    "signin_expired": (
        _("This sign-in is no longer open"),
        _("It took too long, was used already, or was begun in another browser. Sign in again."),
    ),
    "answer_not_trusted": (
        _("The answer could not be trusted"),
        _("What came back did not come from the portal, so nobody was signed in. Sign in again."),
    ),
    "signin_declined": (
        _("You were not signed in"),
        _("The portal could not sign you in. Nothing was changed. Try again in a few minutes."),
    ),
    "forbidden": (
        _("This form is no longer valid"),
        _("It was open too long, or sent from another page. Reload the page and try again."),
    ),
    "not_found": (_("There is no such page"), _("Or it is not yours to see.")),
    "server_error": (
        _("Something went wrong on our side"),
        _("Nothing was changed. Please try again in a few minutes."),
    ),
}


@dataclass(frozen=True, slots=True)
class App:
    """The parts of a relying app."""

    name: str
    """Begins the names of its cookies: cookies ignore ports."""
    title: LazyString
    config: KitConfig
    database: Database
    provider: Provider
    csrf_key: bytes
    accounts: LocalAccounts | None = None
    """The app's own accounts, where it has any."""
    link_key: LinkKey | None = None
    """What requests to link are encrypted to; without one, there is no linking."""

    @property
    def secure(self) -> bool:
        """Whether the app is reached by https."""
        return self.config.server.base_url.startswith("https://")

    def read_cookie(self, purpose: str) -> str:
        """Read one of the app's cookies; anything not of our form is as good as absent."""
        value = request.cookies.get(f"{self.name}_{purpose}", "")
        return value if _OPAQUE.fullmatch(value) else ""


@dataclass(frozen=True, slots=True)
class Who:
    """Who is signed in, for the head of the page."""

    name: str
    kind_label: str = ""
    on_behalf_of: str = ""


def create_app(
    parts: App, blueprints: Sequence[Blueprint], *, package: Path, import_name: str
) -> Flask:
    """Make the WSGI application of a relying app from its parts and its pages."""
    app = Flask(import_name, static_folder=None, template_folder=None)
    app.jinja_loader = FileSystemLoader([package / "templates", _HERE / "templates"])
    app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
    app.config["BABEL_DEFAULT_LOCALE"] = "en"
    app.extensions["relying_app"] = parts
    folders = (package / "locales", _HERE / "locales", Path(look.TRANSLATIONS))
    Babel(
        app,
        locale_selector=lambda: speaks().replace("-", "_"),
        default_translation_directories=";".join(map(str, folders)),
    )
    look.install(
        app,
        site=lambda: look.Site(parts.title, "/"),
        speaks=speaks,
        keeps=["number", "changed", "return_to"],
        demands=_demand_own,
    )
    for blueprint in blueprints:
        app.register_blueprint(blueprint)
    app.register_blueprint(_probes(parts))
    app.register_error_handler(HTTPException, _http)
    app.after_request(_protect)

    @app.context_processor
    def _of_a_page() -> dict[str, object]:
        return {"csrf_token": csrf_token(), "who": None}

    return app


def app_of() -> App:
    """The parts of the app that answers this request."""
    return cast("App", current_app.extensions["relying_app"])


def speaks() -> str:
    """Tell the language of this request."""
    if not has_request_context():
        return locale.DEFAULT
    return locale.negotiate(
        explicit=request.args.get("lang", ""),
        remembered=request.cookies.get(f"{app_of().name}_lang", ""),
        ui_locales="",
        accept_language=request.headers.get("Accept-Language", ""),
    )


def signed_in() -> SignedIn | None:
    """Tell who is signed in to this app, and note that they are there."""
    app = app_of()
    cookie = app.read_cookie("session")
    if not cookie:
        return None
    with app.database.write() as tx:
        found = session.find(tx, cookie, app.config.sessions)
        if found is not None:
            session.touch(tx, found.id)
    return found


def who_of(person: SignedIn) -> Who:
    """Say who is signed in: the name, and of a judge court and title."""
    return Who(person.name or person.sub, person.office_in(speaks()))


def here() -> str:
    """Give path and query of this request, as they stand in an address."""
    query = request.query_string.decode("latin-1")
    return quote(request.path, safe="/") + (f"?{query}" if query else "")


def csrf_token() -> str:
    """Give the token of this session's forms."""
    return csrf_token_of(app_of().read_cookie("session"))


def csrf_token_of(cookie: str) -> str:
    """Give the token of the forms of whoever holds a cookie."""
    return hmac.digest(app_of().csrf_key, cookie.encode(), "sha256").hex()


def demand_csrf(cookie: str | None = None) -> None:
    """Refuse a form that another site, or nobody, has sent.

    Args:
        cookie: what its token is bound to; by default the session.

    Raises:
        Forbidden: the token or the site is not ours.
    """
    cookies = [app_of().read_cookie("session") if cookie is None else cookie]
    _demand(request.form.get("csrf_token", ""), cookies)


def _demand_own(typed: Mapping[str, str]) -> None:
    """Demand of what was typed that it is from a page of this browser, signed in or not."""
    held = (app_of().read_cookie(purpose) for purpose in ("session", VISITOR))
    _demand(typed.get("csrf_token", ""), filter(None, held))


def _demand(token: str, cookies: Iterable[str]) -> None:
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        raise Forbidden
    wanted = (csrf_token_of(cookie) for cookie in cookies)
    if not any(hmac.compare_digest(token.encode(), one.encode()) for one in wanted):
        raise Forbidden


def keep_cookie(response: Response, purpose: str, value: str, *, seconds: int | None) -> Response:
    """Set one of the app's cookies."""
    app = app_of()
    response.set_cookie(
        f"{app.name}_{purpose}",
        value,
        max_age=seconds,
        secure=app.secure,
        httponly=True,
        samesite="Lax",
    )
    return response


def forget_cookie(response: Response, purpose: str) -> Response:
    """Remove one of the app's cookies."""
    response.delete_cookie(f"{app_of().name}_{purpose}", httponly=True, samesite="Lax")
    return response


def error_page(code: str, status: int) -> Response:
    """Show an error in fixed words; nothing of the request comes back."""
    title, explanation = ERRORS[code]
    page = {"code": code, "title": title, "explanation": explanation}
    return make_response(render_template("kit/error.html", page=page), status)


def _http(error: HTTPException) -> Response:
    codes = {403: "forbidden", 404: "not_found", 405: "not_found", 400: "forbidden"}
    status = error.code or 500
    return error_page(codes.get(status, "server_error"), status)


def _protect(response: Response) -> Response:
    issuer = app_of().provider.section.issuer
    headers = response.headers
    headers.setdefault("Cache-Control", "no-store")
    headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; "  # the switch of the language asks for the page in another one
        f"base-uri 'none'; form-action 'self' {issuer}; frame-ancestors 'none'"
    )
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer"
    clicked = request.args.get("lang", "")
    if clicked in locale.SUPPORTED:
        keep_cookie(response, "lang", clicked, seconds=_YEAR)
    return response


def _probes(parts: App) -> Blueprint:
    probes = Blueprint("health", __name__, url_prefix="/health")

    @probes.get("/live")
    def live() -> Response:
        return jsonify(status="live")

    @probes.get("/ready")
    def ready() -> tuple[Response, int]:
        try:
            with parts.database.read() as tx:
                tx.execute(text("SELECT version_num FROM alembic_version"))
        except SQLAlchemyError:
            return jsonify(status="not ready"), 503
        return jsonify(status="ready"), 200

    return probes


def csrf_key_of(secret: str) -> bytes:
    """Derive the key of the forms from what only this app knows; random without a secret."""
    seed = secret.encode() or secrets.token_bytes(32)
    return hashlib.sha256(b"portico app csrf" + seed).digest()
