"""How a view reaches the parts: one typed accessor, no globals."""

from typing import cast

from flask import current_app
from flask.testing import FlaskClient

from idp.provider import Provider
from idp.web.kept import Kept


def provider() -> Provider:
    """The parts this application was created with."""
    return cast("Provider", current_app.extensions["portico"])


def pages_kept() -> Kept:
    """Give the pages that this application keeps."""
    return cast("Kept", current_app.extensions["portico.kept"])


def own_door() -> FlaskClient:
    """Give a caller that enters by this application's own door, without a network between."""
    return current_app.test_client(use_cookies=False)
