"""T43: the census that stand-ins are drawn by, on both databases."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from idp import worker
from idp.accounts.store import NewAccount
from idp.authenticators.password.works import NOTHING, PasswordWork, StandIns
from idp.provider import Provider
from idp.worker import housekeeping
from tests.clock import MovableClock
from tests.labs.shell import Shell

BCRYPT = "$2b$10$" + "C" * 21 + "." + "a" * 31
SPECIMEN = "$2b$10$" + "." * 53


def on_record(provider: Provider) -> dict[str, int]:
    with provider.database.read() as tx:
        rows = tx.execute(select(PasswordWork.specimen, PasswordWork.passwords))
        return {row.specimen: row.passwords for row in rows}


def open_accounts(provider: Provider, phc_hash: str, *names: str) -> None:
    with provider.database.write() as tx:
        provider.accounts.add_all(tx, [NewAccount(name, phc_hash=phc_hash) for name in names])


@pytest.mark.usefixtures("citizen")
def test_every_password_is_counted_once_page_by_page(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "_HASHES_AT_ONCE", 2)
    open_accounts(provider, BCRYPT, "A", "B", "C")
    open_accounts(provider, "$broken$", "D")
    open_accounts(provider, "", "E", "F")

    assert worker.count_password_works(provider) == 3

    census = on_record(provider)
    assert census.pop(SPECIMEN) == 3
    assert census.pop(NOTHING) == 1
    ((ours, number),) = census.items()
    assert not provider.password.is_weaker(ours)
    assert number == 1


def test_a_census_takes_the_place_of_the_one_before(provider: Provider) -> None:
    open_accounts(provider, BCRYPT, "A")
    worker.count_password_works(provider)
    open_accounts(provider, "$broken$", "B")

    worker.count_password_works(provider)

    assert on_record(provider) == {SPECIMEN: 1, NOTHING: 1}


def test_an_import_is_counted_at_once(shell: Shell, provider: Provider, tmp_path: Path) -> None:
    path = tmp_path / "people.jsonl"
    row = {"username": "someone", "password_hash": BCRYPT, "hash_scheme": "bcrypt"}
    path.write_text(json.dumps(row))

    shell.ok("account", "import", str(path), "--dry-run")
    assert on_record(provider) == {}
    shell.ok("account", "import", str(path))

    assert on_record(provider) == {SPECIMEN: 1}


def test_a_request_reads_the_census_every_ten_minutes_at_most(
    provider: Provider, clock: MovableClock
) -> None:
    stand_ins = StandIns(b"k" * 32)
    found = []
    for minutes in (0, 9, 2):
        clock.advance(timedelta(minutes=minutes))
        with provider.database.read() as tx:
            found.append(stand_ins.of(tx, "NOBODY"))
        open_accounts(provider, BCRYPT, f"A{minutes}")
        worker.count_password_works(provider)

    assert found == [NOTHING, NOTHING, SPECIMEN]
