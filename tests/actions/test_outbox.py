"""The outbox: nothing lost, nothing sent by two at once, nothing kept that has gone."""

import threading
from collections import Counter
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from idp.config import OutboxSection
from idp.database.transaction import Database
from idp.outbox import store
from idp.outbox.store import Outbox, OutboxRow
from idp.secret import Keychain, system_entropy
from tests.clock import MovableClock

SECTION = OutboxSection(lease_seconds=60, max_attempts=3)


@pytest.fixture
def outbox(keys: Keychain) -> Outbox:
    return Outbox(keys.seal("outbox"), system_entropy, SECTION)


def put(database: Database, outbox: Outbox, key: str) -> None:
    with database.write() as tx:
        outbox.put(tx, "mail", f"letter {key}".encode(), dedupe_key=key)


def lease(database: Database, outbox: Outbox, limit: int = 10) -> list[store.Leased]:
    with database.write() as tx:
        return outbox.lease(tx, "mail", limit)


def test_what_was_put_is_leased_once_and_sealed_meanwhile(
    database: Database, outbox: Outbox
) -> None:
    put(database, outbox, "one")
    with database.read() as tx:
        kept = tx.execute(select(OutboxRow.payload_sealed)).scalar_one()

    first, second = lease(database, outbox), lease(database, outbox)

    assert [row.payload for row in first] == [b"letter one"]
    assert second == []
    assert b"letter" not in kept


def test_the_same_key_is_put_once(database: Database, outbox: Outbox) -> None:
    put(database, outbox, "one")
    put(database, outbox, "one")

    assert len(lease(database, outbox)) == 1


def test_a_cause_that_fails_sends_nothing(database: Database, outbox: Outbox) -> None:
    with pytest.raises(ZeroDivisionError), database.write() as tx:
        outbox.put(tx, "mail", b"letter", dedupe_key="one")
        _ = 1 / 0

    assert lease(database, outbox) == []


def test_D8_a_sender_that_dies_leaves_a_lease_that_runs_out(
    database: Database, outbox: Outbox, clock: MovableClock
) -> None:
    put(database, outbox, "one")
    (died,) = lease(database, outbox)

    clock.advance(timedelta(seconds=60))

    (again,) = lease(database, outbox)
    assert again.id == died.id
    assert again.attempts == 2


def test_once_sent_it_is_wiped_and_never_sent_again(
    database: Database, outbox: Outbox, clock: MovableClock
) -> None:
    put(database, outbox, "one")
    (row,) = lease(database, outbox)
    with database.write() as tx:
        outbox.mark_sent(tx, row.id)

    clock.advance(timedelta(days=1))

    assert lease(database, outbox) == []
    with database.read() as tx:
        assert tx.execute(select(OutboxRow.payload_sealed)).scalar_one() == b""


def test_D7_failures_wait_longer_each_time_and_end_with_the_operator(
    database: Database, outbox: Outbox, clock: MovableClock
) -> None:
    put(database, outbox, "one")
    waits: list[timedelta] = []
    abandoned = False
    (row,) = lease(database, outbox)
    while not abandoned:
        with database.write() as tx:
            abandoned = outbox.mark_failed(tx, row, "unreachable")
            next_try = tx.execute(select(OutboxRow.not_before)).scalar_one()
        waits.append(next_try - clock())
        clock.advance(timedelta(hours=2))
        row = next(iter(lease(database, outbox)), row)

    assert len(waits) == 3
    assert waits[0] < waits[1] < waits[2]
    assert lease(database, outbox) == []
    with database.write() as tx:
        assert store.retry(tx, row.id)
    assert len(lease(database, outbox)) == 1


def test_the_oldest_waiting_is_told(
    database: Database, outbox: Outbox, clock: MovableClock
) -> None:
    began = clock()
    put(database, outbox, "one")
    clock.advance(timedelta(minutes=3))
    put(database, outbox, "two")

    with database.read() as tx:
        assert store.oldest_waiting(tx) == began


def test_of_eight_senders_none_takes_what_another_has(database: Database, outbox: Outbox) -> None:
    for number in range(40):
        put(database, outbox, str(number))
    taken = Counter[UUID]()
    start = threading.Barrier(8)

    def send() -> None:
        start.wait()
        while rows := lease(database, outbox, 3):
            taken.update(row.id for row in rows)

    senders = [threading.Thread(target=send) for _ in range(8)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()

    assert len(taken) == 40
    assert set(taken.values()) == {1}
