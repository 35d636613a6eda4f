"""The case-query app, put together."""

from pathlib import Path

from flask import Flask
from flask_babel import lazy_gettext as _

from clients.casequery import account_pages, views
from clients.casequery.accounts import Accounts
from clients.kit import key_file, link_endpoint, signin
from clients.kit.client_key import ClientKey
from clients.kit.config import KitConfig
from clients.kit.database import open_database
from clients.kit.link_key import LinkKey
from clients.kit.pages import App, create_app, csrf_key_of
from clients.kit.provider import Provider

NAME = "casequery"
HERE = Path(__file__).parent


def build(config: KitConfig) -> App:
    """Build the parts; connects to nothing yet."""
    callback, section = f"{config.server.base_url}/signin/callback", config.provider
    database = open_database(config.database.url)
    proof, linking = (
        key_file.load(Path(path)) if path else None
        for path in (section.key_file, config.linking.key_file)
    )
    key = ClientKey(proof) if proof else None
    return App(
        name=NAME,
        title=_("Case progress query"),
        config=config,
        database=database,
        provider=Provider(section, callback, key=key),
        csrf_key=csrf_key_of(key.seed if key else section.client_secret),
        accounts=Accounts(database),
        link_key=LinkKey(linking) if linking else None,
    )


def application(config: KitConfig) -> Flask:
    """Make the WSGI application."""
    blueprints = (signin.pages, link_endpoint.endpoint, views.pages, account_pages.pages)
    return create_app(build(config), blueprints, package=HERE, import_name=__name__)
