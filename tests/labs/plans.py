"""How PostgreSQL means to find the rows of each statement that the product runs."""

import importlib
import itertools
import json
import pkgutil
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Delete, Dialect, Select, Update
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

import idp
from idp.database.prepared import Prepared
from idp.database.sweeping import Broom

_NUMBER = re.compile(r"\$(\d+)")
_COMPARED = re.compile(r"\((\w+) = \$\d+\)")
"""How a plan's filter tells that a column was compared with a value."""
_SEVERAL = re.compile(r"__\[POSTCOMPILE_\w+\]")
"""Where the values of an IN will stand."""
_NUMBERED: Dialect = PGDialect_psycopg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Found:
    """A statement of a module, by the module's own name for it."""

    name: str
    """``idp.sessions.store._TOUCH``."""
    sql: str
    """With ``$1`` and so on."""
    parameters: int


def statements() -> Iterator[Found]:
    """List the statements that stand at the top of a module, but for plain INSERTs."""
    for module in pkgutil.walk_packages(idp.__path__, "idp."):
        if module.name == "idp.__main__":
            continue
        for name, value in sorted(vars(importlib.import_module(module.name)).items()):
            place = f"{module.name}.{name}"
            for number, one in enumerate(value if isinstance(value, tuple) else (value,)):
                yield from _read(f"{place}[{number}]" if isinstance(value, tuple) else place, one)


def _read(place: str, value: Any) -> Iterator[Found]:
    if isinstance(value, Broom):
        sql = str(value.statement("postgresql").compile(dialect=_NUMBERED))
        yield Found(place, sql, sql.count("$"))
        return
    statement = value.statement if isinstance(value, Prepared) else value
    if not isinstance(statement, Select | Update | Delete):
        return
    sql = str(statement.compile(dialect=_NUMBERED))
    given = max((int(number) for number in _NUMBER.findall(sql)), default=0)
    numbers = itertools.count(given + 1)
    sql = _SEVERAL.sub(lambda _: f"${next(numbers)}", sql)
    yield Found(place, sql, next(numbers) - 1)


def whole_tables(connection: Connection, found: Found) -> set[str]:
    """List the tables that a statement would read from end to end."""
    return set(_read_whole(_plan(connection, found), bounded=False))


def keys_passed_by(
    connection: Connection, found: Found, keys: Mapping[str, set[str]]
) -> set[tuple[str, str]]:
    """List the columns that are a table's key by themselves, given, and not looked up by.

    Args:
        connection: to the database that is to plan the statement.
        found: the statement.
        keys: by table, the columns of which each names one row at most.
    """
    passed = set()
    for node in _scans(_plan(connection, found)):
        table = node["Relation Name"]
        compared = set(_COMPARED.findall(node.get("Filter", "")))
        passed |= {(table, column) for column in compared & keys.get(table, set())}
    return passed


def _scans(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "Relation Name" in node and node["Node Type"] != "ModifyTable":
        yield node
    for below in node.get("Plans", ()):
        yield from _scans(below)


def _plan(connection: Connection, found: Found) -> dict[str, Any]:
    """Ask how the statement is run whatever its values are."""
    run = connection.exec_driver_sql
    run("SET plan_cache_mode = force_generic_plan")
    run(f"PREPARE looked_at AS {found.sql}")
    try:
        values = ", ".join(["NULL"] * found.parameters)
        arguments = f"({values})" if values else ""
        (told,) = run(f"EXPLAIN (FORMAT JSON) EXECUTE looked_at{arguments}").one()
    finally:
        run("DEALLOCATE looked_at")
    plan = json.loads(told) if isinstance(told, str) else told
    return dict(plan[0]["Plan"])


def _read_whole(node: dict[str, Any], *, bounded: bool) -> Iterator[str]:
    """Walk a plan. Under a LIMIT an index may be read in its order: it stops by itself."""
    kind = node["Node Type"]
    bounded = (bounded or kind == "Limit") and kind not in {"Sort", "Aggregate", "Hash"}
    whole = kind == "Seq Scan" or (
        kind in {"Index Scan", "Index Only Scan"} and "Index Cond" not in node and not bounded
    )
    if whole:
        yield node["Relation Name"]
    for below in node.get("Plans", ()):
        yield from _read_whole(below, bounded=bounded)
