"""What each worker process of the server runs."""

import os
from pathlib import Path
from wsgiref.types import WSGIApplication

from idp import assembly, memory
from idp.cli import logs
from idp.cli.listening import be_ready_to_leave
from idp.config import CONFIG_PATH, load
from idp.web import create_app


def application() -> WSGIApplication:
    """Build the application of one worker process, from the same configuration as its parent."""
    path = os.environ.get(CONFIG_PATH)
    config = load(Path(path) if path else None)
    logs.configure(config.logging.level)
    app = create_app(assembly.build(config))
    be_ready_to_leave()
    memory.settle()
    return app
