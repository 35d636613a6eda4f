"""The Foundation's plans, as ``tests/protocol/foundation/modules.toml`` lists them."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1]
LIST = TESTS / "protocol" / "foundation" / "modules.toml"
_NAME = re.compile(r"^ *def (test_(?:oidcc|fapi)\w*)\(", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Module:
    """A module, by the Foundation's name."""

    name: str
    test: str
    """What our test of it is called."""
    runs: dict[str, list[str]] = field(default_factory=dict)
    """The ways to run it, by the plan that wants them; none where there is only one way."""

    @property
    def every_run(self) -> list[str]:
        """Each way once, whichever plan wants it."""
        return list(dict.fromkeys(run for runs in self.runs.values() for run in runs))


@cache
def modules() -> dict[str, Module]:
    """Every module of every plan, by the name of our test."""
    found: dict[str, Module] = {}
    for plan, leave_out, part in _parts():
        for name in part["modules"]:
            test = test_of(name, leave_out)
            module = found.setdefault(test, Module(name, test))
            module.runs.setdefault(plan, []).extend(part["runs"])
    return found


def test_of(name: str, leave_out: str) -> str:
    """Give what our test of a module is called."""
    return f"test_{name.replace(leave_out, '', 1).replace('-', '_')}"


def plans() -> list[dict[str, Any]]:
    """The plans as they are listed."""
    listed: list[dict[str, Any]] = _list()["plans"]
    return listed


@cache
def expected_skips() -> dict[str, str]:
    """The modules that the suite skips, and the error that we give instead."""
    skips: dict[str, str] = _list()["expected_skips"]
    return skips


@cache
def places() -> dict[str, list[Path]]:
    """Where the tests stand that are called as only a module's may be."""
    found: dict[str, list[Path]] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        for name in _NAME.findall(path.read_text("utf-8")):
            found.setdefault(name, []).append(path)
    return found


@cache
def _list() -> dict[str, Any]:
    return tomllib.loads(LIST.read_text("utf-8"))


def _parts() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Give each plan's parts, with the modules that another plan lends it."""
    listed = {plan["name"]: plan for plan in plans()}
    for name, plan in listed.items():
        for part in plan["parts"]:
            lender = listed.get(part.get("takes_over", ""), plan)
            modules = part.get("modules") or [m for one in lender["parts"] for m in one["modules"]]
            whole = {"runs": [], **part, "modules": modules}
            yield name, lender.get("leave_out", ""), whole
            if "by_form_post" in plan:
                by_form = [f"{run} by form_post" for run in whole["runs"]]
                yield plan["by_form_post"], "", whole | {"runs": by_form}
