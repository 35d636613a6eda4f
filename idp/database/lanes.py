"""Connections that stay open, each used by one unit of work at a time.

A lane is SQLAlchemy's connection and, on the same driver connection and in the same
transaction, the channel for prepared statements. SQLAlchemy's own pool would take a
connection, open a transaction, close it and hand the connection back for every request;
here its books are opened only when a statement goes through it.
"""

from collections.abc import Mapping
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as LanesTaken

from idp.database.channel import DRIVER_ERRORS, Channel, Rows, open_channel
from idp.database.convoy import Convoy
from idp.database.patience import Reach
from idp.database.prepared import Prepared


class Lane:
    """One open connection. Its errors are SQLAlchemy's, whichever way a statement takes."""

    def __init__(self, connection: Connection, channel: Channel) -> None:
        self._connection = connection
        self._channel = channel
        self._dialect = connection.dialect
        self._is_shared = False
        """SQLAlchemy has spoken on it: its books may be open."""

    def ask(self, statement: Prepared, parameters: Mapping[str, Any]) -> list[Any]:
        """Run a prepared statement now; give its rows as named tuples.

        Raises:
            sqlalchemy.exc.DBAPIError: it failed, or one before it that had waited.
        """
        try:
            return self._channel.ask(statement.form(self._dialect), parameters)
        except DRIVER_ERRORS as error:
            raise self._as_sqlalchemy_tells(error) from error

    def expect(self, statement: Prepared, parameters: Mapping[str, Any]) -> Rows:
        """Run a prepared statement by the time its rows are asked for.

        Raises:
            sqlalchemy.exc.DBAPIError: on SQLite, where it runs at once; else when asked for.
        """
        try:
            heard = self._channel.expect(statement.form(self._dialect), parameters)
        except DRIVER_ERRORS as error:
            raise self._as_sqlalchemy_tells(error) from error

        def rows() -> list[Any]:
            try:
                return heard()
            except DRIVER_ERRORS as error:
                raise self._as_sqlalchemy_tells(error) from error

        return rows

    def put(self, statement: Prepared, parameters: Mapping[str, Any]) -> None:
        """Run a prepared statement before the next one that is asked, or the commit.

        Raises:
            sqlalchemy.exc.DBAPIError: on SQLite, where it runs at once.
        """
        try:
            self._channel.put(statement.form(self._dialect), parameters)
        except DRIVER_ERRORS as error:
            raise self._as_sqlalchemy_tells(error) from error

    def connection(self) -> Connection:
        """Give SQLAlchemy's connection, with everything put so far done.

        Raises:
            sqlalchemy.exc.DBAPIError: something that had waited failed.
        """
        try:
            self._channel.settle()
        except DRIVER_ERRORS as error:
            raise self._as_sqlalchemy_tells(error) from error
        self._is_shared = True
        return self._connection

    def commit(self) -> None:
        """Commit, and close SQLAlchemy's books where they were opened.

        Raises:
            sqlalchemy.exc.DBAPIError: nothing is on record; or, if the connection broke,
                nobody can say.
        """
        try:
            self._channel.commit()
        except DRIVER_ERRORS as error:
            raise self._as_sqlalchemy_tells(error) from error
        if self._is_shared and self._connection.in_transaction():
            self._connection.commit()

    def rollback(self) -> None:
        """Undo the unit of work; what cannot be undone any more is gone with the connection."""
        try:  # noqa: SIM105 - with every request, and suppress() costs as much as the rest
            self._channel.abandon()
        except DRIVER_ERRORS:
            pass
        # A transaction whose end failed is not "in" any more, and still has to be rolled back.
        if self._is_shared and self._connection.get_transaction() is not None:
            with suppress(SQLAlchemyError):
                self._connection.rollback()

    def is_lost(self) -> bool:
        """Tell whether the lane leads nowhere any more."""
        return self._channel.is_lost() or (self._is_shared and self._connection.invalidated)

    def rest(self) -> None:
        """Be as new for the next unit of work; only for a lane that is not lost."""
        self._is_shared = False

    def is_silent(self) -> bool:
        """Tell whether it was given up because the database did not answer."""
        return self._channel.is_silent()

    def close(self) -> None:
        """Close the connection."""
        with suppress(SQLAlchemyError, *DRIVER_ERRORS):
            self._connection.close()

    def _as_sqlalchemy_tells(self, error: Exception) -> Exception:
        return DBAPIError.instance(
            None,
            None,
            error,
            self._dialect.loaded_dbapi.Error,
            hide_parameters=True,
            connection_invalidated=self._channel.is_lost(),
        )


class Lanes:
    """Up to ``limit`` lanes of one engine, opened when they are needed. Thread-safe."""

    def __init__(
        self, engine: Engine, limit: int, patience: float, reach: Reach, *, writing: bool
    ) -> None:
        self.engine = engine
        self._patience = patience  # seconds
        self._reach = reach
        self._writing = writing
        self._free: SimpleQueue[None] = SimpleQueue()  # a semaphore of C, a fifth of the price
        for _ in range(limit):
            self._free.put(None)
        self._idle: list[Lane] = []
        self._convoy = Convoy()

    def take(self) -> Lane:
        """Take a lane for one unit of work: the one used last, for its caches are warm.

        Raises:
            sqlalchemy.exc.TimeoutError: all are taken, and stayed so; or the database did not
                answer a moment ago.
            sqlalchemy.exc.DBAPIError: the database cannot be reached.
        """
        try:
            self._free.get(timeout=self._patience)
        except Empty:
            raise LanesTaken("all connections to the database are in use") from None
        if self._reach.in_doubt:
            self.close()  # they lead to the same silence
        try:
            return self._idle.pop()
        except IndexError:
            pass
        try:
            return self._open()
        except BaseException:
            self._free.put(None)
            raise

    def give_back(self, lane: Lane) -> None:
        """Put a lane back. If it was lost, the idle ones will have gone with it."""
        if lane.is_silent():
            self._reach.doubt()
        if lane.is_lost():
            self.close()
            lane.close()
        else:
            lane.rest()
            self._idle.append(lane)
        self._free.put(None)

    def close(self) -> None:
        """Close every lane that nobody is using."""
        while self._idle:
            with suppress(IndexError):
                self._idle.pop().close()

    def _open(self) -> Lane:
        with self._reach.knock():
            connection = self.engine.connect()
        return Lane(connection, open_channel(connection, self._convoy, writing=self._writing))
