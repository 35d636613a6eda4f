"""Where transactions begin and end.

The doors (``idp.web``, ``idp.cli``, ``idp.worker``) open one with ``database.write()``
or ``database.read()``; actions are handed it and never commit. Leaving the block
commits; an exception rolls back. A refusal is therefore a *value*: it must be kept.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Connection, CursorResult, Engine, Executable
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection

from idp.clock import Clock
from idp.database.engine import reading_engine, writing_engine
from idp.database.lanes import Lane, Lanes
from idp.database.patience import Reach
from idp.database.prepared import Prepared
from idp.secret import Entropy, new_id

_PATIENCE = 10.0  # seconds to wait for a connection of our own

Rows = CursorResult[*tuple[Any, ...]]
"""What a statement gave: rows of as many columns as it selected."""

Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]]


class Origin(msgspec.Struct, frozen=True):
    """Who set a unit of work in motion, as far as the audit log is to know."""

    address: str = ""
    """Of the browser or app, behind trusted proxies; empty for operators and the worker."""
    request_id: str = ""
    """The reference number that the person sees on an error page."""
    operator: str = ""
    """The system account of who typed a command; ``worker`` for what time does."""
    browser: str = ""
    """What the browser calls itself, for the account's owner alone."""


NOBODY = Origin()


class Transaction(msgspec.Struct, frozen=True):
    """One unit of work. All its rows and audit entries carry the same instant and origin."""

    _lane: Lane
    now: datetime
    origin: Origin = NOBODY
    _after: list[Callable[[bool], None]] = msgspec.field(default_factory=list)
    _made: Iterator[int] = msgspec.field(default_factory=itertools.count)

    @property
    def connection(self) -> Connection:
        """SQLAlchemy's connection, for what is no plain statement."""
        return self._lane.connection()

    def execute(self, statement: Executable, parameters: Parameters | None = None) -> Rows:
        """Run one statement: one round trip."""
        return self._lane.connection().execute(statement, parameters)

    def scalar(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> Any:
        """Run one statement and give the first column of its first row, or ``None``."""
        return self._lane.connection().scalar(statement, parameters)

    def ask(self, statement: Prepared, parameters: Mapping[str, Any]) -> Any:
        """Run a prepared statement that gives a row at most: a named tuple, or ``None``."""
        rows = self._lane.ask(statement, parameters)
        return rows[0] if rows else None

    def rows(self, statement: Prepared, parameters: Mapping[str, Any]) -> list[Any]:
        """Run a prepared statement and give all its rows, each a named tuple."""
        return self._lane.ask(statement, parameters)

    def expect(self, statement: Prepared, parameters: Mapping[str, Any]) -> Callable[[], list[Any]]:
        """Run a prepared statement by the time its rows are asked for, each a named tuple.

        What is expected one after the other, or put, travels in one round trip: for answers that
        do not depend on one another.
        """
        return self._lane.expect(statement, parameters)

    def put(self, statement: Prepared, parameters: Mapping[str, Any]) -> None:
        """Run a prepared statement by the commit at the latest; should it fail, that fails."""
        self._lane.put(statement, parameters)

    def next_id(self, entropy: Entropy) -> UUID:
        """Make an id that sorts after those made here before, though all have one instant."""
        return new_id(self.now, entropy, next(self._made))

    def afterwards(self, hear: Callable[[bool], None]) -> None:
        """Tell ``hear`` once how the transaction ended: ``True`` for committed.

        For what mirrors the record in memory (a chain's head, a cache): never for effects
        on the outside world, which belong in the outbox.
        """
        self._after.append(hear)

    def tell(self, committed: bool) -> None:
        """Tell all who asked for it how it ended; only for who ends it."""
        for hear in self._after:
            hear(committed)


class _Writing:
    """The block of a transaction that may change the record.

    A class, and not a generator: it is entered with every request, at half the price.
    """

    __slots__ = ("_clock", "_lane", "_lanes", "_origin", "_tx")

    def __init__(self, lanes: Lanes, clock: Clock, origin: Origin) -> None:
        self._lanes, self._clock, self._origin = lanes, clock, origin

    def __enter__(self) -> Transaction:
        self._lane = self._lanes.take()
        try:
            self._tx = Transaction(self._lane, self._clock(), self._origin)
        except BaseException:
            self._lanes.give_back(self._lane)  # nothing else ends what has not begun
            raise
        return self._tx

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        committed = False
        try:
            if kind is None:
                self._lane.commit()
                committed = True
        finally:
            if not committed:
                self._lane.rollback()
            self._lanes.give_back(self._lane)
            self._tx.tell(committed)


class _Reading:
    """The block of a transaction that only looks."""

    __slots__ = ("_clock", "_lane", "_lanes")

    def __init__(self, lanes: Lanes, clock: Clock) -> None:
        self._lanes, self._clock = lanes, clock

    def __enter__(self) -> Transaction:
        self._lane = self._lanes.take()
        try:
            return Transaction(self._lane, self._clock())
        except BaseException:
            self._lanes.give_back(self._lane)
            raise

    def __exit__(self, *_: object) -> None:
        self._lane.rollback()
        self._lanes.give_back(self._lane)


class Unavailable(Exception):
    """The database cannot be reached or does not answer; nothing of the work was kept."""


@dataclass(frozen=True, slots=True)
class Database:
    """The lanes to write and to read on, the clock, and the only two ways to a transaction."""

    _writing: Lanes
    _reading: Lanes
    clock: Clock

    @property
    def writing(self) -> Engine:
        """The engine below, for those who look at the database itself."""
        return self._writing.engine

    @property
    def reading(self) -> Engine:
        """The engine that the database refuses any change."""
        return self._reading.engine

    def write(self, origin: Origin = NOBODY) -> AbstractContextManager[Transaction]:
        """Begin with the first change, commit on leaving, roll back on an exception."""
        return _Writing(self._writing, self.clock, origin)

    def read(self) -> AbstractContextManager[Transaction]:
        """Read with as many round trips as statements. The database refuses writes here."""
        return _Reading(self._reading, self.clock)

    def dispose(self) -> None:
        """Close every connection that is not in use."""
        self._writing.close()
        self._reading.close()


def is_outage(error: Exception) -> bool:
    """Tell a database that is gone or overloaded from a statement that is wrong."""
    if isinstance(error, NoConnection):
        return True
    if not isinstance(error, DBAPIError):
        return False
    return error.connection_invalidated or "OperationalError" in type(error).__name__


def open_database(url: str, clock: Clock, *, connections: int) -> Database:
    """Open the database at ``url`` with ``connections`` of each kind; connects lazily.

    Raises:
        UnsupportedDatabase: the URL is neither SQLite nor PostgreSQL through psycopg.
    """
    writing, reading, reach = writing_engine(url), reading_engine(url), Reach()
    alone = writing.dialect.name == "sqlite"  # one writer: to wait in line is fairer than to poll
    return Database(
        Lanes(writing, 1 if alone else connections, _PATIENCE, reach, writing=True),
        Lanes(reading, connections, _PATIENCE, reach, writing=False),
        clock,
    )
