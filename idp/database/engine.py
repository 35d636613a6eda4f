"""Engines for SQLite and PostgreSQL, durable and strict from the first connection.

Two engines a database: one writes, one cannot. The reading one runs each statement on
its own (no BEGIN, no COMMIT, one round trip), and the database itself refuses it a write.
"""

import sqlite3
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url

_BUSY_SECONDS = 15.0
_LIMITS = "-c statement_timeout=5000 -c lock_timeout=5000"  # milliseconds


class UnsupportedDatabase(Exception):
    """The URL names neither SQLite nor PostgreSQL through psycopg."""


def writing_engine(url: str, *, connections: int) -> Engine:
    """Open the engine whose transactions change the record."""
    target = make_url(url)
    if _is_sqlite(target):
        return _sqlite(target, connections, read_only=False)
    return _postgresql(target, connections, read_only=False)


def reading_engine(url: str, *, connections: int) -> Engine:
    """Open the engine that the database refuses any change."""
    target = make_url(url)
    if _is_sqlite(target):
        return _sqlite(target, connections, read_only=True)
    return _postgresql(target, connections, read_only=True)


def _is_sqlite(url: URL) -> bool:
    backend, driver = url.get_backend_name(), url.get_driver_name()
    if (backend, driver) not in {("sqlite", "pysqlite"), ("postgresql", "psycopg")}:
        raise UnsupportedDatabase(
            f"{backend}+{driver}: use sqlite:///FILE or postgresql+psycopg://..."
        )
    return backend == "sqlite"


def _postgresql(url: URL, connections: int, *, read_only: bool) -> Engine:
    options = _LIMITS + (" -c default_transaction_read_only=on" if read_only else "")
    return create_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=5,
        pool_pre_ping=False,  # costs a round trip; a dead connection is found and replaced on use
        pool_use_lifo=True,
        hide_parameters=True,  # an error's text must not carry what was in the statement
        isolation_level="AUTOCOMMIT" if read_only else "READ COMMITTED",
        connect_args={"options": options, "connect_timeout": 5, "prepare_threshold": 2},
    )


def _sqlite(url: URL, connections: int, *, read_only: bool) -> Engine:
    engine = create_engine(
        url,
        pool_size=connections if read_only else 1,
        max_overflow=0,
        pool_timeout=_BUSY_SECONDS,
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
            # Deferred, two writers would both read and then one would fail half-way.
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",  # a commit acknowledged is a commit on the disk
    "PRAGMA foreign_keys=ON",
    "PRAGMA busy_timeout=15000",
    "PRAGMA recursive_triggers=ON",  # or INSERT OR REPLACE would slip past the audit log's
)
_NO_WRITES = ("PRAGMA query_only=ON",)
