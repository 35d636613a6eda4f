"""Transactions that only insert share a commit, and nothing else: not their errors."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import psycopg
import pytest
from psycopg.errors import UniqueViolation
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from idp.database.convoy import Bound, Convoy
from idp.database.patience import PATIENCE_SECONDS, PatientConnection
from idp.database.prepared import Prepared
from idp.database.transaction import Database

on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


class Own(DeclarativeBase):
    """Tables of this test alone."""


class Parcel(Own):
    """A row that a transaction inserts."""

    __tablename__ = "parcels_of_a_convoy"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


class Crate(Own):
    """A row that no socket takes at once."""

    __tablename__ = "crates_of_a_convoy"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    content: Mapped[bytes]


ADD = Prepared(insert(Parcel))
ADD_CRATE = Prepared(insert(Crate))
COUNT = Prepared(select(func.count()).select_from(Parcel))


class Road:
    """Where convoys go: the first stays there until all others wait for the next."""

    def __init__(self, *troubles: psycopg.Error) -> None:
        self.convoy = Convoy()
        self.sent: list[list[Any]] = []
        self._clear = threading.Event()
        self._troubles = list(troubles)

    def send(self, statements: list[Bound]) -> None:
        self.sent.append(statements)
        if len(self.sent) == 1:
            assert self._clear.wait(10)
        elif self._troubles:
            raise self._troubles.pop(0)

    def travel(self, *parcels: Any) -> list[BaseException | None]:
        with ThreadPoolExecutor(len(parcels)) as pool:
            on_the_way = []
            for number, parcel in enumerate(parcels):
                on_the_way.append(pool.submit(self.convoy.commit, [parcel], self.send))
                until(lambda: self.sent and self.convoy.waiting == number)  # noqa: B023
            self._clear.set()
            return [one.exception(10) for one in on_the_way]


def until(done: Callable[[], Any]) -> None:
    late = time.monotonic() + 10
    while not done():
        assert time.monotonic() < late
        threading.Event().wait(0.001)


def test_who_comes_while_a_convoy_is_under_way_goes_with_the_next_one() -> None:
    road = Road()

    outcomes = road.travel("a", "b", "c", "d")

    assert road.sent == [["a"], ["b", "c", "d"]]
    assert outcomes == [None] * 4


def test_where_the_server_refuses_a_convoy_each_of_it_goes_alone() -> None:
    own_fault = UniqueViolation("of one alone")
    road = Road(UniqueViolation("of all together"), own_fault)

    outcomes = road.travel("a", "b", "c")

    assert road.sent[:2] == [["a"], ["b", "c"]]
    assert sorted(road.sent[2:]) == [["b"], ["c"]]
    assert [one for one in outcomes if one] == [own_fault]


def test_where_the_connection_breaks_nobody_hears_that_it_is_on_record_and_nothing_goes_twice() -> (
    None
):
    road = Road(psycopg.OperationalError("the connection was lost"))

    outcomes = road.travel("a", "b", "c")

    assert road.sent == [["a"], ["b", "c"]]
    assert [type(one) for one in outcomes[1:]] == [psycopg.OperationalError] * 2


def test_who_waits_behind_a_convoy_that_stands_still_goes_alone() -> None:
    held, sent = threading.Event(), []

    def stand(statements: list[Any]) -> None:
        sent.append(statements)
        assert held.wait(10)

    convoy = Convoy()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(convoy.commit, [cast("Bound", "a")], stand)
        until(lambda: sent)
        convoy.commit([cast("Bound", "b")], sent.append)
        assert not first.done()
        held.set()
        first.result(10)

    assert sent == [["a"], ["b"]]
    assert convoy.waiting == 0


def test_after_a_convoy_that_failed_the_next_one_goes() -> None:
    road = Road(psycopg.OperationalError("the connection was lost"))
    road.travel("a", "b")

    road.convoy.commit([cast("Bound", "c")], road.send)

    assert road.sent[-1] == ["c"]


@on_postgresql
def test_of_many_at_once_only_the_one_that_is_wrong_fails(database: Database) -> None:
    Own.metadata.create_all(database.writing)
    with database.write() as tx:
        tx.put(ADD, {"id": 3})

    def put(number: int) -> None:
        with database.write() as tx:
            tx.put(ADD, {"id": number})

    with ThreadPoolExecutor(8) as pool, database.writing.connect() as blocker:
        blocker.execute(text(f"LOCK TABLE {Parcel.__tablename__} IN SHARE MODE"))
        outcomes = [pool.submit(put, number) for number in range(8)]
        until(lambda: blocker.scalar(_BLOCKED))
        blocker.rollback()
        failed = [number for number, one in enumerate(outcomes) if one.exception(10)]

    assert failed == [3]
    assert isinstance(outcomes[3].exception(), IntegrityError)
    with database.read() as tx:
        assert tx.ask(COUNT, {})[0] == 8


@on_postgresql
def test_what_no_socket_takes_at_once_is_sent_on_without_a_pause(database: Database) -> None:
    Own.metadata.create_all(database.writing)
    began = time.monotonic()

    with database.write() as tx:
        tx.put(ADD_CRATE, {"id": 1, "content": bytes(16 * 2**20)})

    assert time.monotonic() - began < PATIENCE_SECONDS


@on_postgresql
def test_a_server_that_works_off_a_long_convoy_slowly_is_not_silent(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PatientConnection, "patience", 1.0)
    Own.metadata.create_all(database.writing)
    with database.writing.begin() as connection:
        connection.execute(text(_SLOW))
        connection.execute(text(_SLOWLY.format(table=Parcel.__tablename__)))

    with database.write() as tx:
        for number in range(32):
            tx.put(ADD, {"id": number})

    with database.read() as tx:
        assert tx.ask(COUNT, {})[0] == 32


_SLOW = """CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_sleep(0.05); RETURN NEW; END $$"""
_SLOWLY = "CREATE TRIGGER slow BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION slow()"
_BLOCKED = text("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' LIMIT 1")
