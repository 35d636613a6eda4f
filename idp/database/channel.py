"""Prepared statements on the driver's own connection, in the transaction SQLAlchemy shares.

Either may begin the transaction; this channel ends it, and SQLAlchemy then closes its
books on a driver that says it is idle. On PostgreSQL the statements go to libpq in
pipelines (PostgreSQL manual, "Pipeline Mode"): what needs no answer waits and travels with
the next statement that does, at the latest with COMMIT. A request that writes thus takes
one round trip for each answer it needs before it goes on, and one to commit, which a
transaction that only inserts shares with others (``idp.database.convoy``). psycopg asks libpq
for the transaction's status and sees only the outcome.
"""

import select
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from itertools import repeat
from typing import Any, Protocol

import psycopg
from psycopg import errors, pq
from psycopg.pq.abc import PGresult
from sqlalchemy import Connection

from idp.database.convoy import Bound, Convoy
from idp.database.patience import PATIENCE_SECONDS, PatientConnection
from idp.database.prepared import Form

DRIVER_ERRORS = (psycopg.Error, sqlite3.Error)
BEGIN_SQLITE = "BEGIN IMMEDIATE"
"""Deferred, two writers would both read and then one would fail half-way."""

_OK = {pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK}
_SYNC = pq.ExecStatus.PIPELINE_SYNC
_IDLE = pq.TransactionStatus.IDLE
_BINARY = pq.Format.BINARY
_HEARD_EVERY = 8  # statements: a server keeps its answers until it is asked, and seems silent


Rows = Callable[[], list[Any]]
"""Gives the rows of a statement; what waits until then travels with it."""


class Channel(Protocol):
    """How prepared statements of one transaction reach the database."""

    def ask(self, form: Form, parameters: Mapping[str, Any]) -> list[Any]:
        """Run a statement now and give its rows."""

    def expect(self, form: Form, parameters: Mapping[str, Any]) -> Rows:
        """Run a statement by the time its rows are asked for, in order."""

    def put(self, form: Form, parameters: Mapping[str, Any]) -> None:
        """Run a statement whose outcome nobody waits for, in order, before the commit."""

    def settle(self) -> None:
        """Have everything put so far run now: SQLAlchemy speaks next."""

    def commit(self) -> None:
        """Run what waits and commit."""

    def abandon(self) -> None:
        """Forget what waits and roll back."""

    def is_lost(self) -> bool:
        """Tell whether nothing sensible can be said on the connection any more."""

    def is_silent(self) -> bool:
        """Tell whether the server has stopped answering."""


class SqliteChannel:
    """SQLite is in the process: every statement runs at once."""

    def __init__(self, driver: sqlite3.Connection) -> None:
        self._driver = driver

    def ask(self, form: Form, parameters: Mapping[str, Any]) -> list[Any]:
        """Run a statement and give its rows; all are fetched, or RETURNING would not finish."""
        if not form.only_reads:
            self._begin()
        found = self._driver.execute(form.sql, form.encode(parameters)).fetchall()
        return [form.row(values) for values in found]

    def expect(self, form: Form, parameters: Mapping[str, Any]) -> Rows:
        """Run a statement; its rows are there already."""
        found = self.ask(form, parameters)
        return lambda: found

    def put(self, form: Form, parameters: Mapping[str, Any]) -> None:
        """Run a statement."""
        self._begin()
        self._driver.execute(form.sql, form.encode(parameters))

    def settle(self) -> None:
        """Nothing ever waits."""

    def commit(self) -> None:
        """Commit, if anything was begun.

        Raises:
            sqlite3.Error: nothing is on record.
        """
        if self._driver.in_transaction:
            self._driver.execute("COMMIT")

    def abandon(self) -> None:
        """Roll back, if anything was begun."""
        if self._driver.in_transaction:
            self._driver.execute("ROLLBACK")

    def is_lost(self) -> bool:
        """Never: a file is not far away."""
        return False

    def is_silent(self) -> bool:
        """Never: it is the process itself that answers."""
        return False

    def _begin(self) -> None:
        if not self._driver.in_transaction:
            self._driver.execute(BEGIN_SQLITE)


class PostgresqlChannel:
    """One PostgreSQL connection, spoken to through libpq.

    ``transactional``: statements belong to a transaction. Where everything fits into a single
    pipeline that transaction needs no BEGIN: what stands before a Sync is one by itself.
    """

    def __init__(self, driver: PatientConnection, convoy: Convoy, *, transactional: bool) -> None:
        self._driver = driver
        self._pg = driver.pgconn
        self._convoy = convoy
        self._transactional = transactional
        self._known: set[bytes] = set()
        self._waiting: list[Bound] = []
        self._expected: list[tuple[int, Form, list[list[Any]]]] = []
        self._can_read, self._can_send = select.poll(), select.poll()
        self._can_read.register(self._pg.socket, select.POLLIN)
        # A server that gives answers must be heard as well, or it would take nothing more.
        self._can_send.register(self._pg.socket, select.POLLIN | select.POLLOUT)

    def ask(self, form: Form, parameters: Mapping[str, Any]) -> list[Any]:
        """Run what waits, then the statement: one round trip, with BEGIN where it is due.

        A SELECT that comes before any change needs no BEGIN: at READ COMMITTED each statement
        sees what is committed when it starts, in a transaction or not.
        """
        looks = form.only_reads and not self._waiting  # as most requests begin
        self._waiting.append((form, form.encode(parameters)))
        return _rows(form, self._run(before=b"" if looks else self._begin_if_due())[-1])

    def expect(self, form: Form, parameters: Mapping[str, Any]) -> Rows:
        """Keep the statement until somebody wants to know, or another one travels."""
        bound, found = (form, form.encode(parameters)), list[list[Any]]()
        self._expected.append((len(self._waiting), form, found))
        self._waiting.append(bound)

        def heard() -> list[Any]:
            if any(expected is found for _, _, expected in self._expected):
                self._run(before=self._begin_if_due())
            if not found:  # another one failed before it, or the transaction is over
                raise psycopg.errors.InFailedSqlTransaction("what was expected did not run")
            return found[0]

        return heard

    def put(self, form: Form, parameters: Mapping[str, Any]) -> None:
        """Keep the statement until the next one that waits for an answer, or COMMIT."""
        self._waiting.append((form, form.encode(parameters)))

    def settle(self) -> None:
        """Send what waits, inside the transaction that SQLAlchemy goes on with."""
        if self._waiting:
            self._run(before=self._begin())

    def commit(self) -> None:
        """Send what waits together with COMMIT.

        Raises:
            psycopg.Error: nothing is on record; or, if the connection broke, nobody can say.
        """
        if self._pg.transaction_status == _IDLE:
            if self._waiting:
                self._commit_at_once()
            return
        ended = self._run(after=b"COMMIT")[-1]
        self._driver.patience = PATIENCE_SECONDS
        if ended.command_status != b"COMMIT":  # a failed transaction answers ROLLBACK, politely
            raise psycopg.errors.InFailedSqlTransaction("the transaction was rolled back")

    def abandon(self) -> None:
        """Roll back by ourselves: psycopg would throw away every prepared statement with it."""
        self._waiting.clear()
        self._expected.clear()
        self._driver.patience = PATIENCE_SECONDS
        if self._pg.transaction_status != _IDLE and not self.is_lost():
            self._run(after=b"ROLLBACK")

    def is_lost(self) -> bool:
        """Tell whether the connection is gone, or was left in the middle of a pipeline."""
        in_pipeline = self._pg.pipeline_status != pq.PipelineStatus.OFF
        return in_pipeline or self._pg.status != pq.ConnStatus.OK

    def _commit_at_once(self) -> None:
        waiting, self._waiting = self._waiting, []
        if not self._expected and all(form.only_inserts for form, _ in waiting):
            self._convoy.commit(waiting, self._send)
        else:
            self._send(waiting)

    def _send(self, statements: list[Bound]) -> None:
        self._waiting = statements
        self._run()

    def is_silent(self) -> bool:
        """Tell whether the server has stopped answering."""
        return self._driver.silent

    def _begin_if_due(self) -> bytes:
        return b"" if all(form.only_reads for form, _ in self._waiting) else self._begin()

    def _begin(self) -> bytes:
        due = self._transactional and self._pg.transaction_status == _IDLE
        return b"BEGIN" if due else b""

    def _run(self, *, before: bytes = b"", after: bytes = b"") -> list[PGresult]:
        """Send everything up to a Sync, and read as many answers.

        Raises:
            psycopg.Error: of the first statement that failed; the rest was skipped.
        """
        waiting, self._waiting = self._waiting, []
        expected, self._expected = self._expected, []
        self._pg.enter_pipeline_mode()
        if before:
            self._pg.send_query_params(before, None)
        places, prepared = self._send_all(waiting, 1 if before else 0)
        if after:
            self._pg.send_query_params(after, None)
        self._pg.pipeline_sync()
        while self._pg.flush():
            self._wait(self._can_send)
        results = self._answers()
        self._pg.exit_pipeline_mode()
        for name, at in prepared:
            if results[at].status == pq.ExecStatus.COMMAND_OK:
                self._known.add(name)
        for result in results:
            if result.status not in _OK:
                raise errors.error_from_result(result)
        for at, form, found in expected:
            found.append(_rows(form, results[places[at]]))
        return results

    def _send_all(
        self, waiting: Sequence[Bound], sent: int
    ) -> tuple[list[int], list[tuple[bytes, int]]]:
        """Put statements into libpq's buffer, after so many commands.

        Gives where the answer of each will stand, and that of each that is prepared with it.
        """
        places: list[int] = []
        prepared: list[tuple[bytes, int]] = []
        for number, (form, values) in enumerate(waiting, 1):
            name = form.name
            if name not in self._known and all(name != other for other, _ in prepared):
                prepared.append((name, sent))
                self._pg.send_prepare(name, form.sql.encode())
                sent += 1
            places.append(sent)
            self._pg.send_query_prepared(name, values, form.formats, _BINARY)
            sent += 1
            if number % _HEARD_EVERY == 0:
                self._pg.send_flush_request()
        return places, prepared

    def _answers(self) -> list[PGresult]:
        """Read up to the Sync: an answer to each command, and one more if committing failed."""
        pg, results = self._pg, list[PGresult]()
        while True:
            while pg.is_busy():
                self._wait(self._can_read)
            result = pg.get_result()
            if result is None:  # stands between the answers of two commands
                if pg.status != pq.ConnStatus.OK:
                    raise psycopg.OperationalError("the connection was lost")
            elif result.status == _SYNC:
                return results
            else:
                results.append(result)

    def _wait(self, ready: "select.poll") -> None:
        """Wait for the server, with the interpreter free for other threads."""
        patience = self._driver.patience
        if not ready.poll(None if patience is None else patience * 1000):
            raise self._driver.give_up()
        self._pg.consume_input()


def _rows(form: Form, result: PGresult) -> list[Any]:
    width = range(result.nfields)
    return [form.row(map(result.get_value, repeat(at), width)) for at in range(result.ntuples)]


def open_channel(connection: Connection, convoy: Convoy, *, writing: bool) -> Channel:
    """Open the channel of a connection that was just opened itself; ``convoy``: its engine's."""
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "sqlite":
        return SqliteChannel(driver)
    return PostgresqlChannel(driver, convoy, transactional=writing)
