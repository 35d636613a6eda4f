"""Going through a long list page by page, newest first: from a mark on, never by counting.

Rows of several tables can be merged so: an instant alone does not tell rows of one transaction
apart, so the id is part of the mark.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Uuid, bindparam, tuple_

from idp.database.columns import UtcDateTime

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_WRITTEN = re.compile(r"([0-9]{1,17})-([0-9a-f]{32})", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """Where a row stands in such a list."""

    at: datetime
    id: UUID

    @property
    def bound(self) -> dict[str, Any]:
        """Give the values that :func:`before` asks for."""
        return {"mark_at": self.at, "mark_id": self.id}


NEWEST = Mark(datetime.max.replace(tzinfo=UTC), UUID(int=2**128 - 1))
"""Everything is before it."""


def written(mark: Mark) -> str:
    """Write a mark for an address."""
    return f"{(mark.at - _EPOCH) // _MICROSECOND}-{mark.id.hex}"


def read(text: str) -> Mark | None:
    """Read what :func:`written` wrote; ``None`` for anything else."""
    found = _WRITTEN.fullmatch(text)
    return Mark(_EPOCH + int(found[1]) * _MICROSECOND, UUID(found[2])) if found else None


def before(at: Any, row_id: Any) -> ColumnElement[bool]:
    """Write the condition of the rows that come after a mark: bind :attr:`Mark.bound`."""
    mark = tuple_(bindparam("mark_at", type_=UtcDateTime()), bindparam("mark_id", type_=Uuid()))
    return tuple_(at, row_id) < mark
