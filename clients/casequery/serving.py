"""What each worker process of the app runs."""

import os
from pathlib import Path

from flask import Flask

from clients.casequery import app
from clients.kit import errands
from clients.kit.config import KitConfig, load
from clients.kit.pages import app_of

CONFIG_PATH = "CASEQUERY_CONFIG"
PREFIX = "CASEQUERY"


def application() -> Flask:
    """Build the application from the configuration its parent read, and run its errands."""
    path = os.environ.get(CONFIG_PATH)
    serving = app.application(load(KitConfig, Path(path) if path else None, PREFIX))
    with serving.app_context():
        parts = app_of()
    if parts.link_key is not None:
        errands.start(parts)
    return serving
