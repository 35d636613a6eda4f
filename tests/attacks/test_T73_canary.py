"""T73: marked secrets go through every journey and are found nowhere they must not be."""

import io
import logging
from collections.abc import Iterator

import pytest
from sqlalchemy import inspect, text

from idp.cli.logs import JsonLines
from idp.provider import Provider
from tests.people import Browser, Person, add, answer

CANARY = "canary-7Q9x-password"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield written
    root.removeHandler(handler)
    root.setLevel(level)


def everything_kept(portico: Provider) -> str:
    """Read every text of every table as an attacker with a dump would."""
    found: list[str] = []
    with portico.database.read() as tx:
        for table in inspect(portico.database.reading).get_table_names():
            rows = tx.execute(text(f'SELECT * FROM "{table}"'))  # noqa: S608 - our own tables
            found.extend(f"{table}: {tuple(row)!r}" for row in rows)
    return "\n".join(found)


def test_T73_secrets_are_in_no_log_row_address_or_page(
    provider: Provider, log: io.StringIO
) -> None:
    citizen = add(provider, Person("CANARY1", password=CANARY, email="canary@people.example"))
    browser = Browser.on(provider)
    pages: list[str] = []

    browser.authorize()
    pages.append(browser.sign_in(citizen, CANARY + "-wrong").text)
    browser.authorize()
    browser.sign_in(citizen)
    code = answer(browser.last)["code"]
    tokens = browser.redeem(code).json
    assert tokens is not None
    browser.redeem(code)
    browser.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    browser.client.get("/userinfo", query_string={"access_token": tokens["access_token"]})
    browser.post("/token", {"grant_type": CANARY, "client_secret": CANARY, "client_id": "app"})
    session = browser.client.get_cookie("__Host-portico_session", "sso.example")
    assert session is not None
    pages += [browser.get("/").text, browser.get("/authorize", client_id=CANARY).text]

    secrets = {
        "password": CANARY,
        "code": code,
        "access token": tokens["access_token"],
        "refresh token": tokens["refresh_token"],
        "ID token": tokens["id_token"],
        "session cookie": session.value,
        "e-mail": "canary@people.example",
    }
    kept, logged, shown = everything_kept(provider), log.getvalue(), "\n".join(pages)
    for name, secret in secrets.items():
        assert secret not in logged, f"{name} in the log"
        assert secret not in shown, f"{name} on a page"
        assert all(secret not in step for step in browser.trail), f"{name} in an address"
        if name != "e-mail":  # an address is kept to write to; sealing it comes with its index
            assert secret not in kept, f"{name} in the database"
