"""The audit log: append-only, chained, tied together, verified."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from idp.audit import checkpoint
from idp.audit.checkpoint import Verdict
from idp.audit.events import ConsentRefused, SessionEnded
from idp.audit.store import Trail
from idp.database.transaction import Database, Origin
from idp.provider import Provider
from idp.secret import Keychain, system_entropy
from tests.clock import MovableClock

HAPPENED = SessionEnded(subject="s_ming", session="1", why="logout")


@pytest.fixture
def trail(keys: Keychain) -> Trail:
    return Trail(keys.key("audit"), system_entropy)


def append(database: Database, trail: Trail, times: int = 1) -> None:
    for _ in range(times):
        with database.write(Origin("203.0.113.7", "request")) as tx:
            trail.append(tx, HAPPENED)


def verify(database: Database, keys: Keychain, anchor: checkpoint.Anchor | None = None) -> Verdict:
    with database.read() as tx:
        return checkpoint.verify(tx, keys.key("audit"), anchor=anchor)


def tamper(database: Database, statement: str) -> None:
    """Do what only somebody with the database's own powers can."""
    with database.write() as tx:
        if tx.connection.dialect.name == "sqlite":
            tx.execute(text("DROP TRIGGER audit_rows_no_update"))
            tx.execute(text("DROP TRIGGER audit_rows_no_delete"))
        else:
            tx.execute(text("ALTER TABLE audit_rows DISABLE TRIGGER ALL"))
        tx.execute(text(statement))


def test_a_whole_log_verifies(database: Database, trail: Trail, keys: Keychain) -> None:
    before = verify(database, keys)

    append(database, trail, 3)

    after = verify(database, keys)
    assert before.ok
    assert after.ok
    assert after.rows == before.rows + 3
    assert after.chains == before.chains + 1


@pytest.mark.parametrize("statement", ["UPDATE audit_rows SET event='x'", "DELETE FROM audit_rows"])
def test_the_database_refuses_changes(database: Database, trail: Trail, statement: str) -> None:
    append(database, trail)

    with pytest.raises(DBAPIError, match="append-only"), database.write() as tx:
        tx.execute(text(statement))


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE audit_rows SET subject = 's_other' WHERE subject <> '' AND seq = 2", "row 2"),
        ("UPDATE audit_rows SET data = '{}' WHERE subject <> '' AND seq = 3", "row 3"),
        ("DELETE FROM audit_rows WHERE subject <> '' AND seq = 2", "row 2 is missing"),
        ("UPDATE audit_rows SET seq = 9 WHERE subject <> '' AND seq = 3", "row 3 is missing"),
    ],
)
def test_T74_verify_names_the_first_bad_row(
    database: Database, trail: Trail, keys: Keychain, statement: str, says: str
) -> None:
    append(database, trail, 4)

    tamper(database, statement)

    found = verify(database, keys)
    assert not found.ok
    assert says in found.problem


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM audit_rows WHERE subject <> '' AND seq >= 3",
        "DELETE FROM audit_rows WHERE subject <> ''",
    ],
    ids=["a tail", "a whole chain"],
)
def test_T74_a_truncated_chain_is_missed_by_the_checkpoint(
    database: Database, trail: Trail, keys: Keychain, clock: MovableClock, statement: str
) -> None:
    append(database, trail, 4)
    clock.advance(timedelta(minutes=5))
    tie(database, keys)

    tamper(database, statement)

    assert "checkpoint names it" in verify(database, keys).problem


def tie(database: Database, keys: Keychain) -> checkpoint.Anchor:
    """Write a checkpoint as the worker does: on a chain of its own."""
    worker = Trail(keys.key("audit"), system_entropy)
    with database.write() as tx:
        return checkpoint.write(tx, worker)


def test_T74_a_truncated_checkpoint_is_missed_by_the_anchor(
    database: Database, trail: Trail, keys: Keychain
) -> None:
    append(database, trail, 2)
    anchor = tie(database, keys)
    assert verify(database, keys, anchor).ok

    tamper(database, "DELETE FROM audit_rows WHERE event = 'audit.checkpoint'")

    assert verify(database, keys).ok
    assert not verify(database, keys, anchor).ok


def test_another_key_verifies_nothing(database: Database, trail: Trail) -> None:
    append(database, trail)

    with database.read() as tx:
        assert not checkpoint.verify(tx, bytes(32)).ok


def test_a_transaction_that_fails_leaves_no_gap(
    database: Database, trail: Trail, keys: Keychain
) -> None:
    append(database, trail)
    with pytest.raises(ZeroDivisionError), database.write() as tx:
        trail.append(tx, HAPPENED)
        _ = 1 / 0

    append(database, trail)

    assert verify(database, keys).ok


def test_D18_eight_threads_leave_eight_whole_chains(
    database: Database, trail: Trail, keys: Keychain
) -> None:
    before = verify(database, keys)
    threads = [threading.Thread(target=append, args=(database, trail, 25)) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    after = verify(database, keys)
    assert after.ok
    assert after.rows == before.rows + 200
    assert after.chains == before.chains + 8


def test_D5_without_its_audit_row_nothing_happens(provider: Provider) -> None:
    with provider.database.write() as tx:
        if tx.connection.dialect.name == "sqlite":
            tx.execute(text("DROP TRIGGER audit_rows_no_delete"))
            tx.execute(text("DROP TRIGGER audit_rows_no_update"))
        tx.execute(text("ALTER TABLE audit_rows RENAME TO audit_rows_away"))

    with pytest.raises(DBAPIError), provider.database.write() as tx:
        tx.execute(text("UPDATE accounts SET epoch = 1"))
        provider.trail.append(tx, ConsentRefused(subject="s"))

    with provider.database.read() as tx:
        assert tx.execute(text("SELECT count(*) FROM accounts WHERE epoch = 1")).scalar() == 0
