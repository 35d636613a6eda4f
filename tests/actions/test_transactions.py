"""What a transaction promises, on each kind of database."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from idp.database.transaction import Database


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


def test_listeners_hear_how_the_transaction_ended(database: Database) -> None:
    heard: list[bool] = []

    with database.write() as tx:
        tx.afterwards(heard.append)
    with pytest.raises(ZeroDivisionError), database.write() as tx:
        tx.afterwards(heard.append)
        _ = 1 / 0

    assert heard == [True, False]
