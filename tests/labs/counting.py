"""Counts what reaches a database, where it does: at the driver.

On SQLite the library itself tells what it runs; on PostgreSQL libpq's trace shows what
goes over the wire, and each Sync or Query in it is one round trip.
"""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from psycopg.pq import Trace
from sqlalchemy import event

from idp.database.transaction import Database

_ROUND_TRIP = re.compile(r"^F\t\d+\t(?:Sync|Query)", re.MULTILINE)


@contextmanager
def every_connection(database: Database, hear: Any) -> Iterator[None]:
    """Open all connections anew inside the block, and hand each driver connection to ``hear``."""
    engines = (database.writing, database.reading)

    def connected(driver: Any, _: object) -> None:
        hear(driver)

    database.dispose()
    for engine in engines:
        event.listen(engine, "connect", connected)
    yield
    for engine in engines:
        event.remove(engine, "connect", connected)
    database.dispose()


class Counted:
    """What SQLite runs: changes and look-ups, and commits."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()

    def hear(self, driver: Any) -> None:
        driver.set_trace_callback(self.count)

    def count(self, statement: str) -> None:
        if statement == "COMMIT":
            self.seen["commits"] += 1
        elif not statement.startswith(("BEGIN", "PRAGMA")):
            self.seen["statements"] += 1


class Traced:
    """What goes between libpq and the server, from the moment of ``clear``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("w")
        self._connections: list[Any] = []
        self._before = 0

    def hear(self, driver: Any) -> None:
        self._connections.append(driver.pgconn)
        self._trace(driver.pgconn)

    def clear(self) -> None:
        self._before = self._all()

    @property
    def round_trips(self) -> int:
        return self._all() - self._before

    def close(self) -> None:
        self._file.close()

    def _trace(self, connection: Any) -> None:
        connection.trace(self._file.fileno())
        connection.set_trace_flags(Trace.SUPPRESS_TIMESTAMPS)

    def _all(self) -> int:
        for connection in self._connections:
            connection.untrace()  # libpq writes its buffer out only now
            self._trace(connection)
        return len(_ROUND_TRIP.findall(self._path.read_text()))
