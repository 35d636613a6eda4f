"""What each worker process of the app runs."""

import os
from pathlib import Path

from flask import Flask

from clients.casequery import app
from clients.kit.config import KitConfig, load

CONFIG_PATH = "CASEQUERY_CONFIG"
PREFIX = "CASEQUERY"


def application() -> Flask:
    """Build the application from the configuration its parent read."""
    path = os.environ.get(CONFIG_PATH)
    return app.application(load(KitConfig, Path(path) if path else None, PREFIX))
