"""Per-request work is counted: statements and commits of each step of the flow."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import event

from idp.provider import Provider
from tests.clock import MovableClock
from tests.people import Browser, Person, answer


@contextmanager
def counted(portico: Provider) -> Iterator[Counter[str]]:
    """Count what reaches the database inside the block."""
    seen: Counter[str] = Counter()

    def statement(*_: object) -> None:
        seen["statements"] += 1

    def commit(_: object) -> None:
        seen["commits"] += 1

    engines = (portico.database.writing, portico.database.reading)
    for engine in engines:
        event.listen(engine, "after_cursor_execute", statement)
    event.listen(portico.database.writing, "commit", commit)
    yield seen
    for engine in engines:
        event.remove(engine, "after_cursor_execute", statement)
    event.remove(portico.database.writing, "commit", commit)
    if portico.database.writing.dialect.name == "sqlite":
        seen["statements"] -= seen["commits"]  # BEGIN IMMEDIATE is ours there, and is one
    for name in [name for name, times in seen.items() if not times]:
        del seen[name]


def test_with_a_session_authorize_costs_one_read_two_inserts_and_one_commit(
    browser: Browser, citizen: Person, provider: Provider
) -> None:
    browser.code(citizen)

    with counted(provider) as seen:
        browser.authorize()

    assert "code" in answer(browser.last)
    assert seen == {"statements": 3, "commits": 1}


def test_the_token_endpoint_costs_one_claim_two_inserts_and_one_commit(
    browser: Browser, citizen: Person, provider: Provider
) -> None:
    browser.redeem(browser.code(citizen))
    code = browser.code(citizen)

    with counted(provider) as seen:
        assert browser.redeem(code).status_code == 200

    assert seen == {"statements": 3, "commits": 1}


def test_refresh_costs_the_same(browser: Browser, citizen: Person, provider: Provider) -> None:
    tokens = browser.redeem(browser.code(citizen)).json
    assert tokens is not None

    with counted(provider) as seen:
        browser.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])

    assert seen == {"statements": 3, "commits": 1}


def test_userinfo_costs_one_look_up_and_no_commit(
    browser: Browser, citizen: Person, provider: Provider
) -> None:
    tokens = browser.redeem(browser.code(citizen)).json
    assert tokens is not None

    with counted(provider) as seen:
        browser.userinfo(tokens["access_token"])

    assert seen == {"statements": 1}


def test_client_credentials_cost_the_audit_row_alone(browser: Browser, provider: Provider) -> None:
    browser.token("machine", grant_type="client_credentials")

    with counted(provider) as seen:
        browser.token("machine", grant_type="client_credentials")

    assert seen == {"statements": 1, "commits": 1}


def test_jwks_and_discovery_ask_nobody(browser: Browser, provider: Provider) -> None:
    browser.get("/jwks")
    browser.get("/.well-known/openid-configuration")

    with counted(provider) as seen:
        browser.get("/jwks")
        browser.get("/.well-known/openid-configuration")

    assert seen == {}


def test_what_is_kept_in_memory_is_read_again_when_it_has_grown_old(
    browser: Browser, provider: Provider, clock: MovableClock
) -> None:
    browser.get("/jwks")
    clock.advance(timedelta(seconds=5))

    with counted(provider) as seen:
        browser.get("/jwks")

    assert seen == {"statements": 1}
