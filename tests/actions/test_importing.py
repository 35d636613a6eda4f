"""``idp account import`` and ``export``: what a file becomes, and what it cannot."""

import csv
import io
import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from idp.accounts.model import Kind, State
from idp.accounts.store import Accounts
from idp.accounts.tables import AccountEmail, AccountRow, PasswordCredential
from idp.audit import checkpoint
from idp.audit.store import AuditRow
from idp.cli import rows
from idp.cli.rows import BadRow, defuse, new_account
from idp.provider import Provider
from tests.labs.shell import Shell
from tests.people import CITIZEN, LAWYER, Person, add
from tests.spellings import SPELLINGS

HASH = SPELLINGS[0].text
HEADING = "username,kind,name,emails,email_verified,phone_number,password_hash,hash_scheme,locale"
ROW = f"ming,lawyer,王小明𠮷,a@a.example; b@b.example,true,+886912345678,{HASH},bcrypt,en"

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "people.csv"


def write(file: Path, *lines: str, encoding: str = "utf-8") -> str:
    file.write_text("".join(f"{line}\r\n" for line in lines), encoding, newline="")
    return str(file)


def reported(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def count(provider: Provider, table: type) -> int:
    with provider.database.read() as tx:
        return int(tx.scalar(select(func.count()).select_from(table)))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_row_becomes_an_account(
    shell: Shell, provider: Provider, file: Path, encoding: str
) -> None:
    summary = shell.ok("account", "import", write(file, HEADING, ROW, encoding=encoding))

    assert summary == {"rows": 1, "added": 1, "exists": 0, "failed": 0, "dry_run": False}
    with provider.database.read() as tx:
        found = provider.accounts.named(tx, "MING")
        assert found is not None
        row = tx.execute(select(AccountRow.locale)).one()
        emails = tx.execute(
            select(AccountEmail.address, AccountEmail.verified_at).order_by(AccountEmail.position)
        ).all()
        events = tx.execute(
            select(AuditRow.data, AuditRow.operator).where(AuditRow.event == "accounts.imported")
        ).all()
    assert (found.kind, found.state, found.epoch) == (Kind.LAWYER, State.ACTIVE, 0)
    assert (found.profile.name, found.profile.phone_number) == ("王小明𠮷", "+886912345678")
    assert not found.profile.phone_number_verified
    assert found.subject.startswith("s_")
    assert row.locale == "en"
    assert [one.address for one in emails] == ["a@a.example", "b@b.example"]
    assert all(one.verified_at for one in emails)
    assert len(events) == 1
    assert json.loads(events[0].data) == {"accounts": 1, "first_row": 1, "last_row": 1}
    assert events[0].operator


def test_json_lines_say_the_same(shell: Shell, provider: Provider, tmp_path: Path) -> None:
    path = tmp_path / "people.jsonl"
    people = [
        {"username": "ming", "emails": ["a@a.example", "b@b.example"], "name": None},
        {"username": "hua", "emails": "c@c.example", "email_verified": True},
        {"username": "lin"},
    ]
    path.write_text("\n\n".join(json.dumps(one) for one in people), "utf-8-sig")

    assert shell.ok("account", "import", str(path))["added"] == 3

    with provider.database.read() as tx:
        found = {name: provider.accounts.named(tx, name) for name in ("MING", "HUA", "LIN")}
    emails = {name: one.email for name, one in found.items() if one}
    assert emails["MING"] is not None
    assert not emails["MING"].verified
    assert emails["HUA"] is not None
    assert emails["HUA"].verified
    assert emails["LIN"] is None
    assert count(provider, PasswordCredential) == 0


def test_a_bad_row_is_reported_and_the_others_stand(
    shell: Shell, provider: Provider, file: Path, tmp_path: Path
) -> None:
    report = tmp_path / "report.jsonl"
    lines = [
        "first,,,,,,,,",
        f"second,,,,,,{HASH[:-1]},bcrypt,",
        "third,,",
        'fourth,,"never closed,,,,,,',
        "fifth,,\x00,,,,,,",
        "FIRST,,,,,,,,",
        ",,,,,,,,",
        "last,,,,,,,,",
    ]

    done = shell.run(
        "account", "import", write(file, HEADING, *lines), "--report", str(report), "--json"
    )

    assert done.exit_code == 1
    assert json.loads(done.stdout) == {
        "rows": 8, "added": 2, "exists": 1, "failed": 5, "dry_run": False,
    }  # fmt: skip
    found = {line["row"]: (line["outcome"], line["username"]) for line in reported(report)}
    assert found == {
        2: ("failed", "SECOND"),
        3: ("failed", ""),
        4: ("failed", ""),
        5: ("failed", "FIFTH"),
        6: ("exists", "FIRST"),
        7: ("failed", ""),
    }
    assert HASH[:-1] not in report.read_text("utf-8")
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    assert count(provider, AccountRow) == 2


@on_sqlite
def test_a_row_that_is_not_utf8_is_one_bad_row(
    shell: Shell, provider: Provider, file: Path, tmp_path: Path
) -> None:
    file.write_bytes(b"username,name\nbig5,\xa4\xa4\xa4\xe5\ngood,\xe4\xb8\xad\n")
    lines = tmp_path / "people.jsonl"
    lines.write_bytes(b'{"username": "one"}\n{"username": "\xa4\xa4"}\n[]\n{"username": 1}\n{\n')

    done = shell.run("account", "import", str(file))
    again = shell.run("account", "import", str(lines), "--json")

    assert done.exit_code == 1
    assert "row 1 : is not UTF-8" in done.stderr
    assert again.exit_code == 1
    assert json.loads(again.stdout)["failed"] == 4
    assert count(provider, AccountRow) == 2


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"username": ""}, "username"),
        ({"username": "x" * 65}, "username"),
        ({"username": "a\x1b[2J"}, "username"),
        ({"username": "a\u202eb"}, "username"),
        ({"kind": "wizard"}, "kind: is none of citizen"),
        ({"state": "gone"}, "state: is none of pending, active"),
        ({"locale": "de"}, "locale: is none of"),
        ({"name": "x" * 256}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"emails": "nobody"}, "emails"),
        ({"emails": "a@a.example,b@b.example"}, "emails"),
        ({"emails": "a@a.example\nBcc: b@b.example"}, "emails"),
        ({"emails": "a@a\x00.example"}, "emails"),
        ({"emails": f"{'a' * 320}@a.example"}, "emails"),
        ({"emails": ";".join(f"a{n}@a.example" for n in range(21))}, "emails"),
        ({"email_verified": "maybe"}, "email_verified"),
        ({"phone_number": "0912345678"}, "phone_number"),
        ({"password_hash": HASH}, "password_hash: has none of the schemes"),
        ({"password_hash": HASH, "hash_scheme": "scrypt"}, "password_hash: is not scrypt"),
        ({"salt": "x"}, "password_hash: is missing"),
    ],
)
def test_what_makes_no_account(changes: dict[str, str], says: str) -> None:
    with pytest.raises(BadRow, match=says) as refused:
        new_account({"username": "ming"} | changes)

    shown = [value for name, value in changes.items() if name != "hash_scheme" and len(value) > 3]
    assert not any(value in str(refused.value) for value in shown)


def test_every_column_has_a_part_in_an_account() -> None:
    fields = dict(zip(HEADING.split(","), next(csv.reader([ROW])), strict=True))

    assert set(fields) | {"salt", "state"} == set(rows.COLUMNS)
    assert new_account(fields).phc_hash == HASH


@on_sqlite
def test_the_report_is_not_written_over_the_file(shell: Shell, file: Path) -> None:
    path = write(file, "username", "ming")

    done = shell.run("account", "import", path, "--report", path)

    assert done.exit_code == 1
    assert file.read_text() == "username\nming\n"


@on_sqlite
@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.csv", "user_name,kind\n", "unknown column 'user_name'; did you mean 'username'?"),
        ("a.csv", "username,xyz\n", "unknown column 'xyz'; known: username"),
        ("a.csv", "username,kind,kind\n", "twice"),
        ("a.csv", "kind\n", "'username' is missing"),
        ("a.csv", "", "'username' is missing"),
        ("a.csv", '"username\n', "heading"),
        ("a.jsonl", '{"username": "a", "mails": ""}', "did you mean 'emails'?"),
        ("a.txt", "username\n", "--format"),
    ],
)
def test_a_file_that_says_something_else_is_refused_before_anything_is_done(
    shell: Shell, tmp_path: Path, name: str, text: str, says: str
) -> None:
    path = tmp_path / name
    path.write_text(text)

    done = shell.run("account", "import", str(path))

    assert done.exit_code == 1
    assert says in done.output
    assert "Traceback" not in done.output
    assert len(shell.run("account", "export").stdout.splitlines()) == 1


@on_sqlite
def test_a_member_that_is_unknown_further_down_is_a_bad_row(
    shell: Shell, provider: Provider, tmp_path: Path
) -> None:
    path = tmp_path / "people.txt"
    path.write_text('{"username": "one"}\n{"username": "two", "x": 1}\n{"username": "three"}\n')

    done = shell.run("account", "import", str(path), "--format", "jsonl")

    assert done.exit_code == 1
    assert "row 2 : unknown column 'x'" in done.stderr
    assert count(provider, AccountRow) == 2


def test_the_same_file_again_changes_nothing(
    shell: Shell, provider: Provider, file: Path, tmp_path: Path
) -> None:
    path = write(file, "username", *(f"u{n}" for n in range(25)))
    report = tmp_path / "report.jsonl"
    first = shell.ok("account", "import", path, "--batch", "10")

    again = shell.ok("account", "import", path, "--batch", "10", "--report", str(report))

    assert (first["added"], first["exists"]) == (25, 0)
    assert (again["added"], again["exists"]) == (0, 25)
    assert {line["outcome"] for line in reported(report)} == {"exists"}
    with provider.database.read() as tx:
        batches = tx.execute(
            select(AuditRow.data).where(AuditRow.event == "accounts.imported")
        ).scalars()
        assert sorted(json.loads(one)["accounts"] for one in batches) == [5, 10, 10]
        assert checkpoint.verify(tx, provider.keychain.key("audit")).ok


def test_a_dry_run_tells_the_same_and_changes_nothing(
    shell: Shell, provider: Provider, file: Path
) -> None:
    add(provider, Person("U1"))
    names = ["u0", "u1", "u2", "u2", "u3", "U0"]
    path = write(file, "username,kind", *(f"{name}," for name in names), "u9,wizard")
    audited = count(provider, AuditRow)

    dry = shell.run("account", "import", path, "--dry-run", "--batch", "2", "--json")
    untouched = count(provider, AccountRow), count(provider, AuditRow)
    wet = shell.run("account", "import", path, "--batch", "2", "--json")

    assert dry.exit_code == wet.exit_code == 1
    assert untouched == (1, audited)
    assert json.loads(dry.stdout) == json.loads(wet.stdout) | {"dry_run": True}
    assert json.loads(wet.stdout)["added"] == 3


def test_a_name_that_is_taken_in_between_stops_nobody_else(
    shell: Shell, provider: Provider, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(file, "username", "u1", "u2", "u3")
    added = Accounts.add_all

    def somebody_is_faster(self: Accounts, tx: Any, accounts: Any) -> Any:
        if len(accounts) == 3:
            raise IntegrityError("", {}, Exception())
        if accounts[0].account_name == "U2":
            raise IntegrityError("", {}, Exception())
        return added(self, tx, accounts)

    monkeypatch.setattr(Accounts, "add_all", somebody_is_faster)

    summary = shell.ok("account", "import", path)

    assert (summary["added"], summary["exists"]) == (2, 1)
    assert count(provider, AccountRow) == 2


@pytest.fixture
def people(provider: Provider, shell: Shell, file: Path) -> Iterator[None]:
    """Two accounts of ours and some from elsewhere."""
    add(provider, CITIZEN)
    add(provider, LAWYER)
    lines = [f'{one.account_name},"{one.scheme}","{one.text}",{one.salt}' for one in SPELLINGS]
    shell.ok("account", "import", write(file, "username,hash_scheme,password_hash,salt", *lines))
    yield
    file.unlink()


@pytest.mark.usefixtures("people")
def test_an_export_tells_nothing_personal_and_no_hash_unless_it_is_asked_to(
    shell: Shell, provider: Provider
) -> None:
    bare = shell.run("account", "export")
    personal = shell.run("account", "export", "--with-personal-data", "--format", "jsonl")
    hashes = shell.run("account", "export", "--with-hashes", "--format", "jsonl")

    assert bare.exit_code == personal.exit_code == hashes.exit_code == 0
    assert bare.stdout.splitlines()[0] == '"username","kind","state","locale"'
    assert len(bare.stdout.splitlines()) == 3 + len(SPELLINGS)
    assert "王小明" not in bare.stdout + hashes.stdout
    assert "@" not in bare.stdout + hashes.stdout
    assert "$" not in bare.stdout + personal.stdout
    person = next(json.loads(line) for line in personal.stdout.splitlines() if "CITIZEN1" in line)
    assert person["name"] == CITIZEN.profile.name
    assert person["emails"] == [CITIZEN.email]
    assert person["email_verified"] is True
    schemes = {json.loads(line)["hash_scheme"] for line in hashes.stdout.splitlines()}
    assert schemes == {one.scheme for one in SPELLINGS}
    with provider.database.read() as tx:
        events = tx.execute(
            select(AuditRow.data).where(AuditRow.event == "accounts.exported")
        ).scalars()
        assert sorted(events) == [
            '{"hashes":false,"personal":false}',
            '{"hashes":false,"personal":true}',
            '{"hashes":true,"personal":false}',
        ]


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_what_was_exported_can_be_imported(
    shell: Shell, provider: Provider, tmp_path: Path, form: str
) -> None:
    first, second = tmp_path / f"first.{form}", tmp_path / f"second.{form}"
    words = ["account", "export", "--format", form, "--with-hashes", "--with-personal-data"]
    assert shell.run(*words, "--out", str(first)).exit_code == 0
    with provider.database.write() as tx:
        for table in (PasswordCredential, AccountEmail, AccountRow):
            tx.execute(text(f"DELETE FROM {table.__tablename__}"))  # noqa: S608 - our own names

    summary = shell.ok("account", "import", str(first))
    assert shell.run(*words, "--out", str(second)).exit_code == 0

    assert summary["added"] == 2 + len(SPELLINGS)
    assert sorted(first.read_text().splitlines()) == sorted(second.read_text().splitlines())
    assert stat.S_IMODE(first.stat().st_mode) == 0o600


@on_sqlite
def test_an_export_never_writes_over_a_file(shell: Shell, tmp_path: Path) -> None:
    out = tmp_path / "there"
    out.write_text("already")

    done = shell.run("account", "export", "--out", str(out))

    assert done.exit_code == 1
    assert out.read_text() == "already"


@on_sqlite
def test_a_password_that_is_switched_off_does_not_come_back_by_an_export(
    shell: Shell, provider: Provider
) -> None:
    add(provider, CITIZEN)
    with provider.database.write() as tx:
        tx.execute(text("UPDATE password_credentials SET disabled_at = 1"))

    done = shell.run("account", "export", "--with-hashes", "--format", "jsonl")

    assert json.loads(done.stdout)["password_hash"] == ""


@on_sqlite
def test_no_value_is_a_formula_to_a_spreadsheet_and_all_come_back(
    shell: Shell, provider: Provider, tmp_path: Path
) -> None:
    names = ["=1+1", "+886", "-1", "@SUM(A1)", "＝1", "'=1", "''", "'quoted'", "a=b"]
    source, out = tmp_path / "people.jsonl", tmp_path / "out.csv"
    source.write_text(
        "\n".join(json.dumps({"username": f"{n}", "name": name}) for n, name in enumerate(names))
    )
    shell.ok("account", "import", str(source))

    shell.run("account", "export", "--with-personal-data", "--out", str(out))

    found = [row["name"] for row in csv.DictReader(io.StringIO(out.read_text("utf-8")))]
    assert sorted(found) == sorted(
        ["'=1+1", "'+886", "'-1", "'@SUM(A1)", "'＝1", "''=1", "''", "'quoted'", "a=b"]
    )
    with provider.database.write() as tx:
        tx.execute(text("DELETE FROM accounts"))
    shell.ok("account", "import", str(out))
    done = shell.run("account", "export", "--with-personal-data", "--format", "jsonl")
    assert sorted(json.loads(line)["name"] for line in done.stdout.splitlines()) == sorted(names)


@pytest.mark.parametrize("first", "=+-@\t\r＝＋－＠")
def test_what_a_formula_begins_with_is_defused(first: str) -> None:
    assert defuse(f"{first}cmd") == f"'{first}cmd"
