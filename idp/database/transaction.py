"""Where transactions begin and end.

The doors (``idp.web``, ``idp.cli``, ``idp.worker``) open one with ``database.write()``
or ``database.read()``; actions are handed it and never commit. Leaving the block
commits; an exception rolls back. A refusal is therefore a *value*: it must be kept.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, CursorResult, Engine, Executable
from sqlalchemy.exc import DBAPIError

from idp.clock import Clock
from idp.database.engine import reading_engine, writing_engine

Rows = CursorResult[*tuple[Any, ...]]
"""What a statement gave: rows of as many columns as it selected."""

Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Origin:
    """Who set a unit of work in motion, as far as the audit log is to know."""

    address: str = ""
    """Of the browser or app, behind trusted proxies; empty for operators and the worker."""
    request_id: str = ""
    """The reference number that the person sees on an error page."""
    operator: str = ""
    """The system account of who typed a command; ``worker`` for what time does."""


NOBODY = Origin()


@dataclass(frozen=True, slots=True)
class Transaction:
    """One unit of work. All its rows and audit entries carry the same instant and origin."""

    connection: Connection
    now: datetime
    origin: Origin = NOBODY
    _after: list[Callable[[bool], None]] = field(default_factory=list)

    def execute(self, statement: Executable, parameters: Parameters | None = None) -> Rows:
        """Run one statement: one round trip."""
        return self.connection.execute(statement, parameters)

    def scalar(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> Any:
        """Run one statement and give the first column of its first row, or ``None``."""
        return self.connection.scalar(statement, parameters)

    def afterwards(self, hear: Callable[[bool], None]) -> None:
        """Tell ``hear`` once how the transaction ended: ``True`` for committed.

        For what mirrors the record in memory (a chain's head, a cache): never for effects
        on the outside world, which belong in the outbox.
        """
        self._after.append(hear)


class Unavailable(Exception):
    """The database cannot be reached or does not answer; nothing of the work was kept."""


@dataclass(frozen=True, slots=True)
class Database:
    """The two engines and the clock, and the only two ways to a transaction."""

    writing: Engine
    reading: Engine
    clock: Clock

    @contextmanager
    def write(self, origin: Origin = NOBODY) -> Generator[Transaction]:
        """Begin (on SQLite: ``BEGIN IMMEDIATE``), commit on leaving, roll back on an exception."""
        heard: list[Callable[[bool], None]] = []
        committed = False
        try:
            with self.writing.begin() as connection:
                yield Transaction(connection, self.clock(), origin, heard)
            committed = True
        finally:
            for hear in heard:
                hear(committed)

    @contextmanager
    def read(self) -> Generator[Transaction]:
        """Read with as many round trips as statements. The database refuses writes here."""
        with self.reading.connect() as connection:
            yield Transaction(connection, self.clock())

    def dispose(self) -> None:
        """Close every pooled connection."""
        self.writing.dispose()
        self.reading.dispose()


def is_outage(error: DBAPIError) -> bool:
    """Tell a database that is gone or overloaded from a statement that is wrong."""
    return error.connection_invalidated or "OperationalError" in type(error).__name__


def open_database(url: str, clock: Clock, *, connections: int) -> Database:
    """Open the database at ``url`` with ``connections`` of each kind; connects lazily.

    Raises:
        UnsupportedDatabase: the URL is neither SQLite nor PostgreSQL through psycopg.
    """
    return Database(
        writing_engine(url, connections=connections),
        reading_engine(url, connections=connections),
        clock,
    )
