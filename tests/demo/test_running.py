"""One stack at a time, and `make clean` leaves a running one its data."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from demo.plan import ROOT
from demo.running import AlreadyRunning, alone


def clean(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run ``bin/clean`` on a checkout that holds nothing else."""
    (folder / "bin").mkdir(exist_ok=True)
    shutil.copy(ROOT / "bin" / "clean", folder / "bin")
    words = [folder / "bin" / "clean"]
    return subprocess.run(words, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("words", "status"), [(["run", "--help"], 0), (["test", "--help"], 0), (["run", "--port"], 2)]
)
def test_asking_for_help_starts_nothing(tmp_path: Path, words: list[str], status: int) -> None:
    """Alone in a folder, whatever they would start is missing."""
    (tmp_path / "bin").mkdir()
    script = Path(shutil.copy(ROOT / "bin" / words[0], tmp_path / "bin"))

    done = subprocess.run([script, *words[1:]], capture_output=True, text=True, check=False)

    assert done.returncode == status, done.stderr
    assert f"bin/{words[0]}" in done.stdout + done.stderr


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "idp.sqlite").touch()
    return tmp_path / "var" / "stack.pid"


def test_the_trace_names_the_process_and_goes_with_it(trace: Path) -> None:
    with alone(trace):
        assert trace.read_text() == f"{os.getpid()}\n"

    assert not trace.exists()


def test_a_second_stack_on_the_same_data_is_told_about_the_first(trace: Path) -> None:
    with (
        alone(trace),
        pytest.raises(AlreadyRunning, match=f"process {os.getpid()}"),
        alone(trace),
    ):
        pass


def test_the_trace_of_a_stack_that_was_killed_stops_nobody(trace: Path) -> None:
    trace.write_text("123456\n")

    with alone(trace):
        assert trace.read_text() == f"{os.getpid()}\n"


def test_nothing_is_cleared_away_under_a_running_stack(trace: Path, tmp_path: Path) -> None:
    with alone(trace):
        refused = clean(tmp_path)

    assert refused.returncode == 1
    assert f"kill {os.getpid()}" in refused.stderr
    assert (tmp_path / "var" / "idp.sqlite").exists()


def test_once_it_has_stopped_all_is_cleared_away(trace: Path, tmp_path: Path) -> None:
    trace.write_text("123456\n")

    done = clean(tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    assert not (tmp_path / "var").exists()
