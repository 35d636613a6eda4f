"""``idp``: every command has help, JSON, and a non-zero exit on failure."""

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from idp.__main__ import main
from tests.labs.shell import Shell


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    folder = tmp_path_factory.mktemp("shell")
    config = folder / "config.toml"
    config.write_text(
        f"""
[database]
url = "sqlite:///{folder / "idp.sqlite"}"
[keys]
kek_file = "{folder / "kek"}"
[password]
memory_kib = 7168
time_cost = 1
[audit]
anchor_file = "{folder / "anchors"}"
"""
    )
    one = Shell(config)
    assert one.run("keys", "init").exit_code == 0
    one.ok("migrate")
    return one


COMMANDS = [
    [],
    ["serve"],
    ["worker"],
    ["migrate"],
    ["doctor"],
    ["client"],
    *(["client", act] for act in ("add", "list", "show", "posture", "rotate-secret", "remove")),
    ["keys"],
    *(["keys", act] for act in ("init", "list", "rotate", "retire")),
    ["account"],
    *(["account", act] for act in ("add", "import", "export")),
    ["audit"],
    ["audit", "verify"],
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(words: list[str]) -> None:
    done = CliRunner().invoke(main, [*words, "--help"])

    assert done.exit_code == 0
    assert len(done.output.splitlines()) > 4


def test_further_members_of_a_registration_come_from_a_file(shell: Shell, tmp_path: Path) -> None:
    members = tmp_path / "members.json"
    members.write_text('{"dpop_bound_access_tokens": true, "resources": ["https://a.example/"]}')
    words = ["--id", "filed", "--redirect-uri", "https://a.example/cb", "--metadata"]

    added = shell.ok("client", "add", *words, str(members))
    members.write_text('{"dpop_bound": true}')
    refused = shell.run("client", "add", *words, str(members))

    assert added["dpop_bound_access_tokens"] is True
    assert refused.exit_code == 1
    assert "dpop_bound" in refused.output


def test_an_operator_says_yes_to_a_directory_that_is_there(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = {"id": "court", "hosts": ["dc1.court.test"], "bind_dn": "CN=x", "base": "DC=court"}
    monkeypatch.setenv("PORTICO__DIRECTORIES", json.dumps([one]))

    mistyped = shell.run("directory", "confirm", "cuort")
    done = shell.run("directory", "confirm", "court")

    assert (mistyped.exit_code, done.exit_code) == (1, 0)
    assert done.stdout == "0 had to go.\n"
    with closing(sqlite3.connect(shell.config.with_name("idp.sqlite"))) as database:
        said = database.execute("SELECT directory FROM directory_brakes WHERE confirmed_until > 0")
        assert said.fetchall() == [("court",)]


def test_a_posture_tells_what_is_broken_and_ci_what_was_required(shell: Shell) -> None:
    shell.ok("client", "add", "--id", "usual", "--redirect-uri", "https://a.example/cb")

    usual = shell.run("client", "posture", "usual")
    banking = shell.run("client", "posture", "usual", "--require", "fapi2")
    nobody = shell.run("client", "posture", "nobody")
    document = shell.ok("client", "posture", "usual")

    assert (usual.exit_code, banking.exit_code, nobody.exit_code) == (0, 1, 2)
    assert "oauth21: stands" in usual.output
    assert "requests are pushed" in banking.output
    assert document["stands"] == {"oauth21": True, "rfc9700": False, "fapi2": False}


def test_a_client_is_added_shown_given_a_new_secret_and_removed(shell: Shell) -> None:
    added = shell.ok("client", "add", "--id", "one", "--redirect-uri", "https://a.example/cb")
    rotated = shell.ok("client", "rotate-secret", "one")
    shown = shell.run("client", "show", "one", "--json")
    removed = shell.run("client", "remove", "one")

    assert added["client_secret"].startswith("pcs_")
    assert rotated["client_secret"] != added["client_secret"]
    assert "pcs_" not in shown.output
    assert json.loads(shown.stdout)["redirect_uris"] == ["https://a.example/cb"]
    assert removed.exit_code == 0
    listed = {row["client_id"]: row["state"] for row in shell.ok("client", "list")}
    assert listed["one"] == "disabled"


def test_in_a_pipe_nothing_is_cut_off_or_folded(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    address = f"https://app.example/{'long/' * 30}back"
    words = ["--id", "narrow", "--redirect-uri", address]

    added = shell.run("client", "add", *words)
    rotated = shell.run("client", "rotate-secret", "narrow")
    shown, listed = shell.run("client", "show", "narrow"), shell.run("client", "list")

    for told in (added, rotated):
        assert re.search(r"^pcs_[\w-]{40,}$", told.output, re.MULTILINE), told.output
    for told in (added, shown, listed):
        assert "…" not in told.output
        assert [line for line in told.output.splitlines() if address in line], told.output


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--id", "bad", "--redirect-uri", "http://a.example/cb"], "redirect_uris"),
        (["--id", "bad", "--redirect-uri", "JaVaScRiPt:alert(1)"], "redirect_uris"),
        (["--id", "bad", "--redirect-uri", "https://a.example/cb#x"], "fragment"),
        (["--id", "bad", "--redirect-uri", "https://u@a.example/cb"], "user information"),
        (["--id", "bad"], "redirect_uris"),
        (["--id", "s_bad", "--redirect-uri", "https://a.example/cb"], "client_id"),
        (["--id", "bad id", "--redirect-uri", "https://a.example/cb"], "client_id"),
        (["--id", "bad", "--grant", "password"], "grant_types"),
        (["--id", "bad", "--grant", "client_credentials", "--auth", "none"], "public"),
    ],
)
def test_T04_an_unsafe_registration_is_refused(shell: Shell, words: list[str], says: str) -> None:
    done = shell.run("client", "add", *words)

    assert done.exit_code == 1
    assert says in done.output


def test_an_id_is_never_given_twice(shell: Shell) -> None:
    words = ["client", "add", "--id", "twice", "--redirect-uri", "https://a.example/cb"]
    shell.ok(*words)

    again = shell.run(*words)

    assert again.exit_code == 1
    assert "taken" in again.output


def test_keys_rotate_and_the_old_ones_stay_published(shell: Shell) -> None:
    before = {row["kid"]: row["state"] for row in shell.ok("keys", "list")}

    (made,) = shell.ok("keys", "rotate", "--alg", "RS256")

    after = {row["kid"]: row["state"] for row in shell.ok("keys", "list")}
    assert after[made["kid"]] == "next"
    assert all(after[kid] == "active" for kid in before)
    assert shell.run("keys", "rotate", "--alg", "HS256").exit_code == 1
    assert shell.run("keys", "retire", "no-such-key").exit_code == 1


def test_accounts_are_added_once(shell: Shell) -> None:
    words = ["account", "add", "--username", "ming", "--password-stdin"]
    first = shell.ok(*words, stdin="a long enough password\n")

    again = shell.run(*words, stdin="another\n")
    missing = shell.ok(*words, "--if-missing", stdin="another\n")

    assert first["username"] == "MING"
    assert again.exit_code == 1
    assert missing == {"username": "MING", "sub": first["sub"], "existed": True}


def test_the_key_encryption_key_is_never_overwritten_or_readable_by_others(shell: Shell) -> None:
    kek = shell.config.parent / "kek"

    assert shell.run("keys", "init").exit_code == 1
    kek.chmod(0o644)
    readable = shell.run("migrate")
    kek.chmod(0o400)

    assert readable.exit_code == 1
    assert "chmod" in readable.output


def test_audit_verify_compares_with_the_anchor(shell: Shell) -> None:
    assert shell.run("worker", "--once").exit_code == 0

    found = shell.ok("audit", "verify", "--anchor", str(shell.config.parent / "anchors"))

    assert found["ok"] is True
    assert found["checkpoints"] >= 1


def test_doctor_tells_what_to_do_and_fails_where_it_must(shell: Shell, tmp_path: Path) -> None:
    healthy = shell.ok("doctor")
    fresh = tmp_path / "config.toml"
    text = shell.config.read_text().replace("idp.sqlite", "fresh.sqlite")
    fresh.write_text(text)
    sick = Shell(fresh).run("doctor", "--json")

    assert {row["check"]: row["result"] for row in healthy}["schema"] == "good"
    assert sick.exit_code == 1
    assert "idp migrate" in sick.output


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[smtp]\nprot = 25", "unknown key 'prot' in [smtp]; did you mean 'port'?"),
        ("[smtp]\nport = 'x'", "$.smtp.port"),
        ("[provider]\nissuer = 'http://a.example'", "must be https"),
        ("[provider]\nissuer = 'https://a.example/'", "final slash"),
        ("[server]\ntrusted_proxies = ['10.0.0.300']", "trusted_proxies"),
        ("[[clients]]\nclient_id = 'a'\nredirect_uri = []", "did you mean 'redirect_uris'?"),
        ("= 1", "config.toml"),
    ],
)
def test_a_mistake_in_the_file_stops_the_start_with_its_place(
    tmp_path: Path, text: str, says: str
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(text)

    done = Shell(config).run("migrate")

    assert done.exit_code == 1
    assert says in done.output
    assert "Traceback" not in done.output
