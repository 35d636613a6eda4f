"""Engines for SQLite and PostgreSQL, durable and strict from the first connection.

Two engines a database: one writes, one cannot. The reading one runs each statement on
its own (no BEGIN, no COMMIT, one round trip), and the database itself refuses it a write.
"""

import sqlite3
from typing import Any

import psycopg
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.pool import NullPool

from idp.database.channel import BEGIN_SQLITE
from idp.database.patience import PatientConnection

_BUSY_SECONDS = 15.0
_LIMITS = "-c statement_timeout=5000 -c lock_timeout=5000"  # milliseconds
_CONNECT_SECONDS = 5


class UnsupportedDatabase(Exception):
    """The URL names neither SQLite nor PostgreSQL through psycopg."""


def writing_engine(url: str) -> Engine:
    """Open the engine whose transactions change the record."""
    target = make_url(url)
    if _is_sqlite(target):
        return _sqlite(target, read_only=False)
    return _postgresql(target, read_only=False)


def reading_engine(url: str) -> Engine:
    """Open the engine that the database refuses any change."""
    target = make_url(url)
    if _is_sqlite(target):
        return _sqlite(target, read_only=True)
    return _postgresql(target, read_only=True)


def _is_sqlite(url: URL) -> bool:
    backend, driver = url.get_backend_name(), url.get_driver_name()
    if (backend, driver) not in {("sqlite", "pysqlite"), ("postgresql", "psycopg")}:
        raise UnsupportedDatabase(
            f"{backend}+{driver}: use sqlite:///FILE or postgresql+psycopg://..."
        )
    return backend == "sqlite"


def _postgresql(url: URL, *, read_only: bool) -> Engine:
    # psycopg prepares nothing itself: it answers a ROLLBACK with DEALLOCATE ALL, which would
    # take the statements of ``idp.database.channel`` along.
    options = _LIMITS + (" -c default_transaction_read_only=on" if read_only else "")
    engine = create_engine(
        url,
        poolclass=NullPool,  # ``idp.database.lanes`` keeps the connections
        hide_parameters=True,  # an error's text must not carry what was in the statement
        isolation_level="AUTOCOMMIT" if read_only else "READ COMMITTED",
        connect_args={
            "options": options,
            "connect_timeout": _CONNECT_SECONDS,
            "prepare_threshold": None,
        },
    )

    @event.listens_for(engine, "do_connect")
    def _connect(
        _dialect: Any, _record: Any, words: list[Any], named: dict[str, Any]
    ) -> psycopg.Connection[Any]:
        return PatientConnection.connect(*words, **named)

    return engine


def _sqlite(url: URL, *, read_only: bool) -> Engine:
    engine = create_engine(
        url,
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _prepare(dbapi_connection: sqlite3.Connection, _record: Any) -> None:
        dbapi_connection.isolation_level = None  # transactions are ours to begin
        for pragma in _PRAGMAS + (_NO_WRITES if read_only else ()):
            dbapi_connection.execute(pragma)

    if not read_only:

        @event.listens_for(engine, "begin")
        def _take_the_write_lock(connection: Connection) -> None:
            driver: Any = connection.connection.driver_connection
            if not driver.in_transaction:  # the lane's channel may have begun it
                driver.execute(BEGIN_SQLITE)

    return engine


_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",  # a commit acknowledged is a commit on the disk
    "PRAGMA foreign_keys=ON",
    "PRAGMA busy_timeout=15000",
    "PRAGMA recursive_triggers=ON",  # or INSERT OR REPLACE would slip past the audit log's
)
_NO_WRITES = ("PRAGMA query_only=ON",)
