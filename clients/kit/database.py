"""An app's database: SQLite or PostgreSQL, durable, with two kinds of transaction."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Connection,
    Dialect,
    Engine,
    LargeBinary,
    MetaData,
    String,
    TypeDecorator,
    Uuid,
    create_engine,
    event,
)
from sqlalchemy.orm import DeclarativeBase

from clients.kit.clock import Clock, system_clock


class Instant(TypeDecorator[datetime]):
    """An instant as microseconds since 1970 UTC: the same on each kind of database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Refuse naive values; store whole microseconds."""
        if value is not None and value.tzinfo is None:
            raise ValueError("a naive datetime has no place in a record")
        return None if value is None else round(value.timestamp() * 1_000_000)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Give it back with its zone."""
        return None if value is None else datetime.fromtimestamp(value / 1_000_000, UTC)


class Table(DeclarativeBase):
    """Base of an app's tables."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        datetime: Instant,
        UUID: Uuid,
        bytes: LargeBinary,
        str: String(255),
    }


@dataclass(frozen=True, slots=True)
class Transaction:
    """One unit of work, at one instant."""

    connection: Connection
    now: datetime

    def execute(self, statement: Any, parameters: Any = None) -> Any:
        """Run one statement."""
        return self.connection.execute(statement, parameters)


@dataclass(frozen=True, slots=True)
class Database:
    """The engine and the two ways in."""

    engine: Engine
    clock: Clock

    @contextmanager
    def write(self) -> Generator[Transaction]:
        """Begin, commit on leaving, roll back on an exception."""
        writing = self.engine.execution_options(app_writes=True)
        with writing.begin() as connection:
            yield Transaction(connection, self.clock())

    @contextmanager
    def read(self) -> Generator[Transaction]:
        """Read; whatever would be written is rolled back."""
        with self.engine.connect() as connection:
            yield Transaction(connection, self.clock())
            connection.rollback()


def open_database(url: str, clock: Clock = system_clock) -> Database:
    """Open an app's database; connects at first use."""
    engine = create_engine(url, hide_parameters=True)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin)
    return Database(engine, clock)


def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "busy_timeout=15000",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("app_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
