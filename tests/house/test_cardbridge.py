"""Rules of the house for the card bridge, which stands beside the provider."""

import ast
from collections.abc import Iterator
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[2]
LONGEST_FUNCTION = 60
LONGEST_MODULE = 450


def modules() -> Iterator[tuple[str, str, ast.Module]]:
    """Give name, text and tree of every module of the bridge."""
    for path in sorted((HOUSE / "cardbridge").rglob("*.py")):
        text = path.read_text("utf-8")
        name = path.relative_to(HOUSE).with_suffix("").as_posix().replace("/", ".")
        yield name, text, ast.parse(text)


def imported(tree: ast.Module) -> Iterator[str]:
    """List what a module imports, at its top or within a function."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_functions_and_modules_are_short() -> None:
    long_functions = {
        f"{name}.{node.name}"
        for name, _, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION
    }
    long_modules = {name for name, text, _ in modules() if text.count("\n") > LONGEST_MODULE}

    assert (long_functions, long_modules) == (set(), set())


def test_every_module_says_what_it_owns() -> None:
    assert [name for name, _, tree in modules() if not ast.get_docstring(tree)] == []


def test_the_bridge_runs_without_the_lab() -> None:
    # The commands are mounted where all commands are; nothing else knows of soft cards.
    mounting = {"cardbridge.__main__"}

    found = {
        name
        for name, _, tree in modules()
        if not name.startswith("cardbridge.lab") and name not in mounting
        if any(one.startswith("cardbridge.lab") for one in imported(tree))
    }

    assert found == set()


def test_nothing_listens_for_the_whole_network() -> None:
    everywhere = {"0.0.0.0", "::"}  # noqa: S104  looked for, not listened on

    found = {
        name
        for name, _, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node.value in everywhere
    }

    assert found == set()


def test_mounting_the_commands_of_the_lab_loads_nothing_heavy() -> None:
    [commands] = [tree for name, _, tree in modules() if name == "cardbridge.lab.commands"]

    top: list[ast.stmt] = [
        node for node in commands.body if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    loaded = set(imported(ast.Module(top, [])))
    assert not {one for one in loaded if one.startswith(("cardbridge", "cryptography", "PyKCS11"))}
