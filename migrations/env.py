"""Alembic's entry, for every database of the house.

Whoever runs it hands over the open connection and the tables the code believes in
(``config.attributes``): no URL, and so no password, is ever in a file of Alembic's.
"""

from typing import Any, Literal

from alembic import context
from sqlalchemy import TypeDecorator


def _in_plain_types(kind: str, item: Any, _: Any) -> str | Literal[False]:
    """Write what is stored, not the product's own type: a migration outlives the code."""
    if kind == "type" and isinstance(item, TypeDecorator):
        return f"sa.{item.impl_instance!r}"
    return False


connection = context.config.attributes["connection"]
metadata = context.config.attributes["metadata"]

context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
    render_item=_in_plain_types,
)
with context.begin_transaction():
    context.run_migrations()
