"""D12: the next release's schema arrives while servers of this one go on; the migrator is killed.

The next release is this one with one migration more, of the kind that may come while others
serve: it only adds. Its folder is made for the test.
"""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from idp.database.columns import Table
from idp.database.engine import writing_engine
from migrations import revisions
from tests.labs import postgres
from tests.people import PASSWORD
from tests.races.harness import HOUSE, Running, running
from tests.races.surfer import CALLBACK, Surfer

CALLERS = 2
FLOWS = 5
NEXT = "2199_01_01_next"
READ_FOR = 5.0
"""Seconds that somebody reads a table while it is to be changed: longer than anybody may wait."""
LONGEST_QUEUE = 2.0
"""Seconds: who waits for a table to have it alone gives way after one."""
MIGRATION = f'''"""What the next release adds."""

import sqlalchemy as sa
from alembic import op

revision = "{NEXT}"
down_revision = "{revisions.newest("idp")}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table("next_things", sa.Column("id", sa.Integer(), primary_key=True))
    op.add_column("refresh_tokens", sa.Column("next_word", sa.String(8), nullable=True))
    op.add_column("authorizations", sa.Column("next_word", sa.String(8), nullable=True))
    op.execute("UPDATE authorizations SET next_word = 'old' WHERE code_consumed_at IS NOT NULL")
    op.create_index("ix_next_things_id", "next_things", ["id"])


def downgrade() -> None:
    raise NotImplementedError
'''  # noqa: S608 - no question to a database
CHANGES_OF_NEXT = 6
"""Five statements and the revision's."""

pytestmark = pytest.mark.timeout(420)


@pytest.fixture
def next_release(tmp_path: Path) -> Path:
    """Make the folder of the next release."""
    folder = tmp_path / "next"
    shutil.copytree(
        HOUSE / "migrations", folder / "migrations", ignore=shutil.ignore_patterns("__pycache__")
    )
    (folder / "migrations" / "idp" / "versions" / f"{NEXT}.py").write_text(MIGRATION)
    for name in ("idp", "ui", "tests"):
        (folder / name).symlink_to(HOUSE / name)
    return folder


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'idp.sqlite'}"
        return
    with postgres.cluster(durable=True) as cluster:
        yield cluster.create("drill")


@dataclass
class Load:
    """What apps and a signed-in person meet."""

    surfer: Surfer
    statuses: Counter[int] = field(default_factory=Counter)
    flows: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def go_on(self) -> None:
        """Go through whole flows until it is over."""
        with httpx2.Client(timeout=60, cookies=self.surfer.http.cookies) as http:
            mine = Surfer(self.surfer.url, self.surfer.client_id, self.surfer.client_secret, http)
            while not self.over.is_set():
                bought = mine.redeem(http, mine.code())
                self.statuses[bought.status_code] += 1
                again = mine.refresh(http, bought.json()["refresh_token"])
                self.statuses[again.status_code] += 1
                self.flows += 1
                self.over.wait(0.05)  # or the migrator would hardly get a turn

    def hear_of(self, more: int) -> None:
        """Wait for so many flows more."""
        wanted, until = self.flows + more, time.monotonic() + 60
        while self.flows < wanted:
            assert time.monotonic() < until
            time.sleep(0.02)

    @contextmanager
    def going_on(self) -> Generator[None]:
        """Let callers work during the block."""
        callers = [threading.Thread(target=self.go_on) for _ in range(CALLERS)]
        for one in callers:
            one.start()
        try:
            yield
        finally:
            self.over.set()
            for one in callers:
                one.join()


def enrol(provider: Running) -> Surfer:
    words = ["client", "add", "--id", "drill", "--redirect-uri", CALLBACK, "--trusted"]
    app = provider.command(*words, "--scope", "openid offline_access")
    person = ["account", "add", "--username", "DRILL", "--password-stdin"]
    provider.command(*person, stdin=f"{PASSWORD}\n")
    surfer = Surfer(provider.url, "drill", app["client_secret"])
    surfer.sign_in("DRILL", PASSWORD)
    return surfer


def migrator(provider: Running, release: Path, dies_at: int = 0) -> "subprocess.Popen[bytes]":
    """Start `idp migrate` of a release, which may be told to die."""
    program = ["tests.labs.dying_migrator", str(dies_at)] if dies_at else ["idp"]
    words = [sys.executable, "-m", *program, "migrate"]
    environment = provider.environment | {"PORTICO__WORKER__MIGRATE_ON_START": "false"}
    return subprocess.Popen(words, cwd=release, env=environment, stderr=subprocess.PIPE)


def end(process: "subprocess.Popen[bytes]") -> int:
    _, told = process.communicate(timeout=120)
    assert process.returncode in {0, -signal.SIGKILL}, told.decode(errors="replace")
    return process.returncode


def revision_of(url: str) -> str | None:
    engine = writing_engine(url)
    with engine.begin() as connection:
        found = revisions.current(connection)
    engine.dispose()
    return found


def differences(url: str) -> list[str]:
    """Compare the schema with the tables of this release; gives what the next one has added."""
    engine = writing_engine(url)
    with engine.begin() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = [str(one[0]) for one in compare_metadata(context, Table.metadata)]
    engine.dispose()
    return sorted(found)


_WAITS = """SELECT extract(epoch FROM clock_timestamp() - waitstart) FROM pg_locks
    WHERE NOT granted AND mode = 'AccessExclusiveLock' AND waitstart IS NOT NULL"""


@contextmanager
def somebody_reading(url: str) -> Generator[None]:
    """Read a table for long, as a dump does: until it ends nobody can change the table."""
    if url.startswith("sqlite"):
        yield
        return
    waits: list[float] = []

    def read(reader: psycopg.Connection) -> None:
        until = time.monotonic() + READ_FOR
        while time.monotonic() < until or not waits:
            waits.extend(float(found) for (found,) in reader.execute(_WAITS.encode()))
            time.sleep(0.05)
        reader.rollback()

    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute("SELECT count(*) FROM authorizations")
        reading = threading.Thread(target=read, args=[connection])
        reading.start()
        yield
        reading.join()
    assert max(waits) <= LONGEST_QUEUE


def test_D12_the_next_schema_comes_under_load_and_past_a_migrator_killed_at_every_statement(
    url: str, next_release: Path, tmp_path: Path
) -> None:
    this = revisions.newest("idp")
    with running(tmp_path, url) as provider:
        load = Load(enrol(provider))
        with load.going_on():
            load.hear_of(FLOWS)
            for number in range(1, CHANGES_OF_NEXT + 1):
                assert end(migrator(provider, next_release, dies_at=number)) == -signal.SIGKILL
                assert revision_of(url) == this, "all of it or nothing"
            with somebody_reading(url):
                assert end(migrator(provider, next_release)) == 0
            load.hear_of(FLOWS)  # this release goes on with the next one's schema

        assert revision_of(url) == NEXT
        assert set(load.statuses) == {200}, load.statuses
        os.kill(min(provider.workers()), signal.SIGKILL)  # a new worker of this release as well
        load.surfer.http.cookies.clear()
        assert load.surfer.sign_in("DRILL", PASSWORD).status_code in {302, 303}
        assert provider.command("audit", "verify")["ok"]
        load.surfer.http.close()
    assert differences(url) == ["remove_column", "remove_column", "remove_index", "remove_table"]


@pytest.mark.parametrize("dies_at", [1, 30, 100])
def test_D12_a_first_migration_that_was_killed_is_made_whole_by_the_next(
    url: str, tmp_path: Path, dies_at: int
) -> None:
    environment = os.environ | {
        "PORTICO__PROVIDER__ISSUER": "http://localhost:9000",
        "PORTICO__DATABASE__URL": url,
        "PORTICO__KEYS__KEK_FILE": str(tmp_path / "kek"),
        "PORTICO__WORKER__MIGRATE_ON_START": "true",
    }
    for number in (dies_at, 0):
        program = ["tests.labs.dying_migrator", str(number)] if number else ["idp"]
        words = [sys.executable, "-m", *program, "migrate"]
        process = subprocess.Popen(words, cwd=HOUSE, env=environment, stderr=subprocess.PIPE)
        assert end(process) == (-signal.SIGKILL if number else 0)

    assert revision_of(url) == revisions.newest("idp")
    assert differences(url) == []
