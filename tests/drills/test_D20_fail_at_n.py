"""Every statement of every flow fails once: what was asked for then happened whole or not at all.

The driver breaks off the Nth statement or commit before SQLite sees it. A failed answer holds
no token, and the same request, sent again, succeeds: nothing that is good once was used up.
"""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import event
from werkzeug.test import TestResponse

from idp.audit import checkpoint
from idp.provider import Provider
from idp.secret import Keychain
from tests.conftest import Enrol
from tests.people import CALLBACK, VERIFIER, Browser, Person, answer, request_of
from tests.protocol.test_pushed_requests import pushed

pytestmark = [
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
    pytest.mark.timeout(120),
]
_MOST = 40  # statements: more than any request makes
_UNCOUNTED = ("BEGIN", "ROLLBACK", "PRAGMA")


@dataclass
class Fuse:
    """Breaks off one statement or commit; counts from when it was set."""

    left: int = 0
    blown: bool = False

    def set(self, number: int) -> None:
        self.left, self.blown = number, False

    def pass_on(self, statement: str) -> None:
        """Let a statement through, or break it off before the database has seen it."""
        if self.left and not statement.startswith(_UNCOUNTED):
            self.left -= 1
            if self.left == 0:
                self.blown = True
                raise sqlite3.OperationalError("broken off")


def fused(fuse: Fuse) -> type[sqlite3.Connection]:
    """Make a driver connection whose every statement goes through ``fuse``."""

    class Cursor(sqlite3.Cursor):
        def execute(self, sql: str, *parameters: Any) -> Any:
            fuse.pass_on(sql)
            return super().execute(sql, *parameters)

    class Connection(sqlite3.Connection):
        def cursor(self, *_: Any) -> Any:
            return super().cursor(Cursor)

        def execute(self, sql: str, *parameters: Any) -> Any:
            return self.cursor().execute(sql, *parameters)

    return Connection


Act = Callable[[], TestResponse]


@pytest.fixture
def fuse(provider: Provider, keys: Keychain) -> Iterator[Fuse]:
    """A fuse in every connection; at the end the audit log has to be whole."""
    one = Fuse()
    database = provider.database
    engines = (database.writing, database.reading)

    def connect(_: Any, __: Any, words: list[Any], named: dict[str, Any]) -> sqlite3.Connection:
        return sqlite3.connect(*words, **named, factory=fused(one))

    database.dispose()
    for engine in engines:
        event.listen(engine, "do_connect", connect)
    yield one
    one.set(0)
    for engine in engines:
        event.remove(engine, "do_connect", connect)
    with database.read() as tx:
        assert checkpoint.verify(tx, keys.key("audit")).ok


def drill(fuse: Fuse, prepare: Callable[[], Act], good: Callable[[TestResponse], bool]) -> int:
    """Fail each statement of an act in turn; gives how many there were."""
    for number in range(1, _MOST):
        act = prepare()
        fuse.set(number)
        first = act()
        if not fuse.blown:
            assert good(first), first.text
            return number - 1
        if good(first):
            continue  # what fails in the shortcut of /authorize, its page does again
        assert first.status_code >= 400 or "code=" not in first.headers.get("Location", "")
        assert "access_token" not in first.text
        second = act()
        assert good(second), (number, second.status_code, second.text[:500])
    raise AssertionError("it never came to an end")


def is_ok(response: TestResponse) -> bool:
    return response.status_code in {200, 201}


def leads_to_the_app(response: TestResponse) -> bool:
    return "code=" in response.headers.get("Location", "")


def form_of(code: str) -> dict[str, str]:
    return {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }


def test_D20_an_authorization(fuse: Fuse, browser: Browser, citizen: Person) -> None:
    browser.code(citizen)

    def prepare() -> Act:
        return lambda: browser.get("/authorize", **request_of("app"))

    assert drill(fuse, prepare, leads_to_the_app) >= 2


def test_D20_a_code_is_redeemed(fuse: Fuse, browser: Browser, citizen: Person) -> None:
    def prepare() -> Act:
        code = browser.code(citizen)
        return lambda: browser.token("app", **form_of(code))

    assert drill(fuse, prepare, is_ok) >= 3


def test_D20_a_refresh(fuse: Fuse, browser: Browser, citizen: Person) -> None:
    def prepare() -> Act:
        code = browser.code(citizen, scope="openid offline_access")
        bought: Any = browser.token("app", **form_of(code)).json
        form = {"grant_type": "refresh_token", "refresh_token": bought["refresh_token"]}
        return lambda: browser.token("app", **form)

    assert drill(fuse, prepare, is_ok) >= 3


def test_D20_a_password_sign_in(fuse: Fuse, browser: Browser, citizen: Person) -> None:
    def prepare() -> Act:
        browser.client.delete_cookie("__Host-portico_session", domain="sso.example")
        browser.authorize("app")
        fields = browser.hidden() | {
            "username": citizen.account_name,
            "password": citizen.password,
        }
        return lambda: browser.post("/signin/password", fields)

    def goes_on(response: TestResponse) -> bool:
        return response.status_code == 303 and "/authorize/continue" in response.headers["Location"]

    assert drill(fuse, prepare, goes_on) >= 6


def test_D20_a_device_is_allowed_and_fetches_its_tokens(
    fuse: Fuse, browser: Browser, citizen: Person, enrol: Enrol
) -> None:
    grant = "urn:ietf:params:oauth:grant-type:device_code"
    enrol("tv", token_endpoint_auth_method="none", secret_sha256="", grant_types=[grant])
    browser.code(citizen)
    begun: dict[str, Any] = {}

    def begin() -> dict[str, str]:
        form = {"client_id": "tv", "scope": "openid"}
        begun.update(browser.post("/device_authorization", form).json or {})
        browser.get("/device")
        return {"csrf_token": browser.hidden()["csrf_token"], "user_code": begun["user_code"]}

    def decide() -> Act:
        fields = begin() | {"decision": "allow"}
        return lambda: browser.post("/device", fields)

    def poll() -> Act:
        browser.post("/device", begin() | {"decision": "allow"})
        form = {"grant_type": grant, "device_code": begun["device_code"], "client_id": "tv"}
        return lambda: browser.post("/token", form)

    def is_allowed(response: TestResponse) -> bool:
        return "outcome=allowed" in response.headers.get("Location", "")

    assert drill(fuse, decide, is_allowed) >= 3
    assert drill(fuse, poll, is_ok) >= 3


def test_D20_a_pushed_request_is_answered(fuse: Fuse, browser: Browser, citizen: Person) -> None:
    browser.code(citizen)

    def prepare() -> Act:
        reference = pushed(browser)
        return lambda: browser.get("/authorize", client_id="app", request_uri=reference)

    assert drill(fuse, prepare, leads_to_the_app) >= 3
    assert answer(browser.last)["state"] == "state of the app"
