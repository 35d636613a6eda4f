"""The case-query app, put together."""

from pathlib import Path

from flask import Flask
from flask_babel import lazy_gettext as _

from clients.casequery import account_pages, views
from clients.casequery.accounts import Accounts
from clients.kit import link_endpoint, link_key, signin
from clients.kit.config import KitConfig
from clients.kit.database import open_database
from clients.kit.pages import App, create_app, csrf_key_of
from clients.kit.provider import Provider

NAME = "casequery"
HERE = Path(__file__).parent


def build(config: KitConfig) -> App:
    """Build the parts; connects to nothing yet."""
    callback = f"{config.server.base_url}/signin/callback"
    database, key_file = open_database(config.database.url), config.linking.key_file
    return App(
        name=NAME,
        title=_("Case progress query"),
        config=config,
        database=database,
        provider=Provider(config.provider, callback),
        csrf_key=csrf_key_of(config.provider.client_secret),
        accounts=Accounts(database),
        link_key=link_key.load(Path(key_file)) if key_file else None,
    )


def application(config: KitConfig) -> Flask:
    """Make the WSGI application."""
    blueprints = (signin.pages, link_endpoint.endpoint, views.pages, account_pages.pages)
    return create_app(build(config), blueprints, package=HERE, import_name=__name__)
