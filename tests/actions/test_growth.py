"""No statement reads a whole table that grows, and what grows is swept a little at a time."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection, text

from bench.filling import Filling, fill
from idp import worker
from idp.database import sweeping
from idp.database.transaction import Database
from idp.provider import Provider
from idp.worker import housekeeping
from tests.clock import MovableClock
from tests.labs import plans
from tests.people import Browser, Person

SMALL = {
    "clients", "client_secrets", "signing_keys", "passkey_challenges", "card_challenges",
    "password_works", "directory_brakes",
}  # fmt: skip
"""Tables that stay small: by what they hold, or because their rows live for minutes."""
FEW_AT_FIRST = {"cards", "passkeys", "totp_credentials", "registrations", "browser_sessions"}
"""Tables that people fill, by hand: they are analyzed long before they hold much."""
LOOKED_AT_ELSEWHERE = {
    "idp.accounts.store._SELECT",  # no statement by itself: others add what they look for
    "idp.sessions.store._UNENDED",  # likewise
    "idp.accounts.status._RAISE_ALL",  # after a restore, and all of them are meant
    "idp.audit.checkpoint._HEADS",  # planned anew each time, when its date is known
    "idp.linking.store._END",  # likewise: which state is asked for is known by then
    "idp.linking.store._ENDING",
    "idp.linking.store._OF_ACCOUNT",
    "idp.linking.store._OVERDUE",
    "idp.authenticators.card.index._LISTS",  # says which lists are in use: a row an authority
    "idp.authenticators.card.trust._ALL",  # likewise a row an authority
    "idp.outbox.store._OLDEST",  # reads the index of what waits, which is all there is to read
}

pytestmark = pytest.mark.timeout(120)


def test_a_round_takes_a_batch_of_each_table_and_the_rounds_end(
    provider: Provider, browser: Browser, citizen: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = provider.database.clock
    assert isinstance(clock, MovableClock)
    for _ in range(4):
        browser.authorize()
    browser.redeem(browser.code(citizen, scope="openid offline_access"))
    clock.advance(timedelta(days=365))
    monkeypatch.setattr(sweeping, "BATCH", 2)
    monkeypatch.setattr(housekeeping, "BATCH", 2)

    swept = [worker.sweep(provider) for _ in range(8)]

    assert swept[0] == 2
    assert swept[-1] < 2
    assert swept == sorted(swept, reverse=True)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_every_statement_finds_its_rows_by_an_index(database: Database, database_url: str) -> None:
    fill(database_url.replace("+psycopg", ""), Filling(20_000, 2_000))

    with database.writing.connect() as connection:
        connection.execute(text("SET enable_seqscan = off"))
        found = {
            one.name: whole
            for one in plans.statements()
            if one.name not in LOOKED_AT_ELSEWHERE
            if (whole := plans.whole_tables(connection, one) - SMALL)
        }

    assert found == {}


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_where_a_key_is_given_the_row_is_found_by_it_in_a_database_nobody_has_analyzed(
    database: Database,
) -> None:
    """PostgreSQL keeps the plan it made for a connection while the tables were still empty."""
    with database.writing.connect() as connection:
        keys = {table: one for table, one in _keys(connection).items() if table not in FEW_AT_FIRST}
        connection.execute(text("SET enable_seqscan = off"))
        found = {
            one.name: passed
            for one in plans.statements()
            if (passed := plans.keys_passed_by(connection, one, keys))
        }

    assert found == {}


def _keys(connection: Connection) -> dict[str, set[str]]:
    """Read which columns name one row at most, by table."""
    rows = connection.execute(
        text(
            "SELECT c.relname, a.attname FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid "
            "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0] "
            "WHERE i.indisunique AND i.indnkeyatts = 1 AND i.indpred IS NULL "
            "AND c.relnamespace = 'public'::regnamespace"
        )
    )
    keys: dict[str, set[str]] = {}
    for table, column in rows:
        keys.setdefault(table, set()).add(column)
    return keys
