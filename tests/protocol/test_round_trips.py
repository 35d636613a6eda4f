"""Per-request work is counted where it is done, at the driver: statements, commits, round trips."""

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from idp.accounts import identities
from idp.accounts.model import Kind, Profile
from idp.provider import Provider
from idp.signin.actions import Browser as Desk
from idp.signin.actions import SignedIn
from idp.web.signin import concluding
from tests import people
from tests.clock import MovableClock
from tests.labs.counting import Counted, Traced, every_connection
from tests.labs.paper_directory import SECTION, WANG
from tests.people import SECRET, Browser, Person, answer

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def work(provider: Provider) -> Iterator[Counted]:
    counted = Counted()
    with every_connection(provider.database, counted.hear):
        yield counted


@pytest.fixture
def wire(provider: Provider, tmp_path: Path) -> Iterator[Traced]:
    traced = Traced(tmp_path / "libpq.trace")
    with every_connection(provider.database, traced.hear):
        yield traced
    traced.close()


@on_sqlite
def test_with_a_session_authorize_costs_one_read_two_inserts_and_one_commit(
    browser: Browser, citizen: Person, work: Counted
) -> None:
    browser.code(citizen)
    work.seen.clear()

    browser.authorize()

    assert "code" in answer(browser.last)
    assert work.seen == {"statements": 3, "commits": 1}


@on_sqlite
def test_the_token_endpoint_costs_one_claim_two_inserts_and_one_commit(
    browser: Browser, citizen: Person, work: Counted
) -> None:
    browser.redeem(browser.code(citizen))
    code = browser.code(citizen)
    work.seen.clear()

    assert browser.redeem(code).status_code == 200

    assert work.seen == {"statements": 3, "commits": 1}


@on_sqlite
def test_refresh_costs_the_same(browser: Browser, citizen: Person, work: Counted) -> None:
    tokens = browser.redeem(browser.code(citizen)).json
    assert tokens is not None
    work.seen.clear()

    browser.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])

    assert work.seen == {"statements": 3, "commits": 1}


@on_sqlite
def test_userinfo_costs_one_look_up_and_no_commit(
    browser: Browser, citizen: Person, work: Counted
) -> None:
    tokens = browser.redeem(browser.code(citizen)).json
    assert tokens is not None
    work.seen.clear()

    browser.userinfo(tokens["access_token"])

    assert work.seen == {"statements": 1}


@on_sqlite
def test_client_credentials_cost_the_audit_row_alone(browser: Browser, work: Counted) -> None:
    browser.token("machine", grant_type="client_credentials")
    work.seen.clear()

    browser.token("machine", grant_type="client_credentials")

    assert work.seen == {"statements": 1, "commits": 1}


@on_sqlite
def test_jwks_and_discovery_ask_nobody(browser: Browser, work: Counted) -> None:
    browser.get("/jwks")
    browser.get("/.well-known/openid-configuration")
    work.seen.clear()

    browser.get("/jwks")
    browser.get("/.well-known/openid-configuration")

    assert work.seen == {}


@on_sqlite
def test_what_is_kept_in_memory_is_read_again_when_it_has_grown_old(
    browser: Browser, work: Counted, clock: MovableClock
) -> None:
    browser.get("/jwks")
    work.seen.clear()
    clock.advance(timedelta(seconds=5))

    browser.get("/jwks")

    assert work.seen == {"statements": 1}


@on_postgresql
def test_a_whole_flow_costs_five_round_trips(
    browser: Browser, citizen: Person, wire: Traced
) -> None:
    for _ in range(2):  # the first prepares the statements
        wire.clear()
        tokens = browser.redeem(browser.code(citizen)).json
        assert tokens is not None
        assert browser.userinfo(tokens["access_token"]).status_code == 200

    assert wire.round_trips == 5


@on_postgresql
def test_refresh_costs_two_round_trips(browser: Browser, citizen: Person, wire: Traced) -> None:
    tokens = browser.redeem(browser.code(citizen)).json
    assert tokens is not None
    for _ in range(2):
        wire.clear()
        tokens = browser.token(
            grant_type="refresh_token", refresh_token=tokens["refresh_token"]
        ).json
        assert tokens is not None

    assert wire.round_trips == 2


@on_postgresql
def test_client_credentials_and_introspection_cost_one_round_trip_each(
    browser: Browser, wire: Traced
) -> None:
    introspect(browser, machine_token(browser))  # prepares the statements
    wire.clear()

    token = machine_token(browser)
    assert wire.round_trips == 1
    introspect(browser, token)

    assert wire.round_trips == 2


@on_postgresql
def test_a_sign_in_by_password_costs_fourteen_round_trips_and_none_by_way_of_sqlalchemy(
    provider: Provider, browser: Browser, citizen: Person, wire: Traced
) -> None:
    """In: 1. Its page: 2. The password: 7, of them 4 before it is compared. On to the app: 4."""
    detours: list[str] = []

    for _ in range(2):  # the first prepares the statements, and has its page drawn
        stranger = Browser.of(browser.client.application)
        wire.clear()
        detours.clear()
        with told_of(provider, detours):
            stranger.code(citizen)

    assert (wire.round_trips, detours) == (14, [])


@on_postgresql
def test_a_judges_sign_in_costs_five_round_trips_and_none_by_way_of_sqlalchemy(
    provider: Provider, wire: Traced
) -> None:
    """Whose entry it is, the account, the office, the browser; what is new goes with the commit."""
    judge = people.add(
        provider, Person("WANG.DM@COURT", Kind.JUDGE, Profile(name=WANG.name), "", "")
    ).account
    assert judge is not None
    with provider.database.write() as tx:
        identities.take(tx, WANG.identity.kind, WANG.identity.key, judge.id)
    means = concluding.by_ticket(SECTION)
    at_work = Desk(b"", "device", "Browser/1.0", "zh-Hant")
    detours: list[str] = []

    for _ in range(3):  # the first writes down the office, the second prepares
        wire.clear()
        detours.clear()
        with told_of(provider, detours), provider.database.write() as tx:
            done = provider.directory_signing_in.record(tx, WANG, means, at_work, client_id=None)
            assert isinstance(done, SignedIn)

    assert (wire.round_trips, detours) == (5, [])


@contextmanager
def told_of(provider: Provider, statements: list[str]) -> Iterator[None]:
    """List what goes to the database through SQLAlchemy's execution."""

    def told(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(provider.database.writing, "before_cursor_execute", told)
    yield
    event.remove(provider.database.writing, "before_cursor_execute", told)


def machine_token(browser: Browser) -> str:
    document: Any = browser.token("machine", grant_type="client_credentials").json
    return str(document["access_token"])


def introspect(browser: Browser, token: str) -> None:
    basic = "Basic " + b64encode(f"machine:{SECRET}".encode()).decode()
    document: Any = browser.post("/introspect", {"token": token}, Authorization=basic).json
    assert document["active"]


@on_postgresql
def test_what_is_claimed_is_changed_where_it_lies_and_no_index_is_written_again(
    provider: Provider, browser: Browser, citizen: Person
) -> None:
    """PostgreSQL manual, "Heap-Only Tuples": no indexed column changes, and the page has room."""
    codes = [browser.code(citizen) for _ in range(40)]  # more than a page holds
    for code in codes:
        tokens = browser.redeem(code).json
        assert tokens is not None
        browser.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    provider.database.dispose()  # a server process tells what it counted when it ends

    with provider.database.write() as tx:
        seen = {row.relname: row for row in tx.execute(_UPDATED)}

    for table in ("authorizations", "refresh_tokens"):
        assert seen[table].n_tup_upd >= 40
        assert seen[table].n_tup_hot_upd == seen[table].n_tup_upd


_UPDATED = text("SELECT relname, n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables")
