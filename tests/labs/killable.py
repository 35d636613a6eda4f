"""A provider or the case query as a process of its own, which dies where it is told to.

``python -m tests.labs.killable provider|casequery CONFIG PORT ARMED``: whenever one of
:data:`STEPS` is reached whose name stands in the file ``ARMED``, the file is taken away and the
process kills itself with SIGKILL: no handler, no rollback, no answer. Nothing of the product
is replaced but the waiting times.
"""

import functools
import importlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from werkzeug.serving import make_server

log = logging.getLogger(__name__)

STEPS = {
    # where the provider dies
    "it has begun": ("idp.linking.actions", "Linking.ask", "before"),
    "it has heard": ("idp.linking.actions", "Linking.ask", "after"),
    "it is writing it down": ("idp.linking.actions", "Linking.settle", "after"),
    "its worker asks": ("idp.linking.actions", "Linking.ask_again", "before"),
    "its worker has heard": ("idp.linking.actions", "Linking.ask_again", "after"),
    "it is unlinking": ("idp.linking.actions", "Linking.unlink", "after"),
    "it is telling": ("idp.worker.delivering", "_send_link_event", "before"),
    "it has told": ("idp.worker.delivering", "_send_link_event", "after"),
    "it hears of an end": ("idp.linking.actions", "Linking.reply", "after"),
    # where the app dies
    "it is claiming": ("clients.kit.linking", "claim", "after"),
    "it has claimed": ("clients.casequery.accounts", "Accounts.check", "before"),
    "it has compared": ("clients.casequery.accounts", "Accounts.check", "after"),
    "it is deciding": ("clients.kit.linking", "decide", "after"),
    "it has decided": ("clients.kit.link_endpoint", "_answer_request", "after"),
    "it is asked": ("clients.kit.linking", "status_of", "after"),
    "it hears": ("clients.kit.linking", "hear_unlinked", "after"),
    "it has heard of an end": ("clients.kit.link_endpoint", "_answer_event", "after"),
    "the app is unlinking": ("clients.kit.linking", "unlink", "after"),
    "the app is telling": ("clients.kit.provider", "Provider.tell_unlinked", "before"),
    "the app has told": ("clients.kit.provider", "Provider.tell_unlinked", "after"),
    "the app writes that it has told": ("clients.kit.linking", "acknowledged", "after"),
}


def _arm(name: str, armed: Path) -> None:
    module, path, when = STEPS[name]
    owner: Any = importlib.import_module(module)
    *outer, last = path.split(".")
    for part in outer:
        owner = getattr(owner, part)
    really: Callable[..., Any] = getattr(owner, last)

    @functools.wraps(really)
    def stepped(*given: Any, **named: Any) -> Any:
        if when == "before":
            _die(name, armed)
        result = really(*given, **named)
        if when == "after":
            _die(name, armed)
        return result

    setattr(owner, last, stepped)


def _die(name: str, armed: Path) -> None:
    if armed.exists() and armed.read_text() == name:
        armed.unlink()
        os.kill(os.getpid(), signal.SIGKILL)


def _provider(config: Path) -> Any:
    from idp import assembly, worker
    from idp.config import load
    from idp.linking import store
    from idp.web import create_app

    store.ASK_AFTER = timedelta(seconds=3)  # on a busy machine an honest answer takes one
    portico = assembly.build(load(config))
    rounds = [one for one in worker.rounds(portico) if one.name in {"links", "open-links"}]

    def work() -> None:
        while True:
            for one in rounds:
                try:
                    one.work()
                except Exception:
                    log.exception("round failed")
            time.sleep(0.1)

    threading.Thread(target=work, daemon=True).start()
    return create_app(portico)


def _casequery(config: Path) -> Any:
    from clients.casequery import serving
    from clients.kit import errands, linking

    errands.EVERY_SECONDS = 0.1
    setattr(linking, "_FIRST_RETRY", timedelta(seconds=0.2))  # noqa: B010 - it is a waiting time
    os.environ[serving.CONFIG_PATH] = str(config)
    return serving.application()


def main() -> None:
    """Serve on loopback until killed."""
    side, config, port, armed = sys.argv[1:]
    prefix = "idp" if side == "provider" else "clients"
    for name, (module, _, _) in STEPS.items():
        if module.startswith(prefix):
            _arm(name, Path(armed))
    app = (_provider if side == "provider" else _casequery)(Path(config))
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    make_server("127.0.0.1", int(port), app, threaded=True).serve_forever()


if __name__ == "__main__":
    main()
