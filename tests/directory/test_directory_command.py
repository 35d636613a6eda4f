"""``idp directory test``: what is wrong stands beside what mends it."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from demo.samba import controller as controllers
from idp.authenticators.directory.directory import Directories
from idp.cli.doctor import look_at_directories
from idp.clock import system_clock
from idp.config import DirectorySection
from idp.gateways.kerberos import Tickets
from idp.provider import Provider
from tests.labs.ports import free_port
from tests.labs.samba_ad import BASE, IDP_HOST, Domain
from tests.labs.shell import Shell

Row = dict[str, str]
Try = Callable[..., tuple[int, list[Row]]]


@pytest.fixture
def examine(samba_ad: Domain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Try:
    """Runs the command on the judges' directory, changed as told."""

    def run(*words: str, issuer: str = f"https://{IDP_HOST}", **changes: Any) -> Any:
        section = samba_ad.section(**changes)
        config = tmp_path / "config.toml"
        config.write_text(f'[provider]\nissuer = "{issuer}"\n')
        fields = {
            name: value
            for name, value in msgspec.to_builtins(section).items()
            if value != getattr(_DEFAULT, name, None)
        }
        monkeypatch.setenv("PORTICO__DIRECTORIES", json.dumps([fields]))
        done = Shell(config).run("directory", "test", "--json", *words)
        return done.exit_code, json.loads(done.stdout)

    return run


_DEFAULT = DirectorySection(id="x", hosts=["x"], bind_dn="x", base="x")


def of_step(rows: list[Row], step: str) -> Row:
    (found,) = [row for row in rows if row["step"] == step]
    return found


def test_everything_that_a_sign_in_takes_is_tried(examine: Try) -> None:
    code, rows = examine("--user", "COURT\\wang.dm")

    assert code == 0, rows
    steps = [row["step"] for row in rows]
    assert steps == [
        *("name", "certificate", "service account", "search", "clock", "group", "group"),
        *("keytab", "SPN", "kvno", "user"),
    ]
    assert "王大明" in of_step(rows, "user")["found"]
    assert "TPD" in of_step(rows, "user")["found"]
    assert "AES256-SHA1" in of_step(rows, "keytab")["found"]


@pytest.mark.parametrize(
    ("changes", "step", "fix"),
    [
        ({"hosts": ["no-such-host.invalid"]}, "connection", "no such name"),
        ({"hosts": ["127.0.0.1:{free}"]}, "connection", "nothing listens"),
        ({"ca_file": ""}, "connection", "ca_file"),
        ({"bind_password": "canary"}, "service account", "bind_dn"),
        ({"base": "DC=elsewhere,DC=test"}, "search", "base"),
        ({"people_group": f"CN=None,{BASE}"}, "group", "no such entry"),
        ({"keytab_file": "/nonexistent/keytab"}, "keytab", "export it anew"),
    ],
)
def test_a_fault_is_named_with_what_mends_it(
    examine: Try, changes: dict[str, Any], step: str, fix: str
) -> None:
    text = json.dumps(changes).replace("{free}", str(free_port()))

    code, rows = examine(**json.loads(text))

    assert code == 1
    faults = [row for row in rows if row["step"] == step and row["result"] == "bad"]
    assert fix in faults[0]["fix"]
    assert "canary" not in json.dumps(rows)


def test_a_keytab_of_another_name_or_an_older_password_is_noticed(
    samba_ad: Domain, examine: Try
) -> None:
    _, rows = examine(issuer="https://sso.example")
    assert "the name must be the one" in of_step(rows, "keytab")["fix"]

    samba_ad.set_password("svc-http", "Svc-Http-Passw0rd!-the-next")
    try:
        code, rows = examine()
        assert code == 1
        assert "export the keytab again" in of_step(rows, "kvno")["fix"]
    finally:
        samba_ad.keytab.unlink()
        names = (f"HTTP/{IDP_HOST}", "HTTP/localhost")
        controllers.export_keytab(samba_ad.first, samba_ad.keytab, *names)

    assert examine()[0] == 0


@pytest.mark.parametrize(
    ("user", "fix"),
    [("nobody", "no such account"), ("clerk01", "people_group"), ("disabled", "mend it in AD")],
)
def test_a_user_who_may_not_come_in_is_told_why(examine: Try, user: str, fix: str) -> None:
    code, rows = examine("--user", user)

    assert code == 1
    assert fix in of_step(rows, "user")["fix"]


def test_without_a_directory_the_command_says_so(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("")

    done = Shell(config).run("directory", "test")

    assert done.exit_code == 1
    assert "no directory is configured" in done.output


@pytest.mark.parametrize(("available", "result"), [(False, "look"), (True, "good")])
def test_the_doctor_says_when_a_keytab_is_set_and_nothing_can_read_tickets(
    samba_ad: Domain,
    provider: Provider,
    monkeypatch: pytest.MonkeyPatch,
    available: bool,
    result: str,
) -> None:
    monkeypatch.setattr(Tickets, "available", staticmethod(lambda: available))
    found = look_at_directories("directories", with_directory(provider, samba_ad.section()))

    assert found.result == result
    assert ("portico[kerberos]" in found.advice) is not available


@pytest.mark.parametrize(
    "changes", [{"bind_password": "another"}, {"hosts": ["127.0.0.1:1"]}], ids=["refused", "gone"]
)
def test_the_doctor_says_when_a_directory_cannot_be_asked(
    samba_ad: Domain, provider: Provider, changes: dict[str, Any]
) -> None:
    whole = with_directory(provider, samba_ad.section(**changes))

    found = look_at_directories("directories", whole)

    assert (found.result, "court" in found.advice) == ("look", True)


def with_directory(provider: Provider, section: DirectorySection) -> Provider:
    config = msgspec.structs.replace(provider.config, directories=[section])
    return replace(provider, config=config, directories=Directories([section], system_clock))
