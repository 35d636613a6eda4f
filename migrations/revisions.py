"""Which schema a database has and which this code wants, without loading Alembic."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

HERE = Path(__file__).parent


def current(connection: Connection) -> str | None:
    """Tell which revision a database is at; ``None``: none of ours."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def newest(database: str) -> str:
    """Tell which revision this code wants: a revision is named as its file, by date."""
    return max(path.stem for path in (HERE / database / "versions").glob("*.py"))
