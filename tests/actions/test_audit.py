"""The audit log: append-only, chained, tied together, verified."""

import os
import shutil
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from idp.audit import chain, checkpoint
from idp.audit.chain import Content
from idp.audit.checkpoint import Verdict
from idp.audit.events.grants import ConsentRefused
from idp.audit.events.operation import Checkpoint
from idp.audit.events.sessions import SessionEnded
from idp.audit.store import AuditRow, Trail
from idp.database.transaction import Database, Origin, open_database
from idp.provider import Provider
from idp.secret import Keychain, system_entropy
from tests.clock import MovableClock
from tests.labs import postgres
from tests.labs.counting import Counted, every_connection

NO_CHAIN = "'00000000-0000-0000-0000-000000000000'"
LONG = 5_003  # more than the verifier reads at once
HAPPENED = SessionEnded(subject="s_ming", session="1", why="logout")


@pytest.fixture
def furnished_sqlite(
    furnished_file: Path, tmp_path: Path, clock: MovableClock
) -> Iterator[Database]:
    """For what only SQLite lets happen."""
    path = tmp_path / "only.sqlite"
    shutil.copy(furnished_file, path)
    opened = open_database(f"sqlite:///{path}", clock, connections=2)
    yield opened
    opened.dispose()


@pytest.fixture
def furnished_postgresql(
    quick_cluster: postgres.Cluster, furnished_template: str, clock: MovableClock
) -> Iterator[Database]:
    """For what only PostgreSQL knows."""
    name = f"audit{os.urandom(6).hex()}"
    url = quick_cluster.create(name, template=furnished_template)
    opened = open_database(url, clock, connections=2)
    yield opened
    opened.dispose()
    quick_cluster.drop(name)


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


def is_postgresql(database: Database) -> bool:
    return database.writing.dialect.name == "postgresql"


def tamper(database: Database, *statements: str) -> None:
    """Do what only somebody with the database's own powers can."""
    with database.write() as tx:
        if tx.connection.dialect.name == "sqlite":
            tx.execute(text("DROP TRIGGER audit_rows_no_update"))
            tx.execute(text("DROP TRIGGER audit_rows_no_delete"))
        else:
            tx.execute(text("ALTER TABLE audit_rows DISABLE TRIGGER ALL"))
        for statement in statements:
            tx.connection.exec_driver_sql(statement)


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
    "change",
    [
        "at = at + 1",
        "at = at * 1000",
        "event = 'x'",
        "client_id = 'x'",
        "source = 'x'",
        "operator = 'x'",
        "request_id = 'x'",
        "prev_hash = hash",
        "hash = prev_hash",
    ],
)
def test_T74_no_field_changes_unseen(
    database: Database, trail: Trail, keys: Keychain, change: str
) -> None:
    append(database, trail, 4)

    tamper(database, f"UPDATE audit_rows SET {change} WHERE subject <> '' AND seq = 3")  # noqa: S608

    assert "row 3: was changed, inserted or moved" in verify(database, keys).problem


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


REORDER = """UPDATE audit_rows SET seq = CASE seq WHEN 2 THEN 103 WHEN 3 THEN 102 END
             WHERE subject <> '' AND seq IN (2, 3)"""
BACK = "UPDATE audit_rows SET seq = seq - 100 WHERE seq > 100"
COPY = """INSERT INTO audit_rows SELECT {chain}, {seq}, at, event, subject, client_id, source,
          operator, request_id, data, prev_hash, hash FROM audit_rows
          WHERE subject <> '' AND seq = 2"""


def test_T74_verify_names_rows_in_another_order(
    database: Database, trail: Trail, keys: Keychain
) -> None:
    append(database, trail, 4)

    tamper(database, REORDER, BACK)

    assert "row 2: was changed, inserted or moved" in verify(database, keys).problem


@pytest.mark.parametrize(
    ("chain", "seq", "says"),
    [
        pytest.param("chain_id", "5", "row 5: was changed, inserted or moved", id="at the end"),
        pytest.param("chain_id", "0", "row 0: row 1 is missing", id="before the first"),
        pytest.param(NO_CHAIN, "0", "row 0: row 1 is missing", id="before the first chain"),
        pytest.param(NO_CHAIN, "1", "row 1: was changed", id="as a chain of its own"),
    ],
)
def test_T74_verify_names_an_inserted_row(
    database: Database, trail: Trail, keys: Keychain, *, chain: str, seq: str, says: str
) -> None:
    append(database, trail, 4)

    with database.write() as tx:
        tx.execute(text(COPY.format(chain=chain, seq=seq)))

    assert says in verify(database, keys).problem


@pytest.mark.parametrize("spelled", ["upper(chain_id)", "'no chain'"])
def test_T74_sqlite_cannot_be_told_one_chain_under_two_names(
    furnished_sqlite: Database, trail: Trail, keys: Keychain, spelled: str
) -> None:
    append(furnished_sqlite, trail, 4)

    with furnished_sqlite.write() as tx:
        tx.execute(text(COPY.format(chain=spelled, seq="seq")))

    assert "is in no chain of ours" in verify(furnished_sqlite, keys).problem


@pytest.mark.parametrize("data", ["", "{}", '{"heads":[],"previous":[]}'])
def test_T74_verify_names_a_changed_checkpoint(
    database: Database, trail: Trail, keys: Keychain, data: str
) -> None:
    append(database, trail)
    anchor = tie(database, keys)

    change = f"UPDATE audit_rows SET data = '{data}' WHERE event = 'audit.checkpoint'"  # noqa: S608
    tamper(database, change)

    assert f"{anchor.chain_id} row 1: was changed" in verify(database, keys).problem


@pytest.mark.parametrize(
    ("event", "witness"), [(HAPPENED.name, "a checkpoint"), (Checkpoint.name, "the anchor")]
)
def test_T74_who_has_the_key_still_cannot_rewrite_what_was_tied(
    database: Database, trail: Trail, keys: Keychain, event: str, witness: str
) -> None:
    append(database, trail)
    anchor = tie(database, keys)

    with database.read() as tx:
        row = tx.execute(select(AuditRow.__table__).where(AuditRow.event == event)).one()
    said = {name: getattr(row, name) for name in Content.__struct_fields__}
    forged = Content(**said | {"operator": "root"})
    hashed = chain.link(keys.key("audit"), row.prev_hash, forged).hex()
    literal = f"'\\x{hashed}'" if is_postgresql(database) else f"X'{hashed}'"
    tamper(
        database,
        f"UPDATE audit_rows SET operator = 'root', hash = {literal} WHERE event = '{event}'",  # noqa: S608
    )

    says = f"chain {row.chain_id} row 1: is not the row that {witness} names"
    assert verify(database, keys, anchor).problem == says


def test_T74_a_bad_row_behind_the_first_batch_is_named(
    database: Database, trail: Trail, keys: Keychain
) -> None:
    with database.write() as tx:
        for _ in range(LONG):
            trail.append(tx, HAPPENED)
    whole = verify(database, keys)

    tamper(database, f"UPDATE audit_rows SET subject = 's_other' WHERE seq = {LONG}")  # noqa: S608

    assert whole.ok
    assert f"row {LONG}: was changed" in verify(database, keys).problem


def test_T74_of_very_many_chains_the_missing_one_is_named(
    database: Database, keys: Keychain
) -> None:
    with database.write() as tx:
        heads = [
            Trail(keys.key("audit"), system_entropy).append(tx, HAPPENED) for _ in range(2_100)
        ]
    tie(database, keys)
    whole = verify(database, keys)
    gone = max(str(head.chain_id) for head in heads)

    same = gone if is_postgresql(database) else gone.replace("-", "")
    tamper(database, f"DELETE FROM audit_rows WHERE chain_id = '{same}'")  # noqa: S608

    assert whole.ok
    assert whole.since_checkpoint == 1
    assert f"chain {gone} row 1: a checkpoint names it, but it is gone" in (
        verify(database, keys).problem
    )


def test_rows_after_the_last_checkpoint_are_counted(
    database: Database, trail: Trail, keys: Keychain, clock: MovableClock
) -> None:
    append(database, trail, 3)
    tie(database, keys)

    clock.advance(timedelta(minutes=5))
    append(database, trail, 2)

    assert verify(database, keys).since_checkpoint == 2 + 1  # and the checkpoint itself


def test_each_checkpoint_ties_what_moved_and_the_one_before(
    database: Database, trail: Trail, clock: MovableClock, keys: Keychain
) -> None:
    append(database, trail)
    clock.advance(timedelta(hours=1))
    first = tie(database, keys)
    clock.advance(timedelta(hours=1))
    other = Trail(keys.key("audit"), system_entropy)
    append(database, other)
    with database.write() as tx:
        moved = other.append(tx, HAPPENED)

    second = tie(database, keys)

    said, earlier = data_of(database, second), [first.chain_id, str(first.seq), first.hash]
    assert said["previous"] == earlier
    assert said["heads"] == [earlier, [str(moved.chain_id), "2", moved.hash.hex()]]


def test_a_row_that_was_committed_late_is_tied_by_the_next_checkpoint(
    database: Database, trail: Trail, clock: MovableClock, keys: Keychain
) -> None:
    tie(database, keys)
    clock.advance(timedelta(minutes=-4))
    append(database, trail)
    clock.advance(timedelta(minutes=9))
    tie(database, keys)

    tamper(database, "DELETE FROM audit_rows WHERE subject <> ''")

    assert "a checkpoint names it, but it is gone" in verify(database, keys).problem


def data_of(database: Database, anchor: checkpoint.Anchor) -> dict[str, list[Any]]:
    with database.read() as tx:
        found = select(AuditRow.data).where(AuditRow.chain_id == UUID(anchor.chain_id))
        said: dict[str, list[Any]] = msgspec.json.decode(tx.scalar(found))
        return said


def test_a_refused_insert_over_a_row_leaves_the_row(database: Database, trail: Trail) -> None:
    append(database, trail, 2)

    over = (
        COPY.format(chain="chain_id", seq="1") + " ON CONFLICT (chain_id, seq) DO UPDATE SET at = 0"
    )
    with pytest.raises(DBAPIError, match="append-only"), database.write() as tx:
        tx.execute(text(over))


def test_postgresql_refuses_to_truncate(furnished_postgresql: Database, trail: Trail) -> None:
    append(furnished_postgresql, trail)

    with (
        pytest.raises(DBAPIError, match="append-only"),
        furnished_postgresql.write() as tx,
    ):
        tx.execute(text("TRUNCATE audit_rows"))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_append_costs_one_insert(database: Database, trail: Trail) -> None:
    work = Counted()
    with every_connection(database, work.hear):
        append(database, trail)
        work.seen.clear()

        with database.write() as tx:
            trail.append(tx, HAPPENED)
            trail.append(tx, HAPPENED)

    assert work.seen == {"statements": 2, "commits": 1}


def test_who_set_it_in_motion_stands_beside_what_happened(database: Database, trail: Trail) -> None:
    with database.write(Origin("203.0.113.7", "reference", "root")) as tx:
        trail.append(tx, SessionEnded(subject="s_ming", client_id="a", session="1", why="logout"))

    with database.read() as tx:
        row = tx.execute(select(AuditRow.__table__).where(AuditRow.subject == "s_ming")).one()
    assert (row.source, row.request_id, row.operator) == ("203.0.113.7", "reference", "root")
    assert (row.event, row.client_id, row.at) == ("session.ended", "a", database.clock())
    assert row.data == '{"session":"1","why":"logout"}'


def test_a_commit_that_fails_ends_the_chain(
    database: Database, trail: Trail, keys: Keychain
) -> None:
    refuse_at_commit(database)
    append(database, trail, 2)
    before = verify(database, keys)
    with pytest.raises(DBAPIError), database.write() as tx:
        trail.append(tx, HAPPENED)
        tx.execute(text("INSERT INTO children VALUES (1)"))

    append(database, trail, 2)

    after = verify(database, keys)
    assert after.ok
    assert after.rows == before.rows + 2
    assert after.chains == before.chains + 1


def refuse_at_commit(database: Database) -> None:
    """Make a table whose constraint is looked at by COMMIT alone."""
    with database.write() as tx:
        tx.execute(text("CREATE TABLE parents (id INTEGER PRIMARY KEY)"))
        reference = "REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED"
        tx.execute(text(f"CREATE TABLE children (parent INTEGER {reference})"))


def test_D18_two_transactions_of_one_thread_share_no_chain(
    furnished_postgresql: Database, trail: Trail, keys: Keychain
) -> None:
    database = furnished_postgresql
    append(database, trail)
    with pytest.raises(ZeroDivisionError), database.write() as outer:
        trail.append(outer, HAPPENED)
        with database.write() as inner:
            trail.append(inner, HAPPENED)
            trail.append(outer, HAPPENED)
        with database.write() as another:
            trail.append(another, HAPPENED)
        trail.append(outer, HAPPENED)
        _ = 1 / 0

    append(database, trail)

    assert verify(database, keys).problem == ""


def test_D18_two_workers_tie_at_once(database: Database, trail: Trail, keys: Keychain) -> None:
    append(database, trail)
    threads = [threading.Thread(target=tie, args=(database, keys)) for _ in range(4)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    found = verify(database, keys, tie(database, keys))
    assert found.problem == ""
    assert found.checkpoints == 5
