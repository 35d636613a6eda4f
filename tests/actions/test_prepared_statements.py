"""Prepared statements share a transaction with SQLAlchemy's, on each kind of database."""

import threading
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Text, bindparam, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as LanesTaken
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from idp.database.columns import Table
from idp.database.lanes import Lanes
from idp.database.patience import Reach
from idp.database.prepared import Prepared
from idp.database.transaction import Database, is_outage


class Own(DeclarativeBase):
    """Tables of this test alone, with the columns' types of the product."""

    type_annotation_map = Table.type_annotation_map


class Sample(Own):
    """A row with a column of every type that a prepared statement can carry."""

    __tablename__ = "samples_of_every_type"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    word: Mapped[str | None] = mapped_column(Text)
    digest: Mapped[bytes | None]
    uuid: Mapped[UUID | None]
    instant: Mapped[datetime | None]
    flag: Mapped[bool | None]
    document: Mapped[dict[str, Any] | None]


FULL = {
    "id": 1,
    "word": "王小明𠮷 '\\x00' %s $1",
    "digest": bytes(range(256)),
    "uuid": UUID(int=2**128 - 1),
    "instant": datetime(2107, 2, 3, 4, 5, 6, 789_012, tzinfo=UTC),
    "flag": True,
    "document": {"name": ["𠮷", None, 1.5, False], "\\": '"'},
}
EMPTY = {"id": 2, "word": "", "digest": b"", "flag": False}
ADD = Prepared(insert(Sample))
FIND = Prepared(select(Sample).where(Sample.id == bindparam("wanted")))
COUNT = Prepared(select(func.count()).select_from(Sample))
RENAME = Prepared(
    update(Sample)
    .where(Sample.id == bindparam("wanted"), Sample.flag.is_(True))
    .values(word=bindparam("replacement"))
    .returning(Sample.word, Sample.uuid)
)

pytestmark = pytest.mark.usefixtures("table")


@pytest.fixture
def table(database: Database) -> None:
    Own.metadata.create_all(database.writing)


def count(database: Database) -> int:
    with database.read() as tx:
        return int(tx.ask(COUNT, {})[0])


def test_every_type_comes_back_as_it_went_in_and_as_sqlalchemy_reads_it(
    database: Database,
) -> None:
    with database.write() as tx:
        tx.put(ADD, FULL)
        tx.put(ADD, EMPTY)

    with database.read() as tx:
        found = [tx.ask(FIND, {"wanted": key}) for key in (1, 2)]
        by_sqlalchemy = tx.execute(select(Sample).order_by(Sample.id)).all()
        nothing = tx.ask(FIND, {"wanted": 3})

    assert found[0]._asdict() == FULL
    assert [tuple(row) for row in found] == [tuple(row) for row in by_sqlalchemy]
    assert found[1].uuid is None
    assert nothing is None


def test_an_update_gives_what_it_returns(database: Database) -> None:
    with database.write() as tx:
        tx.put(ADD, FULL)
        renamed = tx.ask(RENAME, {"wanted": 1, "replacement": "new"})
        nobody = tx.ask(RENAME, {"wanted": 2, "replacement": "new"})

    assert renamed == ("new", FULL["uuid"])
    assert nobody is None


def test_both_ways_see_each_others_changes_in_the_order_they_were_made(
    database: Database,
) -> None:
    with database.write() as tx:
        tx.put(ADD, {"id": 1, "word": "put first"})
        seen = tx.scalar(select(Sample.word))
        tx.execute(update(Sample).values(word="changed"))
        tx.put(ADD, {"id": 2})
        assert tx.ask(FIND, {"wanted": 1}).word == "changed"

    assert seen == "put first"
    assert count(database) == 2


def test_an_exception_keeps_nothing_of_either_way(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.write() as tx:
        tx.put(ADD, {"id": 1})
        tx.execute(insert(Sample), {"id": 2})
        tx.put(ADD, {"id": 3})
        _ = 1 / 0

    assert count(database) == 0


def test_an_exception_before_anything_was_sent_keeps_nothing(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.write() as tx:
        tx.put(ADD, {"id": 1})
        _ = 1 / 0

    assert count(database) == 0


def test_what_fails_late_fails_the_whole_transaction(database: Database) -> None:
    heard: list[bool] = []

    with pytest.raises(IntegrityError) as failed, database.write() as tx:
        tx.afterwards(heard.append)
        tx.put(ADD, {"id": 1, "word": "a-secret-word"})
        tx.put(ADD, {"id": 1, "word": "a-secret-word"})

    assert heard == [False]
    assert count(database) == 0
    assert "a-secret-word" not in str(failed.value)
    assert not is_outage(failed.value)


def test_after_a_failure_the_same_connection_serves_again(database: Database) -> None:
    for _ in range(3):
        with pytest.raises(IntegrityError), database.write() as tx:
            tx.put(ADD, {"id": 1})
            tx.ask(COUNT, {})
            tx.put(ADD, {"id": 1})

    with database.write() as tx:
        tx.put(ADD, {"id": 1})
        assert tx.ask(COUNT, {})[0] == 1

    assert count(database) == 1


def test_a_parameter_that_is_missing_is_an_error_and_not_a_null(database: Database) -> None:
    with pytest.raises(KeyError), database.read() as tx:
        tx.ask(FIND, {})

    with pytest.raises(KeyError), database.write() as tx:
        tx.put(ADD, {"word": "no id"})


def test_the_database_refuses_a_prepared_write_while_reading(database: Database) -> None:
    with pytest.raises(DBAPIError), database.read() as tx:
        tx.put(ADD, {"id": 1})
        tx.ask(COUNT, {})

    assert count(database) == 0


def test_a_unit_of_work_that_only_looks_takes_no_lock(database: Database) -> None:
    with database.write() as tx:
        tx.ask(COUNT, {})
        other = threading.Thread(target=lambda: count(database))
        other.start()
        other.join(timeout=5)

        assert not other.is_alive()


def test_who_finds_all_connections_taken_is_told_so(database: Database) -> None:
    lanes = Lanes(database.reading, 1, 0.01, Reach(), writing=False)
    lane = lanes.take()

    with pytest.raises(LanesTaken):
        lanes.take()

    lanes.give_back(lane)
    lanes.give_back(lanes.take())
    lanes.close()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_D3_after_the_server_dropped_every_connection_one_request_fails_and_no_other(
    database: Database,
) -> None:
    with database.write() as tx:
        tx.put(ADD, {"id": 1})
    with ExitStack() as at_once:
        for _ in range(4):
            at_once.enter_context(database.read()).ask(COUNT, {})
    with database.writing.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )

    with pytest.raises(DBAPIError) as failed:
        count(database)

    assert is_outage(failed.value)
    assert [count(database) for _ in range(4)] == [1] * 4


def test_an_instant_without_a_zone_is_refused(database: Database) -> None:
    naive = datetime(2026, 1, 1) + timedelta()  # noqa: DTZ001

    with pytest.raises(ValueError, match="naive"), database.write() as tx:
        tx.put(ADD, {"id": 1, "instant": naive})


def test_what_is_expected_is_answered_in_order_with_what_was_put_in_between(
    database: Database,
) -> None:
    with database.write() as tx:
        before = tx.expect(FIND, {"wanted": 1})
        tx.put(ADD, FULL)
        renamed = tx.expect(RENAME, {"wanted": 1, "replacement": "renamed"})
        tx.put(ADD, EMPTY)

        found = tx.ask(FIND, {"wanted": 1})

    assert (before(), found.word) == ([], "renamed")
    assert [row.word for row in renamed()] == ["renamed"]


def test_what_nobody_asked_for_in_the_end_was_done_all_the_same(database: Database) -> None:
    with database.write() as tx:
        tx.put(ADD, FULL)
        renamed = tx.expect(RENAME, {"wanted": 1, "replacement": "renamed"})

    with database.read() as tx:
        assert tx.ask(FIND, {"wanted": 1}).word == "renamed"
    assert [row.word for row in renamed()] == ["renamed"]


def test_what_was_expected_and_failed_says_so_where_it_is_asked_for(database: Database) -> None:
    with database.write() as tx:
        tx.put(ADD, FULL)

    with pytest.raises(IntegrityError), database.write() as tx:
        there = tx.expect(FIND, {"wanted": 1})
        twice = tx.expect(ADD, FULL)
        there()
        twice()

    assert count(database) == 1


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_what_was_expected_beside_something_that_failed_is_not_taken_for_nothing(
    database: Database,
) -> None:
    with database.write() as tx:
        tx.put(ADD, FULL)

    with pytest.raises(IntegrityError), database.write() as tx:
        there = tx.expect(FIND, {"wanted": 1})
        try:
            tx.ask(ADD, FULL)
        finally:
            with pytest.raises(DBAPIError):
                there()


def test_a_question_that_cannot_be_asked_does_not_mix_up_the_answers(database: Database) -> None:
    with database.write() as tx:
        tx.put(ADD, FULL)

    with database.read() as tx:
        there = tx.expect(FIND, {"wanted": 1})
        with pytest.raises(KeyError):
            tx.expect(FIND, {})

        assert [row.word for row in there()] == [FULL["word"]]
