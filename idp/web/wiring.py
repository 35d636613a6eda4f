"""How a view reaches the parts: one typed accessor, no globals."""

from typing import cast

from flask import current_app

from idp.provider import Provider


def provider() -> Provider:
    """The parts this application was created with."""
    return cast("Provider", current_app.extensions["portico"])
