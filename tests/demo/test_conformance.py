"""The files for a run of the Foundation's suite: the provider starts on them, the plans fit."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from demo.conformance import main
from tests.labs.shell import Shell

ISSUER, SUITE = "https://sso.example", "https://suite.example:8443"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    assert main(["--issuer", ISSUER, "--suite", SUITE, "files"]) == 0
    return tmp_path / "files"


@pytest.fixture
def shell(folder: Path) -> Shell:
    """The provider as its operator prepares it."""
    shell = Shell(folder / "provider.toml")
    assert shell.run("keys", "init").exit_code == 0
    assert shell.run("migrate").exit_code == 0
    added = shell.run("account", "add", "--from-file", str(folder / "people.toml"))
    assert added.exit_code == 0, added.output
    return shell


def plan(folder: Path, name: str) -> Any:
    return json.loads((folder / f"{name}.json").read_text())


@pytest.mark.parametrize("client", ["fapi2-security-1", "fapi2-security-2", "fapi2-signing-1"])
def test_the_clients_of_the_fapi_plans_stand_as_the_profile_demands(
    shell: Shell, client: str
) -> None:
    done = shell.run("client", "posture", client, "--require", "fapi2")

    assert done.exit_code == 0, done.output


def test_the_suite_has_the_keys_that_the_provider_knows(folder: Path) -> None:
    known = {
        client["client_id"]: client["jwks"]["keys"][0]["x"]
        for client in tomllib.loads((folder / "provider.toml").read_text())["clients"]
    }

    for name in ("fapi2-security-profile-final", "fapi2-message-signing-final"):
        document = plan(folder, f"{name}-test-plan")
        for client in (document["client"], document["client2"]):
            (key,) = client["jwks"]["keys"]
            assert key["d"]
            assert known.pop(client["client_id"]) == key["x"]
    assert not known


def test_the_suites_browser_types_what_opens_the_account(folder: Path) -> None:
    (person,) = tomllib.loads((folder / "people.toml").read_text())["people"]
    document = plan(folder, "oidcc-basic-certification-test-plan")

    typed = {
        command[2]: command[3]
        for task in document["browser"][0]["tasks"]
        for command in task["commands"]
        if command[0] == "text"
    }
    assert typed == {"username": person["username"], "password": person["password"]}


def test_private_keys_are_for_their_owner_alone(folder: Path) -> None:
    assert {path.stat().st_mode & 0o077 for path in folder.iterdir()} == {0}
