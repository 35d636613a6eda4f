"""The schema: reached by migrations, and the same as the tables in the code."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, MetaData, inspect

from clients.casequery import views
from clients.kit.database import Table as AppTable
from idp import worker
from idp.database.columns import Table
from idp.database.engine import writing_engine
from migrations import revisions, runner
from tests.labs import postgres

# The tables are known once the modules that own them have been imported.
OWNERS = (worker, views)
DATABASES = {"idp": Table.metadata, "casequery": AppTable.metadata}


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "sqlite":
        engine = writing_engine(f"sqlite:///{tmp_path / 'empty.sqlite'}")
        yield engine
        engine.dispose()
        return
    cluster: postgres.Cluster = request.getfixturevalue("quick_cluster")
    name = f"empty{os.urandom(4).hex()}"
    engine = writing_engine(cluster.create(name))
    yield engine
    engine.dispose()
    cluster.drop(name)


@pytest.mark.parametrize(("database", "metadata"), DATABASES.items(), ids=list(DATABASES))
def test_migrations_lead_to_the_tables_of_the_code(
    empty: Engine, database: str, metadata: MetaData
) -> None:
    with empty.begin() as connection:
        reached = runner.upgrade(connection, database, metadata)

    with empty.begin() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, metadata)
        recorded = context.get_current_revision()
        found = revisions.current(connection)
    assert reached == recorded == found == revisions.newest(database)
    assert differences == []


@pytest.mark.parametrize(("database", "metadata"), DATABASES.items(), ids=list(DATABASES))
def test_migrations_can_be_run_again_and_undone(
    empty: Engine, database: str, metadata: MetaData
) -> None:
    with empty.begin() as connection:
        runner.upgrade(connection, database, metadata)
    with empty.begin() as connection:
        runner.upgrade(connection, database, metadata)

    with empty.begin() as connection:
        command.downgrade(runner._config(connection, database, metadata), "base")  # noqa: SLF001

    assert inspect(empty).get_table_names() == ["alembic_version"]
