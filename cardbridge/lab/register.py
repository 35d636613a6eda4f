"""What was issued, and what has become of it since.

A file of SQLite, because the program that answers about revocation and the command that
revokes are two. Each call is a transaction of its own; any number of threads may call.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

_SCHEMA = """
create table if not exists leaves (
    serial text primary key,
    authority text not null,
    profile text not null,
    holder text not null,
    variant text not null,
    usage text not null,
    partition integer not null,
    not_after integer not null,
    status text not null,
    reason text,
    changed_at integer
);
create index if not exists leaves_by_authority on leaves (authority, status);
create table if not exists counters (name text primary key, value integer not null);
"""


class Status(StrEnum):
    """Whether a certificate holds."""

    GOOD = "good"
    REVOKED = "revoked"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class Entry:
    """One certificate that was issued."""

    serial: int
    authority: str
    profile: str
    holder: str
    variant: str
    usage: str
    """``sign`` or ``encryption``; ``authority`` for an issuing one."""
    partition: int
    not_after: datetime
    status: Status = Status.GOOD
    reason: str | None = None
    """A name of RFC 5280 section 5.3.1, in snake case."""
    changed_at: datetime | None = None


class Register:
    """The register of one directory."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._open() as database:
            database.executescript(_SCHEMA)

    def add(self, entry: Entry) -> None:
        """Enter a certificate that was just issued."""
        with self._open() as database:
            database.execute(
                "insert into leaves values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    f"{entry.serial:x}",
                    entry.authority,
                    entry.profile,
                    entry.holder,
                    entry.variant,
                    entry.usage,
                    entry.partition,
                    _seconds(entry.not_after),
                    entry.status,
                    entry.reason,
                    _seconds(entry.changed_at) if entry.changed_at else None,
                ),
            )

    def change(self, serial: int, status: Status, reason: str | None, now: datetime) -> None:
        """Note what has become of a certificate.

        Raises:
            LookupError: no certificate of that serial was issued here.
        """
        with self._open() as database:
            done = database.execute(
                "update leaves set status = ?, reason = ?, changed_at = ? where serial = ?",
                (status, reason, _seconds(now), f"{serial:x}"),
            )
            if done.rowcount == 0:
                raise LookupError(f"no certificate with the serial {serial:x} was issued here")

    def find(self, serial: int) -> Entry | None:
        """Look up a serial."""
        with self._open() as database:
            row = database.execute(
                "select * from leaves where serial = ?", (f"{serial:x}",)
            ).fetchone()
        return _entry(row) if row else None

    def entries(self, authority: str | None = None) -> list[Entry]:
        """List what was issued, by all or by one authority, oldest first."""
        with self._open() as database:
            rows = database.execute(
                "select * from leaves where ? in (authority, '') order by rowid",
                (authority or "",),
            ).fetchall()
        return [_entry(row) for row in rows]

    def next_number(self, counter: str) -> int:
        """Count one up; no two callers get the same number."""
        with self._open() as database:
            found = database.execute(
                "insert into counters values (?, 1)"
                " on conflict (name) do update set value = value + 1 returning value",
                (counter,),
            ).fetchone()
        return int(found[0])

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with contextlib.closing(sqlite3.connect(self._path, timeout=10)) as database, database:
            yield database


def _entry(row: tuple[object, ...]) -> Entry:
    serial, authority, profile, holder, variant, usage, partition, not_after, *rest = row
    status, reason, changed_at = rest
    return Entry(
        int(str(serial), 16),
        str(authority),
        str(profile),
        str(holder),
        str(variant),
        str(usage),
        int(str(partition)),
        _instant(not_after),
        Status(str(status)),
        str(reason) if reason is not None else None,
        _instant(changed_at) if changed_at is not None else None,
    )


def _seconds(instant: datetime) -> int:
    return int(instant.timestamp())


def _instant(seconds: object) -> datetime:
    return datetime.fromtimestamp(int(str(seconds)), UTC)
