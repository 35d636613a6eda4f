"""The base of every table, the naming of constraints and the column types we own."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    Dialect,
    Integer,
    LargeBinary,
    MetaData,
    String,
    TypeDecorator,
    Uuid,
)
from sqlalchemy.orm import DeclarativeBase

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)  # whole numbers: a float loses one after 2106


def microseconds(at: datetime) -> int:
    """Count from 1970 UTC to an instant.

    Raises:
        ValueError: the instant has no time zone.
    """
    if at.tzinfo is None:
        raise ValueError(f"naive datetime {at!r}: use tx.now")
    return (at - _EPOCH) // _MICROSECOND


def instant(since_1970: int) -> datetime:
    """Give the instant that is so many microseconds after 1970 UTC."""
    return _EPOCH + since_1970 * _MICROSECOND


class UtcDateTime(TypeDecorator[datetime]):
    """A timezone-aware instant, stored as microseconds since 1970 UTC in a 64-bit integer.

    SQLite has no type for instants and PostgreSQL's depends on the session's time zone;
    an integer compares, indexes and dumps alike on both and cannot lose its zone.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else microseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else instant(value)


class Counter(TypeDecorator[int]):
    """A 64-bit row number that SQLite still fills by itself (its rowid must be INTEGER)."""

    impl = BigInteger().with_variant(Integer(), "sqlite")
    cache_ok = True


class Table(DeclarativeBase):
    """Base of all mapped classes: names every constraint, so that Alembic can drop it again."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        datetime: UtcDateTime,
        UUID: Uuid,
        bytes: LargeBinary,
        str: String(255),
        dict[str, Any]: JSON,
        list[str]: JSON,
    }
