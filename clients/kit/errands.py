"""What an app has to tell the provider, until it has been heard."""

import logging
import threading

from clients.kit import linking
from clients.kit.pages import App
from clients.kit.provider import ProviderUnreachable

EVERY_SECONDS = 2.0
_AT_ONCE = 20

log = logging.getLogger(__name__)


def run(app: App) -> int:
    """Tell the provider which links are over; gives how many it has acknowledged.

    Told twice, by two processes of the app, it acknowledges twice and changes nothing more.
    """
    with app.database.read() as tx:
        due = linking.notices(tx, _AT_ONCE)
    heard = 0
    for attempt, tries in due:
        try:
            app.provider.tell_unlinked(str(attempt))
        except ProviderUnreachable as why:
            log.warning("the provider was not told: %s", why)
            with app.database.write() as tx:
                linking.put_off(tx, attempt, tries)
            continue
        with app.database.write() as tx:
            linking.acknowledged(tx, attempt)
        heard += 1
    return heard


def start(app: App) -> threading.Event:
    """Run errands beside the pages of this process, until the event is set."""
    stopping = threading.Event()

    def repeat() -> None:
        while not stopping.wait(EVERY_SECONDS):
            try:
                run(app)
                with app.database.write() as tx:
                    linking.sweep(tx)
            except Exception:
                log.exception("errands failed")

    threading.Thread(target=repeat, name="errands", daemon=True).start()
    return stopping
