"""The page that asked has gone: its window must not stay and ask on."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from cardbridge.front.http import Exchange
from cardbridge.interruption import Interruption
from cardbridge.outcomes import Code


@contextmanager
def leaving_stops(exchange: Exchange, interruption: Interruption) -> Iterator[None]:
    """Stop the operation within as soon as the connection that asked for it is gone."""
    woken, waker = socket.socketpair()

    def watch() -> None:
        if exchange.wait_for_leaving(woken):
            interruption.stop(Code.CANCELLED)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        waker.send(b"!")
        watcher.join()
        woken.close()
        waker.close()
