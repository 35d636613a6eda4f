"""The HTTP door: everything that knows Flask. A surface is a folder; a page is a module."""

from pathlib import Path

import msgspec
from flask import Flask, url_for
from flask_babel import Babel
from flask_babel import lazy_gettext as _

import ui
from idp.oidc.exchange import BODY_LIMIT
from idp.provider import Provider
from idp.terms.documents import Document
from idp.web import errors, ops, watch
from idp.web.developers import pages as developers
from idp.web.oidc import authorize, bridge, check_session, logout
from idp.web.oidc.machine import endpoints
from idp.web.portal import account, dashboard, device, guide, links, passkeys, requests, totp
from idp.web.request import babel_locale, speaks
from idp.web.signin import (
    captcha,
    consent,
    not_me,
    passkey,
    password,
    recovery,
    registering,
    second_factor,
    strength,
    terms,
)

_LOCALES = str(Path(__file__).parent.parent / "locales")
_BLUEPRINTS = (
    authorize.endpoint,
    logout.endpoint,
    check_session.endpoint,
    password.pages,
    captcha.pages,
    passkey.pages,
    second_factor.pages,
    consent.pages,
    strength.pages,
    terms.pages,
    recovery.pages,
    not_me.pages,
    *registering.BLUEPRINTS,
    dashboard.pages,
    guide.pages,
    device.pages,
    requests.pages,
    *account.BLUEPRINTS,
    links.pages,
    passkeys.pages,
    totp.pages,
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
        default_translation_directories=f"{_LOCALES};{ui.TRANSLATIONS}",
    )
    ui.install(
        app,
        site=lambda: _site(portico),
        speaks=speaks,
        keeps=["journey", "flow", "token", "version", "outcome", "run", "show", "before"],
    )
    for blueprint in _BLUEPRINTS:
        app.register_blueprint(blueprint)
    if portico.config.provider.developers_page:
        app.register_blueprint(developers.pages(portico))
    errors.register(app)
    watch.every_page(app)
    bridge.mount(app, portico, endpoints(), {"/authorize": authorize.at_once})
    return app


def _site(portico: Provider) -> ui.Site:
    names = msgspec.to_builtins(portico.config.provider.names)
    return ui.Site(names.get(speaks()) or next(iter(names.values())), "/", _foot(portico))


def _foot(portico: Provider) -> list[ui.FootLink]:
    """Link to what a person may want to read or ask on any page."""
    desk = portico.config.provider.help_desk
    found = [
        ui.FootLink("terms", _("Terms of service"), url_for("terms.read", document=Document.TERMS)),
        ui.FootLink(
            "privacy", _("Privacy policy"), url_for("terms.read", document=Document.PRIVACY)
        ),
        ui.FootLink("guide", _("Beginners' guide"), url_for("guide.show")),
    ]
    if "@" in desk:  # it may as well be a telephone number
        found.append(ui.FootLink("help", _("Help desk"), f"mailto:{desk}"))
    return found
