"""Bringing a database to the schema of this code, from wherever it stands."""

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, MetaData, text

from migrations.revisions import HERE, newest

_LOCK = 7_061_702  # any number, the same for all of us: one migrates, the others wait


def upgrade(connection: Connection, database: str, metadata: MetaData) -> str:
    """Run the migrations of ``database`` (``idp``, ``casequery``) and give the new revision."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    command.upgrade(_config(connection, database, metadata), "head")
    return newest(database)


def revise(connection: Connection, database: str, metadata: MetaData, message: str) -> None:
    """Write a new migration from what differs between the database and the tables."""
    config = _config(connection, database, metadata)
    command.revision(config, message, autogenerate=True)


def _config(connection: Connection, database: str, metadata: MetaData) -> Config:
    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.set_main_option("version_locations", str(HERE / database / "versions"))
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", "%%(year)d_%%(month).2d_%%(day).2d_%%(slug)s")
    config.attributes["connection"] = connection
    config.attributes["metadata"] = metadata
    return config
