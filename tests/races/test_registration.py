"""A client changes its registration while an operator removes it: the operator prevails."""

from typing import Any

import pytest

from idp.config import Config
from idp.database.transaction import Transaction, open_database
from idp.oidc import clients
from idp.oidc.model import Client
from idp.provider import Provider
from tests.people import Browser
from tests.protocol.test_dynamic_registration import configured, manage, refused, register


@pytest.fixture
def config() -> Config:
    return configured(mode="open", profiles=["oidc"])


# SQLite lets nobody write between a look and a change: see idp.database.engine.
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_a_change_on_its_way_does_not_undo_an_operators_removal(
    browser: Browser,
    provider: Provider,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
) -> None:
    """The removal comes from another process, between the look at the record and the change."""
    client = register(browser)
    document = {name: client[name] for name in ("client_id", "redirect_uris")}
    operators = open_database(database_url, provider.database.clock, connections=2)
    look, looks = clients.read, iter([False, True])

    def look_and_be_overtaken(tx: Transaction, client_id: str) -> Client | None:
        found = look(tx, client_id)
        if next(looks):
            with operators.write() as removing:
                assert clients.remove(removing, client_id)
        return found

    monkeypatch.setattr(clients, "read", look_and_be_overtaken)
    answer = manage(browser, client, method, document if method == "PUT" else None)
    operators.dispose()

    assert refused(answer) == (401, "invalid_token")
    with provider.database.read() as tx:
        held: Any = look(tx, client["client_id"])
    assert held.disabled


def test_only_the_token_on_record_changes_a_registration(
    browser: Browser, provider: Provider
) -> None:
    client = register(browser)
    with provider.database.read() as tx:
        held: Any = clients.read(tx, client["client_id"])

    with provider.database.write() as tx:
        assert not clients.change_own(tx, held.registration, b"of another")
