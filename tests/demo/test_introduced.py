"""A second start repeats no introduction, and a database that was made anew gets one."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from demo import introduced, plan
from demo.plan import Plan


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    found = tmp_path / "idp.sqlite", tmp_path / "casequery.sqlite"
    for file in found:
        make(file)
    return found


@pytest.fixture
def run(files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    people = tmp_path / "people.json"
    people.write_text("[]", "utf-8")
    monkeypatch.setattr(introduced, "KNOWN_PEOPLE", people)
    monkeypatch.setenv("PORTICO__DATABASE__URL", f"sqlite:///{files[0]}")
    monkeypatch.setenv("CASEQUERY__DATABASE__URL", f"sqlite:///{files[1]}")
    monkeypatch.setenv("READER__MODULE", "")
    return plan.make()


def make(file: Path) -> None:
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE something (id)")


def test_what_was_introduced_is_known_at_the_next_start(run: Plan) -> None:
    assert not introduced.is_done(run)

    introduced.note(run)

    assert introduced.is_done(run)
    assert introduced.is_done(plan.make())


@pytest.mark.parametrize("which", [0, 1])
def test_a_database_that_was_made_anew_is_told_again(
    run: Plan, files: tuple[Path, Path], which: int
) -> None:
    introduced.note(run)

    files[which].unlink()
    assert not introduced.is_done(run)
    make(files[which])

    assert not introduced.is_done(run)


def test_other_people_addresses_and_databases_are_told_again(
    run: Plan, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    introduced.note(run)

    monkeypatch.setenv("CASEQUERY__SERVER__PORT", "19001")
    assert not introduced.is_done(plan.make())
    monkeypatch.delenv("CASEQUERY__SERVER__PORT")
    assert introduced.is_done(plan.make())
    monkeypatch.setenv("PORTICO__DATABASE__URL", "postgresql+psycopg://localhost/idp")
    assert not introduced.is_done(plan.make())
    monkeypatch.undo()
    more = tmp_path / "people.toml"
    more.write_text("# others", "utf-8")
    monkeypatch.setattr(introduced, "_TELLS", (more,))
    assert not introduced.is_done(run)


def test_without_the_list_of_people_they_are_introduced(
    run: Plan, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    introduced.note(run)
    monkeypatch.setattr(introduced, "KNOWN_PEOPLE", tmp_path / "none.json")

    assert not introduced.is_done(run)


def test_a_file_that_is_no_database_is_none_that_was_told(
    run: Plan, files: tuple[Path, Path]
) -> None:
    files[0].write_bytes(b"no database")

    assert not introduced.is_done(run)
