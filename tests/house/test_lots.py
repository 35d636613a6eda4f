"""Which tests run one after the other, where several processes run them all."""

from pathlib import Path

import pytest

from tests.labs import lots

TESTS = Path(__file__).resolve().parents[1]


def test_every_folder_and_file_that_is_named_is_there() -> None:
    assert [one for one in (*lots.FOLDERS, *lots.LONG) if not (TESTS.parent / one).exists()] == []


def test_a_run_of_several_processes_deals_out_lots(
    pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pytestconfig.option, "tx", ["2*popen"])
    hook = pytestconfig.pluginmanager.hook.pytest_xdist_make_scheduler

    assert isinstance(hook(config=pytestconfig, log=None), lots.ByLot)


def test_a_file_is_a_lot_and_all_drills_are_one() -> None:
    names = (
        "drills/test_a.py::t[1]",
        "drills/test_b.py::t",
        "http/test_c.py::t",
        "http/test_d.py::t",
    )

    found = [lots.lot(f"tests/{name}") for name in names]

    assert found == [
        "tests/drills/",
        "tests/drills/",
        "tests/http/test_c.py",
        "tests/http/test_d.py",
    ]
