"""How long a server may say nothing, and the connections that wait no longer.

PostgreSQL ends a statement by itself after five seconds. When not even that is heard it is the
network, and nothing else would ever wake the thread that waits.
"""

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as Silent

PATIENCE_SECONDS = 6.0
"""A second more than the server takes to give a statement up."""
_QUIET_SECONDS = 1.0

Given = TypeVar("Given")


class PatientConnection(psycopg.Connection[Any]):
    """A connection that is closed when the server does not answer in time."""

    patience: float | None = PATIENCE_SECONDS
    """``None``: the work at hand may take as long as it takes."""
    silent = False
    """The server did not answer."""

    def wait(self, gen: PQGen[Given], interval: float = 0.1, timeout: float | None = None) -> Given:
        """Wait for a command to end.

        Raises:
            psycopg.OperationalError: the server did not answer; the connection is closed.
        """
        try:
            return super().wait(gen, interval, self.patience if timeout is None else timeout)
        except psycopg.errors._WaitTimeout as late:  # noqa: SLF001 - it has no public name
            raise self.give_up() from late

    def give_up(self) -> psycopg.OperationalError:
        """Close the connection without a word to the server; gives the error to raise."""
        self.silent = True
        self.pgconn.finish()
        return psycopg.OperationalError("the server does not answer")


def lift_limits(connection: Connection) -> None:
    """Let the transaction at hand take as long as it takes; locks are still waited for briefly."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        driver: Any = connection.connection.driver_connection
        driver.patience = None


def give_way(connection: Connection) -> None:
    """Let the transaction at hand give up a table it cannot have alone within a second.

    Whoever asks for a table that somebody waits to have alone waits behind them.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL lock_timeout = '900ms'"))


def was_in_use(error: DBAPIError) -> bool:
    """Tell whether a table could not be had alone."""
    return isinstance(error.orig, psycopg.errors.LockNotAvailable)


class Reach:
    """Whether the database answers: who finds it silent spares the others the wait.

    While it is in doubt one caller at a time may knock, once a second; the rest is told at
    once. So no queue builds up behind a server that is silent.
    """

    def __init__(self) -> None:
        self.in_doubt = False
        self._lock = threading.Lock()
        self._knocking = False
        self._quiet_until = 0.0

    @contextmanager
    def knock(self) -> Generator[None]:
        """Open a connection in this block.

        Raises:
            sqlalchemy.exc.TimeoutError: the database was silent a moment ago.
        """
        alone = self._admit()
        try:
            yield
        except DBAPIError as error:
            if isinstance(error.orig, psycopg.errors.ConnectionTimeout):
                self.doubt()
            raise
        else:
            self.in_doubt = False
        finally:
            if alone:
                self._knocking = False

    def doubt(self) -> None:
        """Note that the database did not answer."""
        self._quiet_until = time.monotonic() + _QUIET_SECONDS
        self.in_doubt = True

    def _admit(self) -> bool:
        with self._lock:
            if not self.in_doubt:
                return False
            if self._knocking or time.monotonic() < self._quiet_until:
                raise Silent("the database did not answer a moment ago")
            self._knocking = True
            return True
