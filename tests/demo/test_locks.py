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
    locks = sorted(ROOT.glob("requirements*.lock"))

    assert len(locks) == 4
    for lock in locks:
        assert "://" not in lock.read_text("utf-8")


def test_what_is_built_here_is_known_by_its_hash_as_are_its_tools() -> None:
    for lock in ("requirements-kerberos.lock", "requirements-kerberos-build.lock"):
        stated = re.split(r"^(?=[\w-]+==)", (ROOT / lock).read_text("utf-8"), flags=re.MULTILINE)

        assert len(stated) == 3
        assert all("--hash=sha256:" in one for one in stated[1:])
