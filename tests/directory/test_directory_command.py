"""``idp directory test``: what is wrong stands beside what mends it."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from demo.samba import controller as controllers
from idp.authenticators.directory.directory import Directories
from idp.authenticators.directory.model import Standing
from idp.cli.directory_steps import Examiner
from idp.cli.directory_words import STANDINGS
from idp.cli.doctor import look_at_directories
from idp.clock import system_clock
from idp.config import Config, DirectorySection
from idp.gateways.kerberos import Tickets
from idp.provider import Provider
from tests.labs.keytab import keytab
from tests.labs.ports import free_port
from tests.labs.samba_ad import BASE, IDP_HOST, SERVICE, Domain
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


EVERY_STEP = (
    *("name resolution", "TLS", "bind", "search", "clock", "group"),
    *("library", "keytab", "SPN", "key version", "user"),
)
_DEFAULT = DirectorySection(id="x", hosts=["x"], bind_dn="x", base="x")


def of_step(rows: list[Row], step: str) -> Row:
    (found,) = [row for row in rows if row["step"] == step]
    return found


def test_everything_that_a_sign_in_takes_is_tried(examine: Try) -> None:
    code, rows = examine("--user", "COURT\\wang.dm")

    assert code == 0, rows
    steps = [row["step"] for row in rows]
    assert steps == [
        *("name resolution", "TLS", "bind", "search", "clock", "group", "group"),
        *("library", "keytab", "SPN", "key version", "user"),
    ]
    assert "王大明" in of_step(rows, "user")["found"]
    assert "TPD" in of_step(rows, "user")["found"]
    assert "AES256-SHA1" in of_step(rows, "keytab")["found"]


@pytest.mark.parametrize(
    ("changes", "step", "fix"),
    [
        ({"hosts": ["no-such-host.invalid"]}, "name resolution", "compare `hosts`"),
        ({"hosts": ["127.0.0.1:{free}"]}, "TLS", "the port is 636"),
        ({"ca_file": ""}, "TLS", "ca_file"),
        ({"ca_file": "/nonexistent/ca.pem"}, "TLS", "into that file"),
        ({"bind_password": "canary"}, "bind", "bind_dn"),
        ({"bind_password": "", "bind_password_file": "/nonexistent"}, "bind", "0400"),
        ({"base": "DC=elsewhere,DC=test"}, "search", "base"),
        ({"people_group": f"CN=None,{BASE}"}, "group", "the DN of the group"),
        ({"keytab_file": "/nonexistent/keytab"}, "keytab", "export it anew"),
    ],
)
def test_a_fault_is_named_with_what_mends_it(
    examine: Try, changes: dict[str, Any], step: str, fix: str
) -> None:
    text = json.dumps(changes).replace("{free}", str(free_port()))

    code, rows = examine(**json.loads(text))

    assert code == 1
    faults = [row for row in rows if row["step"] == step and row["result"] == "failed"]
    assert fix in faults[0]["fix"]
    assert "canary" not in json.dumps(rows)
    assert not [row for row in rows if "Error" in row["found"]]
    assert {row["step"] for row in rows} >= set(EVERY_STEP)


def test_what_stands_on_a_failed_step_is_told_as_not_tried_and_why(examine: Try) -> None:
    _, rows = examine("--user", "wang.dm", bind_password="another")

    not_tried = {row["step"]: row["found"] for row in rows if row["result"] == "not tried"}
    assert set(not_tried) == {"search", "clock", "group", "SPN", "key version", "user"}
    assert not_tried["search"] == "because of bind, above"
    assert not_tried["user"] == "wang.dm: because no controller of court can be asked"


def test_a_controller_that_hangs_is_told_from_one_that_is_gone(
    samba_ad: Domain, examine: Try
) -> None:
    with samba_ad.first.hung():
        code, rows = examine()

    assert (code, of_step(rows, "TLS")["found"]) == (1, "it does not answer in time")


@pytest.mark.parametrize(("seconds", "result"), [(0, "ok"), (120, "look"), (900, "failed")])
def test_clocks_that_are_apart_are_noticed_before_kerberos_does(
    samba_ad: Domain, seconds: int, result: str
) -> None:
    config = Config(directories=[samba_ad.section()])
    ahead = Examiner(config, lambda: system_clock() + timedelta(seconds=seconds))

    (clock,) = [one for one in ahead.steps() if one.step == "clock"]

    assert clock.result == result


def test_people_read_a_line_a_step_and_the_fix_below_it(samba_ad: Domain, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(
        f'[[directories]]\nid = "court"\nhosts = ["{samba_ad.host}"]\nbase = "{BASE}"\n'
        f'ca_file = "/nonexistent/ca.pem"\nbind_dn = "{SERVICE}"\nbind_password = "canary"\n'
    )

    done = Shell(config).run("directory", "test")

    lines = done.stdout.splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("  failed     TLS "))
    assert "/nonexistent/ca.pem cannot be used: No such file or directory" in lines[at]
    assert lines[at + 1].strip().startswith("-> write the authority of the domain")
    assert lines[-1] == "1 failed."
    assert done.exit_code == 1
    assert "canary" not in done.output


def test_each_standing_has_words() -> None:
    assert set(STANDINGS) == set(Standing) - {Standing.GOOD, Standing.WRONG_CREDENTIALS}


def test_a_keytab_of_another_name_or_an_older_password_is_noticed(
    samba_ad: Domain, examine: Try
) -> None:
    _, rows = examine(issuer="https://sso.example")
    assert "the address of the browser" in of_step(rows, "keytab")["fix"]

    samba_ad.set_password("svc-http", "Svc-Http-Passw0rd!-the-next")
    try:
        code, rows = examine()
        assert code == 1
        assert "the new keys beside the old" in of_step(rows, "key version")["fix"]
    finally:
        samba_ad.keytab.unlink()
        names = (f"HTTP/{IDP_HOST}", "HTTP/localhost")
        controllers.export_keytab(samba_ad.first, samba_ad.keytab, *names)

    assert examine()[0] == 0


def test_a_key_that_is_newer_than_the_domains_is_a_change_that_is_prepared(
    samba_ad: Domain, examine: Try, tmp_path: Path
) -> None:
    prepared = tmp_path / "both.keytab"
    newer = keytab(tmp_path / "newer.keytab", f"HTTP/{IDP_HOST}", version=200)
    prepared.write_bytes(samba_ad.keytab.read_bytes() + Path(newer).read_bytes()[2:])

    code, rows = examine(keytab_file=str(prepared))
    of_key = of_step(rows, "key version")

    assert (code, of_key["result"]) == (0, "ok")
    assert ", 200 in the keytab" in of_key["found"]


def test_a_key_of_another_realm_is_none_of_this_directorys(examine: Try, tmp_path: Path) -> None:
    elsewhere = keytab(tmp_path / "other.keytab", f"HTTP/{IDP_HOST}", "OTHER.TEST")

    _, rows = examine(keytab_file=elsewhere)

    assert of_step(rows, "keytab")["result"] == "failed"
    assert of_step(rows, "key version")["found"] == f"HTTP/{IDP_HOST}: because of the keytab, above"


def test_every_host_that_a_ticket_may_be_for_is_tried(samba_ad: Domain, examine: Try) -> None:
    samba_ad.tool("spn", "add", "HTTP/only-spn.court.test", "svc-http")
    hosts = ["localhost", "only-spn.court.test", "unknown.court.test"]

    code, rows = examine(ticket_hosts=hosts)

    def of(host: str) -> dict[str, Row]:
        return {row["step"]: row for row in rows if row["found"].startswith(f"HTTP/{host}")}

    assert code == 1
    for host in (IDP_HOST, "localhost"):
        assert [one["result"] for one in of(host).values()] == ["ok"] * 3, of(host)
    assert {step: one["result"] for step, one in of(hosts[1]).items()} == {
        "keytab": "failed", "SPN": "ok", "key version": "not tried"
    }  # fmt: skip
    assert "out of `ticket_hosts`" in of(hosts[1])["keytab"]["fix"]
    assert "svc-http" in of(hosts[1])["SPN"]["found"]
    assert of(hosts[2])["SPN"]["result"] == "failed"
    assert "setspn -S HTTP/unknown.court.test ACCOUNT" in of(hosts[2])["SPN"]["fix"]


def test_a_host_that_two_accounts_have_is_noticed(samba_ad: Domain, examine: Try) -> None:
    name = "HTTP/twice.court.test"
    samba_ad.tool("spn", "add", name, "svc-http")
    change = f"dn: {SERVICE}\nchangetype: modify\n%s: servicePrincipalName\n"
    samba_ad.modify(f"{change % 'add'}servicePrincipalName: {name}\n")
    try:
        _, rows = examine(ticket_hosts=["twice.court.test"])
    finally:
        samba_ad.modify(change % "delete")

    (spn,) = [row for row in rows if row["step"] == "SPN" and name in row["found"]]
    assert spn["result"] == "failed"
    assert SERVICE in spn["found"]
    assert f"setspn -D {name} ACCOUNT" in spn["fix"]


def test_a_court_that_is_not_listed_is_named_with_what_mends_it(examine: Try) -> None:
    code, rows = examine("--user", "wang.dm", courts={"NTD": "臺灣南投地方法院"})

    user = of_step(rows, "user")
    assert (code, user["result"]) == (0, "look")
    assert "none of `courts`" in user["found"]
    assert "list “" in user["fix"]


@pytest.mark.parametrize(
    ("user", "found", "fix"),
    [
        ("wang.dm@judicial.test", "stored as wang.dm@court.test", "type COURT\\wang.dm"),
        ("lee.ys@court.test", "李雅淑", ""),
        ("nobody@judicial.test", "nobody has the principal name", "`upn_suffixes`"),
        ("wang.dm@elsewhere.test", "no [[directories]] has", "`upn_suffixes`"),
        ("ELSEWHERE\\wang.dm", "no [[directories]] has", "`domain`"),
    ],
)
def test_a_name_that_nobody_has_is_told_with_what_is_wrong_with_it(
    examine: Try, user: str, found: str, fix: str
) -> None:
    _, rows = examine("--user", user)

    assert found in of_step(rows, "user")["found"]
    assert fix in of_step(rows, "user")["fix"]


@pytest.mark.parametrize(
    ("user", "fix"),
    [("nobody", "compare it"), ("clerk01", "into that group"), ("disabled", "enable it")],
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
