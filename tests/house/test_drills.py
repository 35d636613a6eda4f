"""Every fault drill that is ours has a test under its own name."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]

OURS = {
    "D1": "a worker is killed",
    "D2": "the whole server is killed",
    "D3": "the database is killed",
    "D4": "the database is slow, silent, stuck",
    "D5": "the disk is full",
    "D6": "the clock jumps",
    "D7": "the mail server is down",
    "D8": "the sender dies after the mail server's yes",
    "D9": "the directory is down, slow, false",
    "D11": "keys are rotated under load",
    "D12": "the schema is migrated under load",
    "D13": "the responder of a card's authority is down, slow, stale",
    "D14": "a card is pulled, the bridge is killed",
    "D15": "everything is gone but the backup",
    "D16": "workers are replaced while people sign in",
    "D17": "more is asked than can be done",
    "D18": "many write the audit log, and one of them dies",
    "D19": "it runs for a long time",
}
NOT_YET = {
    "D10": "comes with Redis, if ever: everything is in the one database",
}


def drills() -> Iterator[str]:
    """List the drills that tests are named after."""
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef):
                yield from re.findall(r"^test_(D\d+)_", node.name)


def test_every_drill_has_a_test_by_name() -> None:
    assert sorted(set(OURS) - set(drills())) == []


def test_no_drill_is_forgotten() -> None:
    first_of_the_list = {f"D{number}" for number in range(1, 20)}

    assert set(OURS) | set(NOT_YET) == first_of_the_list
    assert set(NOT_YET) & set(drills()) == set(), "it is there now: move it up"
