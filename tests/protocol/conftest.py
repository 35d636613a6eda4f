"""The Foundation's modules, twice: in this process, and over HTTP against real workers.

A test that is called as a module is speaks to the provider by its ``browser``. In the second
run that browser's requests go to two worker processes, through a WSGI application that does
nothing but send each on. In this process the database is SQLite, over HTTP it is PostgreSQL;
a test of another name runs in this process on both.
"""

import http.client
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec
import pytest
from flask import Flask

from idp import worker
from idp.config import Config, Section
from idp.provider import Provider
from tests import people
from tests.clock import MovableClock
from tests.conftest import furnished_database
from tests.labs import foundation
from tests.labs.resident import Resident
from tests.races.harness import Running

_NOT_SENT_ON = {"connection", "transfer-encoding"}
_ONCE = ("code", "id_token", "code id_token", "private_key_jwt dpop", "poll")
"""The ways that a module is run in this process, on SQLite."""
_OF_THE_RUN = ("clients", "directories", "database", "password", "server")
"""Sections that the provider over HTTP is not given as they stand."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a module's test in each of its ways, and all of that a second time over HTTP."""
    module = foundation.modules().get(metafunc.function.__name__)
    if module is None:
        return
    metafunc.parametrize("over", ["wsgi", "http"], indirect=True)
    if "run" in metafunc.fixturenames and module.every_run:
        metafunc.parametrize("run", module.every_run)


def pytest_collection_modifyitems(items: list[pytest.Item], config: pytest.Config) -> None:
    """Over HTTP on PostgreSQL in every way, in this process on SQLite in some."""
    kept = [item for item in items if not _is_seen_elsewhere(item)]
    config.hook.pytest_deselected(items=[item for item in items if _is_seen_elsewhere(item)])
    items[:] = kept


def _is_seen_elsewhere(item: pytest.Item) -> bool:
    told = getattr(item, "callspec", None)
    params = told.params if told else {}
    over = params.get("over")
    if over == "wsgi" and params.get("run", _ONCE[0]) not in _ONCE:
        return True  # what differs by the database differs in one way of a module as in all
    return (over, params.get("database_url")) in {("http", "sqlite"), ("wsgi", "postgresql")}


@pytest.fixture
def over(request: pytest.FixtureRequest) -> str:
    return str(getattr(request, "param", "wsgi"))


@pytest.fixture(scope="session")
def resident(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Resident]:
    """The provider over HTTP; nothing is started before a test asks for it."""
    cluster = request.getfixturevalue("quick_cluster")
    template = request.getfixturevalue("furnished_template")
    one = Resident(tmp_path_factory.mktemp("resident"), cluster, template)
    yield one
    one.leave()


@pytest.fixture
def remote(over: str, request: pytest.FixtureRequest) -> Running | None:
    """The provider over HTTP, as new; ``None`` in a run that stays in this process."""
    if over == "wsgi":
        return None
    one: Resident = request.getfixturevalue("resident")
    config: Config = request.getfixturevalue("config")
    return one.as_new(_settings(config))


@pytest.fixture
def clock(remote: Running | None, request: pytest.FixtureRequest) -> MovableClock:
    """Over HTTP the time goes by itself; in both runs a test can move it."""
    return request.getfixturevalue("resident").clock if remote else MovableClock()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(remote: Running | None, request: pytest.FixtureRequest) -> Iterator[str]:
    """A furnished database of the test's own, or over HTTP the provider's."""
    if remote:
        yield request.getfixturevalue("resident").database_url
    else:
        yield from furnished_database(request)


@pytest.fixture
def browser(remote: Running | None, provider: Provider) -> people.Browser:
    """A browser on the provider: in this process, or over HTTP on its worker processes."""
    if remote is None:
        return people.Browser.on(provider)
    app = Flask("over HTTP")
    app.wsgi_app = _Onward(remote.port)  # type: ignore[method-assign]
    return people.Browser.of(app)


@pytest.fixture
def rounds(remote: Running | None, provider: Provider) -> Callable[[], None]:
    """What the worker does, once: send notices, sweep, rotate keys."""
    loop = worker.Loop(worker.rounds(provider), provider.database.clock)
    return remote.rounds if remote else loop.run_due


def _settings(config: Config) -> dict[str, str]:
    """Write what differs in a test's configuration as environment variables."""
    found = {"PORTICO__CLIENTS": msgspec.json.encode(config.clients).decode()}
    trusted = msgspec.json.encode(config.server.trusted_proxies).decode()
    found["PORTICO__SERVER__TRUSTED_PROXIES"] = trusted
    for section in set(Config.__struct_fields__) - set(_OF_THE_RUN):
        record: Section = getattr(config, section)
        usual = msgspec.to_builtins(type(record)())
        for key, value in msgspec.to_builtins(record).items():
            if value != usual[key]:
                text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
                found[f"PORTICO__{section}__{key}".upper()] = text
    return found


class _Onward:
    """A WSGI application that sends each request on to a port of this machine."""

    def __init__(self, port: int) -> None:
        self._port = port

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"].encode("latin-1")
        target = "".join(
            chr(b) if 0x21 <= b < 0x7F and b not in b"?#%" else f"%{b:02X}" for b in path
        )
        if environ["QUERY_STRING"]:
            target += f"?{environ['QUERY_STRING']}"
        headers = {
            name[5:].replace("_", "-"): value
            for name, value in environ.items()
            if name.startswith("HTTP_")
        }
        if environ.get("CONTENT_TYPE"):
            headers["Content-Type"] = environ["CONTENT_TYPE"]
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request(environ["REQUEST_METHOD"], target, body or None, headers)
            answer = connection.getresponse()
            content = answer.read()
        except TimeoutError:
            raise AssertionError("no answer within 30 seconds") from None
        finally:
            connection.close()
        kept = [(n, v) for n, v in answer.getheaders() if n.lower() not in _NOT_SENT_ON]
        start_response(f"{answer.status} {answer.reason}", kept)
        return [content]
