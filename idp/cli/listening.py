"""One listening socket for all workers of a server, and workers that leave without a loss.

On Linux each of granian's workers would open a socket of its own beside the others: one that
ends takes down whoever waits in its queue, and while none is ready callers are refused. Here
the server holds the one socket, and callers wait in its queue for the next worker. A worker
that is to be replaced stops hearing new callers first, and answers those whom it has heard:
granian closes connections whose request it has not read yet.
"""

import os
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from granian.net import SocketSpec  # type: ignore[attr-defined]
from granian.server.mp import MPServer, WorkerProcess

_DEAF = signal.SIGUSR1
_HEARD_SECONDS = 0.5
"""For the requests of callers who were heard to come in."""


class OneSocket(MPServer):
    """Granian with a socket that outlives its workers."""

    def _init_shared_socket(self) -> None:
        signal.signal(_DEAF, signal.SIG_IGN)  # or a worker that is not ready yet would die of it
        shared = SocketSpec(self.bind_addr, self.bind_port, self.backlog).build()
        inherited = socket.socket(fileno=shared.get_fd())
        inherited.set_inheritable(True)
        vars(self).update(_shd=shared, _sfd=inherited.fileno(), _sso=inherited)

    def _spawn_worker(self, *given: Any, **named: Any) -> WorkerProcess:
        worker = super()._spawn_worker(*given, **named)
        worker.__class__ = _Leaving
        return worker


class _Leaving(WorkerProcess):
    """A worker that is told to hear nobody else before it is told to end."""

    def terminate(self) -> None:
        if not self.parent.interrupt_signal and self.inner.is_alive():
            os.kill(self.inner.pid, _DEAF)
            time.sleep(_HEARD_SECONDS)
        super().terminate()  # type: ignore[no-untyped-call]


def be_ready_to_leave() -> None:
    """Let the server tell this worker to hear no new callers."""
    signal.signal(_DEAF, lambda _number, _frame: _hear_nobody())


def _hear_nobody() -> None:
    """Put a socket that nobody calls in the place of the one that all share.

    Where that cannot be done, callers that come in now may have to call again: no more than that.
    """
    with suppress(OSError):
        _replace_what_listens()


def _replace_what_listens() -> None:
    silence = socket.socket(socket.AF_UNIX)
    silence.bind("")  # a name that the system makes up, outside the file system
    silence.listen(1)
    silence.setblocking(False)  # who asks it for a caller must not wait for one
    for one in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            number = int(one.name)
            if number == silence.fileno() or not one.readlink().name.startswith("socket:"):
                continue
            if _is_listening(number):
                os.dup2(silence.fileno(), number)


def _is_listening(number: int) -> bool:
    with socket.socket(fileno=os.dup(number)) as one:
        internet = one.family in {socket.AF_INET, socket.AF_INET6}
        return internet and one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
