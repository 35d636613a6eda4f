"""What a transaction promises, on each kind of database."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from idp.database.transaction import Database, Transaction
from idp.secret import system_entropy


def test_leaving_the_block_commits_and_an_exception_keeps_nothing(database: Database) -> None:
    with database.write() as tx:
        tx.execute(text("CREATE TABLE notes (word VARCHAR(20))"))
        tx.execute(text("INSERT INTO notes VALUES ('kept')"))

    with pytest.raises(ZeroDivisionError), database.write() as tx:
        tx.execute(text("INSERT INTO notes VALUES ('lost')"))
        _ = 1 / 0

    with database.read() as tx:
        assert list(tx.execute(text("SELECT word FROM notes")).scalars()) == ["kept"]


def test_the_database_itself_refuses_a_write_while_reading(database: Database) -> None:
    with database.write() as tx:
        tx.execute(text("CREATE TABLE notes (word VARCHAR(20))"))

    with pytest.raises(DBAPIError), database.read() as tx:
        tx.execute(text("INSERT INTO notes VALUES ('slipped in')"))


def test_ids_of_one_transaction_sort_as_they_were_made(database: Database) -> None:
    with database.write() as tx:
        made = [tx.next_id(system_entropy) for _ in range(5000)]

    assert made[:4096] == sorted(made[:4096])
    assert len(set(made)) == 5000
    assert max(made[:4095]) < min(made[4095:])
    assert {one.version for one in made} == {7}


def test_listeners_hear_how_the_transaction_ended(database: Database) -> None:
    heard: list[bool] = []

    with database.write() as tx:
        tx.afterwards(heard.append)
    with pytest.raises(ZeroDivisionError), database.write() as tx:
        tx.afterwards(heard.append)
        _ = 1 / 0

    assert heard == [True, False]


@pytest.mark.parametrize("block", [Database.write, Database.read])
def test_what_does_not_begin_keeps_no_connection(
    database: Database, block: Callable[[Database], AbstractContextManager[Transaction]]
) -> None:
    def broken() -> datetime:
        raise ZeroDivisionError

    for _ in range(40):  # more than there are connections
        with pytest.raises(ZeroDivisionError), block(replace(database, clock=broken)):
            pass

    with block(database) as tx:
        assert tx.execute(text("SELECT 1")).scalar() == 1
