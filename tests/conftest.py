"""Fixtures every level shares. A test gets a real database and a clock it can move."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from idp.database.columns import Table
from idp.database.transaction import Database, open_database
from idp.secret import Keychain, keychain
from tests.clock import MovableClock
from tests.labs import postgres


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def keys() -> Keychain:
    """A keychain on a fixed root: what is derived from it can be told again."""
    return keychain(bytes(range(32)))


@pytest.fixture(scope="session")
def quick_cluster() -> Iterator[postgres.Cluster]:
    """PostgreSQL without fsync, one a test process: for statements, not for durability."""
    with postgres.cluster(durable=False) as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of each kind that we promise to run on."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'idp.sqlite'}"
        return
    running: postgres.Cluster = request.getfixturevalue("quick_cluster")
    name = f"t{os.getpid()}_{os.urandom(6).hex()}"
    yield running.create(name)
    running.drop(name)


@pytest.fixture
def database(database_url: str, clock: MovableClock) -> Iterator[Database]:
    """The schema on each kind of database, made from the tables the test has imported."""
    opened = open_database(database_url, clock, connections=16)
    Table.metadata.create_all(opened.writing)
    yield opened
    opened.dispose()
