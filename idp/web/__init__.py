"""The HTTP door: everything that knows Flask. A surface is a folder; a page is a module."""

import time
from pathlib import Path

import msgspec
from flask import Flask, Response, request
from flask_babel import Babel

import ui
from idp.oidc.exchange import BODY_LIMIT
from idp.provider import Provider
from idp.web import errors, metrics, ops
from idp.web.oidc import authorize, bridge, logout
from idp.web.oidc.machine import endpoints
from idp.web.portal import dashboard, guide
from idp.web.request import babel_locale, csrf_token, keep_browser, origin, speaks
from idp.web.signin import captcha, consent, password

_LOCALES = str(Path(__file__).parent.parent / "locales")
_BLUEPRINTS = (
    authorize.endpoint,
    logout.endpoint,
    password.pages,
    captcha.pages,
    consent.pages,
    dashboard.pages,
    guide.pages,
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
    ui.install(app, site=lambda: _site(portico), speaks=speaks)
    for blueprint in _BLUEPRINTS:
        app.register_blueprint(blueprint)
    errors.register(app)
    _watch(app)
    bridge.mount(app, portico, endpoints())
    return app


def _site(portico: Provider) -> ui.Site:
    names = msgspec.to_builtins(portico.config.provider.names)
    return ui.Site(names.get(speaks()) or next(iter(names.values())), "/")


def _watch(app: Flask) -> None:
    """Give every page its token, its cookies and its place in the figures."""
    app.jinja_env.globals["csrf_token"] = ""

    @app.context_processor
    def _of_a_page() -> dict[str, str | None]:
        return {"csrf_token": csrf_token(), "who": None}

    @app.before_request
    def _begin() -> None:
        request.environ["portico.began"] = time.perf_counter()

    @app.after_request
    def _end(response: Response) -> Response:
        response.headers["X-Request-Id"] = origin().request_id
        rule = request.url_rule.rule if request.url_rule else "unknown"
        took = time.perf_counter() - request.environ.get("portico.began", time.perf_counter())
        metrics.observe(rule, response.status_code, took)
        return keep_browser(response)
