"""Core statements compiled once, for the few that every sign-in and every token runs.

SQLAlchemy's execution of a statement costs a multiple of what the driver needs for it.
What runs with each request of a relying app is therefore written in Core like all the
rest, compiled once for each kind of database, and handed to the driver as it is
(``idp.database.channel``). Everything else is better off with ``Transaction.execute``.
"""

import itertools
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
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

BINARY, TEXT = 1, 0  # libpq's parameter formats


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
    _row: Callable[[list[Any]], Any]

    def encode(self, parameters: Mapping[str, Any]) -> list[Any]:
        """Give the values in the statement's order, as the driver takes them.

        Raises:
            KeyError: a parameter is missing that is no nullable column of an INSERT.
        """
        given = {**self._absent, **parameters}
        return [
            None if (value := given[name]) is None else encode(value)
            for name, encode in self._parameters
        ]

    def row(self, values: Sequence[Any]) -> Any:
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
            tuple(BINARY if isinstance(kind, LargeBinary) else TEXT for _, kind in kinds),
            tuple((name, into(kind)) for name, kind in kinds),
            {**self._nullable(), **{k: v for k, v in compiled.params.items() if v is not None}},
            tuple(out_of(column.type) for column in columns),
            row._make,
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
# libpq takes and gives text, as PostgreSQL writes it: see the I/O of each type in its manual.
_LIBPQ_IN: Mapping[type[TypeEngine[Any]], Codec] = {
    UtcDateTime: lambda value: b"%d" % microseconds(value),
    Uuid: lambda value: value.hex.encode("ascii"),
    LargeBinary: bytes,
    Boolean: lambda value: b"t" if value else b"f",
    JSON: msgspec.json.encode,
    Integer: lambda value: b"%d" % value,
    String: str.encode,
}
_LIBPQ_OUT: Mapping[type[TypeEngine[Any]], Codec] = {
    UtcDateTime: lambda value: instant(int(value)),
    Uuid: lambda value: UUID(int=int(value.replace(b"-", b""), 16)),
    LargeBinary: lambda value: bytes.fromhex(value[2:].decode("ascii")),  # \x0123
    Boolean: lambda value: value == b"t",
    JSON: msgspec.json.decode,
    Integer: int,
    String: bytes.decode,
}
