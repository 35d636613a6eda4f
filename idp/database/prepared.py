"""Core statements compiled once, for the few that every sign-in and every token runs.

SQLAlchemy's execution of a statement costs a multiple of what the driver needs for it.
What runs with each request of a relying app is therefore written in Core like all the
rest, compiled once for each kind of database, and handed to the driver as it is
(``idp.database.channel``). Everything else is better off with ``Transaction.execute``.
"""

import itertools
from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
import psycopg
from psycopg.pq import Format
from sqlalchemy import (
    JSON,
    Boolean,
    CompoundSelect,
    Delete,
    Dialect,
    Insert,
    Integer,
    LargeBinary,
    Select,
    String,
    Update,
    Uuid,
)
from sqlalchemy.dialects.postgresql import Insert as PostgresqlInsert
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.types import TypeEngine

from idp.database.columns import Table, UtcDateTime, instant, microseconds

Statement = Select[*tuple[Any, ...]] | CompoundSelect[*tuple[Any, ...]] | Insert | Update | Delete
Codec = Callable[[Any], Any]

_UUID = 2950  # its number among PostgreSQL's types (pg_type.dat)


@dataclass(frozen=True, slots=True)
class Form:
    """A statement as one kind of database takes it, and how values go in and come out."""

    name: bytes
    """What the statement is prepared under, on a server that keeps prepared statements."""
    sql: str
    only_reads: bool
    only_inserts: bool
    formats: tuple[int, ...]
    """libpq's format of each parameter."""
    _parameters: tuple[tuple[str, Codec], ...]
    _absent: Mapping[str, Any]
    _columns: tuple[Codec, ...]
    _row: Callable[[Iterable[Any]], Any]

    def encode(self, parameters: Mapping[str, Any]) -> list[Any]:
        """Give the values in the statement's order, as the driver takes them.

        Raises:
            KeyError: a parameter is missing that is no nullable column of an INSERT.
        """
        given = {**self._absent, **parameters} if self._absent else parameters
        return [
            None if (value := given[name]) is None else encode(value)
            for name, encode in self._parameters
        ]

    def row(self, values: Iterable[Any]) -> Any:
        """Give a row the driver fetched as a named tuple of Python values."""
        return self._row(
            [
                None if value is None else decode(value)
                for decode, value in zip(self._columns, values, strict=True)
            ]
        )


class Prepared:
    """A statement that is compiled at its first use, once for each kind of database."""

    def __init__(self, statement: Statement) -> None:
        self.statement = statement
        self._name = b"portico_%d" % next(_NUMBERS)
        self._forms: dict[str, Form] = {}

    def form(self, dialect: Dialect) -> Form:
        """Give the form for a database; thread-safe, as compiling twice gives the same."""
        found = self._forms.get(dialect.name)
        if found is None:
            found = self._forms[dialect.name] = self._compile(dialect)
        return found

    def _compile(self, dialect: Dialect) -> Form:
        postgresql = dialect.name == "postgresql"
        # psycopg's own style is %(name)s, which only psycopg's cursor understands.
        target = _LIBPQ if postgresql else dialect
        compiled: Any = self.statement.compile(dialect=target)
        kinds = [(name, compiled.binds[name].type) for name in compiled.positiontup]
        columns = list(self.statement.exported_columns)
        names = [column.key or "_" for column in columns]
        row: Any = namedtuple("Row", names, rename=True)  # type: ignore[misc]  # noqa: PYI024 - its fields are known only now
        into = _to_libpq if postgresql else _to_dbapi(dialect)
        out_of = _from_libpq if postgresql else _from_dbapi(dialect)
        return Form(
            self._name,
            str(compiled),
            self._only_reads(),
            isinstance(self.statement, Insert),
            tuple(
                Format.BINARY if isinstance(kind, LargeBinary | Uuid) else Format.TEXT
                for _, kind in kinds
            ),
            tuple((name, into(kind)) for name, kind in kinds),
            {**self._nullable(), **{k: v for k, v in compiled.params.items() if v is not None}},
            tuple(out_of(column.type) for column in columns),
            partial(tuple.__new__, row),  # what _make does, with one call less
        )

    def _only_reads(self) -> bool:
        """Tell a plain SELECT; one FOR UPDATE needs a transaction, or it locks for nobody."""
        locks = getattr(self.statement, "_for_update_arg", None) is not None
        return isinstance(self.statement, Select | CompoundSelect) and not locks

    def _nullable(self) -> dict[str, None]:
        """Columns that an INSERT may leave out."""
        if not isinstance(self.statement, Insert):
            return {}
        columns: Any = self.statement.table.columns
        return {column.key: None for column in columns if column.nullable}


def insert_if_new(table: type[Table]) -> PostgresqlInsert:
    """Write an INSERT that leaves alone what is there; SQLite has taken over the clause."""
    return PostgresqlInsert(table).on_conflict_do_nothing()


def _kind_of(kind: TypeEngine[Any], codecs: Mapping[type[TypeEngine[Any]], Codec]) -> Codec:
    for known, codec in codecs.items():
        if isinstance(kind, known):
            return codec
    raise TypeError(f"a prepared statement cannot carry {kind!r}")


def _to_libpq(kind: TypeEngine[Any]) -> Codec:
    return _kind_of(kind, _LIBPQ_IN)


def _from_libpq(kind: TypeEngine[Any]) -> Codec:
    return _kind_of(kind, _LIBPQ_OUT)


def _to_dbapi(dialect: Dialect) -> Callable[[TypeEngine[Any]], Codec]:
    return lambda kind: kind.dialect_impl(dialect).bind_processor(dialect) or _as_it_is


def _from_dbapi(dialect: Dialect) -> Callable[[TypeEngine[Any]], Codec]:
    return lambda kind: kind.dialect_impl(dialect).result_processor(dialect, None) or _as_it_is


def _as_it_is(value: Any) -> Any:
    return value


_LIBPQ: Dialect = PGDialect_psycopg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
_NUMBERS = itertools.count(1)
# libpq takes text, as PostgreSQL writes it, but for what is bytes anyway; and gives all in the
# binary form of its type (``*send`` in PostgreSQL's sources; psycopg's loaders know them too).
_LIBPQ_IN: Mapping[type[TypeEngine[Any]], Codec] = {
    UtcDateTime: lambda value: b"%d" % microseconds(value),
    Uuid: lambda value: value.int.to_bytes(16, "big"),
    LargeBinary: bytes,
    Boolean: lambda value: b"t" if value else b"f",
    JSON: msgspec.json.encode,
    Integer: lambda value: b"%d" % value,
    String: str.encode,
}
_integer = partial(int.from_bytes, byteorder="big", signed=True)  # of 2, 4 or 8 bytes
_LIBPQ_OUT: Mapping[type[TypeEngine[Any]], Codec] = {
    UtcDateTime: lambda value: instant(_integer(value)),
    Uuid: psycopg.adapters.get_loader(_UUID, Format.BINARY)(_UUID).load,  # type: ignore[misc]
    LargeBinary: bytes,
    Boolean: b"\x01".__eq__,
    JSON: msgspec.json.decode,
    Integer: _integer,
    String: bytes.decode,
}
