"""The HTTP door: everything that knows Flask. A surface is a folder; a page is a module."""

from functools import partial
from pathlib import Path

import msgspec
from flask import Flask, url_for
from flask_babel import Babel
from flask_babel import lazy_gettext as _

from idp.oidc.exchange import BODY_LIMIT
from idp.provider import Provider
from idp.terms.documents import Document
from idp.web import errors, metrics, ops, watch
from idp.web.developers import pages as developers
from idp.web.kept import Kept
from idp.web.oidc import at_once, authorize, bridge, check_session, logout
from idp.web.oidc.machine import endpoints
from idp.web.portal import (
    account,
    component,
    dashboard,
    device,
    guide,
    links,
    passkeys,
    recovery_codes,
    requests,
    totp,
)
from idp.web.request import babel_locale, demand_csrf, speaks
from idp.web.signin import (
    arriving,
    captcha,
    card,
    consent,
    directory,
    hipki,
    not_me,
    passkey,
    password,
    recovery,
    registering,
    second_factor,
    strength,
    terms,
    ticket,
)
from idp.web.signin.trying import Trying
from ui import look

_LOCALES = str(Path(__file__).parent.parent / "locales")
_KEPT = (
    "journey", "flow", "kind", "token", "version", "outcome", "run",
    "return_to", "user_code", "form", "sent", "saved", "show", "before", "offer", "card", "removed",
    "unknown",
)  # fmt: skip
"""What says which page it is, and what was done to lead there: pages judge it anew."""
_BLUEPRINTS = (
    authorize.endpoint,
    logout.endpoint,
    check_session.endpoint,
    password.pages,
    captcha.pages,
    passkey.pages,
    card.pages,
    ticket.pages,
    hipki.pages,
    directory.pages,
    second_factor.pages,
    consent.pages,
    strength.pages,
    terms.pages,
    recovery.pages,
    not_me.pages,
    *registering.BLUEPRINTS,
    dashboard.pages,
    component.pages,
    guide.pages,
    device.pages,
    requests.pages,
    *account.BLUEPRINTS,
    links.pages,
    passkeys.pages,
    totp.pages,
    recovery_codes.pages,
    ops.probes,
)


def create_app(portico: Provider) -> Flask:
    """Mount every surface on one WSGI application."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = BODY_LIMIT
    app.config["BABEL_DEFAULT_LOCALE"] = "en"  # the language of the message ids
    app.extensions["portico"] = portico
    app.extensions["portico.csrf"] = portico.keychain.key("csrf")
    Babel(
        app,
        locale_selector=babel_locale,
        default_translation_directories=f"{_LOCALES};{look.TRANSLATIONS}",
    )
    look.install(
        app,
        site=lambda: _site(portico),
        speaks=speaks,
        keeps=_KEPT,
        demands=demand_csrf,
    )
    for blueprint in _BLUEPRINTS:
        app.register_blueprint(blueprint)
    if portico.config.provider.developers_page:
        app.register_blueprint(developers.pages(portico))
    portico.card_revocation.heard = metrics.responder
    errors.register(app)
    watch.every_page(app)
    trying = Trying(app.wsgi_app, portico, app.extensions["portico.csrf"], bridge.exchange_of)
    app.wsgi_app = trying  # type: ignore[method-assign]
    bridge.mount(app, portico, endpoints(), _shortcuts(app))
    return app


def _shortcuts(app: Flask) -> dict[str, bridge.Shortcut]:
    kept = app.extensions["portico.kept"] = Kept()
    return {
        "/authorize": at_once.begin,
        "/authorize/continue": at_once.proceed,
        "/signin/password": partial(arriving.at_once, kept, app.extensions["portico.csrf"]),
    }


def _site(portico: Provider) -> look.Site:
    names = msgspec.to_builtins(portico.config.provider.names)
    return look.Site(names.get(speaks()) or next(iter(names.values())), "/", _foot(portico))


def _foot(portico: Provider) -> list[look.FootLink]:
    """Link to what a person may want to read or ask on any page."""
    desk = portico.config.provider.help_desk
    found = [
        look.FootLink(
            "terms", _("Terms of service"), url_for("terms.read", document=Document.TERMS)
        ),
        look.FootLink(
            "privacy", _("Privacy policy"), url_for("terms.read", document=Document.PRIVACY)
        ),
        look.FootLink("guide", _("Beginners' guide"), url_for("guide.show")),
    ]
    if "@" in desk:  # it may as well be a telephone number
        found.append(look.FootLink("help", _("Help desk"), f"mailto:{desk}"))
    return found
