"""One provider of worker processes for many tests: each finds it as if just installed.

To start one costs seconds. So it stays for as long as tests want the same configuration.
Between two tests its tables are put back as they were, and its time goes on by some
minutes: whatever its processes remember is then too old to count.
"""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier

from idp.clock import system_clock
from tests.clock import MovableClock
from tests.labs import moved_time, postgres
from tests.races.harness import HOUSE, Running, running

_APART = timedelta(minutes=3)
_KEEP = SQL("CREATE TABLE kept.{0} AS TABLE public.{0}")
_PUT_BACK = SQL("DELETE FROM public.{0}; INSERT INTO public.{0} SELECT * FROM kept.{0};")


class SharedClock(MovableClock):
    """A clock that goes by itself, and that the provider's processes read along with a test."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file
        self._ahead = self.now - system_clock()
        self.advance(timedelta())

    def __call__(self) -> datetime:
        self.now = system_clock() + self._ahead
        return self.now

    def advance(self, by: timedelta) -> None:
        self._ahead += by
        moved_time.write(self._file, self._ahead)
        self()


@dataclass
class Resident:
    """The provider that is running now, if any."""

    folder: Path
    cluster: postgres.Cluster
    template: str
    """A furnished database to begin with."""
    settings: Mapping[str, str] = field(default_factory=dict)
    running: Running | None = None
    clock: SharedClock = field(init=False)
    _tables: list[str] = field(default_factory=list)
    _started: int = 0
    _stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    @property
    def database_url(self) -> str:
        """The URL of its database."""
        return self.cluster.url(self._database)

    def as_new(self, settings: Mapping[str, str]) -> Running:
        """Give a provider with these settings that no test has touched yet."""
        if self.running is None or settings != self.settings:
            self.leave()
            self.running = self._start(settings)
        else:
            self._put_back()
            self.clock.advance(_APART)
        return self.running

    def leave(self) -> None:
        """Stop it."""
        self.running = None
        self._stack.close()

    @property
    def _database(self) -> str:
        return f"resident{self._started}"

    def _start(self, settings: Mapping[str, str]) -> Running:
        self._started += 1
        folder = self.folder / str(self._started)
        folder.mkdir()
        self.clock, self.settings = SharedClock(folder / "time"), settings
        url = self.cluster.create(self._database, template=self.template)
        self._stack.callback(self.cluster.drop, self._database)
        moved = moved_time.environment(HOUSE, folder / "time")
        started = running(folder, url, workers=2, settings={**settings, **moved})
        provider = self._stack.enter_context(started)
        self._keep()
        return provider

    def _keep(self) -> None:
        """Copy every table that a test may change; the audit log only ever grows."""
        with self._connected() as connection:
            self._tables = [
                str(name)
                for (name,) in connection.execute(
                    "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
                    " AND tablename NOT IN ('audit_rows', 'alembic_version')"
                )
            ]
            connection.execute("CREATE SCHEMA kept")
            for name in self._tables:
                connection.execute(_KEEP.format(Identifier(name)))

    def _put_back(self) -> None:
        in_any_order = SQL("SET session_replication_role = replica;")
        tables = [_PUT_BACK.format(Identifier(name)) for name in self._tables]
        with self._connected() as connection:
            connection.execute(SQL("").join([in_any_order, *tables]))  # one round trip

    @contextlib.contextmanager
    def _connected(self) -> Iterator[psycopg.Connection]:
        with psycopg.connect(
            host="127.0.0.1", port=self.cluster.port, user="postgres", dbname=self._database
        ) as connection:
            yield connection
