"""What threatens a sign-in by card, and which tests show what stands against it."""

import ast
from functools import cache
from pathlib import Path

import msgspec

TESTS = Path(__file__).resolve().parents[1]
LIST = TESTS / "house" / "threats_of_cards.toml"


class Threat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row of the table of threats."""

    threat: str
    defence: str
    id: str = ""
    """Of the attack or the drill, as tests bear it in their names."""
    tests: list[str] = []
    """Tests beside those, ``folder/file.py::name``."""
    out_of_scope: bool = False


def threats() -> list[Threat]:
    """Read the table."""
    decoded = msgspec.toml.decode(LIST.read_bytes(), type=dict[str, list[Threat]])
    return decoded["threats"]


@cache
def tests() -> frozenset[str]:
    """List every test of cards and their bridge, ``folder/file.py::name``."""
    return frozenset(
        f"{path.relative_to(TESTS).as_posix()}::{node.name}"
        for folder in ("cards", "bridge")
        for path in (TESTS / folder).rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


def shown_by(threat: Threat) -> list[str]:
    """List the tests of a row: those that bear its id, and those that it names."""
    bearing = {one for one in tests() if threat.id and f"_{threat.id}_" in one.rpartition("::")[2]}
    return sorted(bearing | set(threat.tests))
