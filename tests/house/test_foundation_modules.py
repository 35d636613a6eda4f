"""Every module of the Foundation's plans has a test of ours, under its own name, over HTTP."""

import subprocess
import sys

from tests.labs import foundation

BROWSER = foundation.TESTS / "browser"
"""What stands here speaks to worker processes in any case, with Chromium."""


def test_every_module_has_one_test_and_no_other_test_is_called_like_one() -> None:
    places, modules = foundation.places(), set(foundation.modules())

    assert sorted(modules - set(places)) == [], "modules without a test"
    assert sorted(set(places) - modules) == [], "tests that are no module's"
    assert [name for name, paths in places.items() if len(paths) > 1] == [], "named twice"


def test_every_module_runs_over_http_in_each_of_its_ways() -> None:
    places, collected = foundation.places(), runs_over_http()

    missing = {
        (module.name, run)
        for module in foundation.modules().values()
        if places[module.test][0].parent != BROWSER
        for run in module.every_run or ["http"]
        if not any(run in run_as for run_as in collected.get(module.test, []))
    }

    assert missing == set()


def runs_over_http() -> dict[str, list[set[str]]]:
    """Ask pytest for the tests that it would run over HTTP, each with its parameters."""
    words = [sys.executable, "-m", "pytest", "--collect-only", "-q", str(foundation.LIST.parent)]
    house = foundation.TESTS.parent
    done = subprocess.run(words, cwd=house, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    found: dict[str, list[set[str]]] = {}
    for line in done.stdout.splitlines():
        test, _, parameters = line.rpartition("::")[2].removesuffix("]").partition("[")
        run_as = set(parameters.split("-"))
        if "http" in run_as:
            found.setdefault(test, []).append(run_as)
    return found


def test_what_the_suite_skips_is_a_module_and_is_refused_by_ours() -> None:
    places = {
        module.name: foundation.places()[module.test] for module in foundation.modules().values()
    }

    for name, error in foundation.expected_skips().items():
        (path,) = places[name]
        assert f'"{error}"' in path.read_text("utf-8"), name
