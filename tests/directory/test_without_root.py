"""The domain of the tests runs for everybody: who is not root has it in a network of their own."""

import subprocess
import sys
from pathlib import Path

import pytest

NOT_ROOT = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
ONE = "tests/directory/test_identity.py::test_an_id_of_nobody_finds_nobody"


@pytest.mark.usefixtures("samba_ad")  # what it has put aside is taken up again
def test_who_is_not_root_can_run_a_controller_as_well(pytestconfig: pytest.Config) -> None:
    kept = pytestconfig.cache.mkdir("samba").parents[1]
    words = ("-q", "-p", "no:randomly", "-n", "0", "-o", f"cache_dir={kept}", ONE)

    done = subprocess.run(
        [*NOT_ROOT, sys.executable, "-m", "pytest", *words],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )

    assert "1 passed" in done.stdout, done.stdout + done.stderr
