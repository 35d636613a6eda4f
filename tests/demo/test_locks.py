"""What bin/set-up relies on: installing the developers' lock installs the other one too."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def pinned(lock: str) -> set[str]:
    text = (ROOT / lock).read_text("utf-8")
    return set(re.findall(r"^([\w.\[\]-]+==[^\s;]+)", text, re.MULTILINE))


def test_the_developers_lock_holds_every_version_of_the_other() -> None:
    runtime, development = pinned("requirements.lock"), pinned("requirements-dev.lock")

    assert runtime
    assert runtime - development == set()


def test_no_lock_names_a_package_index() -> None:
    for lock in ("requirements.lock", "requirements-dev.lock"):
        assert "://" not in (ROOT / lock).read_text("utf-8")
