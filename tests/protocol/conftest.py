"""The Foundation's modules, twice: in this process, and over HTTP against real workers.

A test named after a module takes a ``browser``. In its second run that browser speaks to a
provider of two worker processes on the same database, through a WSGI application that does
nothing but send each request on. Tests that move the clock stay in this process: nobody
moves the time of another.
"""

import http.client
import inspect
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from flask import Flask

from idp.clock import system_clock
from idp.config import Config
from idp.provider import Provider
from tests import people
from tests.clock import MovableClock
from tests.races.harness import running

_MODULES = ("test_oidcc_", "test_fapi")
_OF_THIS_PROCESS = ("clock.advance", "provider", "Browser.on", "client.application")
_NOT_SENT_ON = {"connection", "transfer-encoding"}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the modules' tests a second time, where nothing in them needs this process."""
    function = metafunc.function
    if "browser" not in metafunc.fixturenames or not function.__name__.startswith(_MODULES):
        return
    source = inspect.getsource(function)
    if not any(word in source for word in _OF_THIS_PROCESS):
        metafunc.parametrize("over", ["wsgi", "http"], indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item], config: pytest.Config) -> None:
    """Over HTTP on PostgreSQL alone: what differs between databases is seen in this process."""
    kept = [item for item in items if not _is_twofold(item)]
    config.hook.pytest_deselected(items=[item for item in items if _is_twofold(item)])
    items[:] = kept


def _is_twofold(item: pytest.Item) -> bool:
    told = getattr(item, "callspec", None)
    params = told.params if told else {}
    return params.get("over") == "http" and params.get("database_url") != "postgresql"


@pytest.fixture
def over(request: pytest.FixtureRequest) -> str:
    return str(getattr(request, "param", "wsgi"))


@pytest.fixture
def clock(over: str) -> MovableClock:
    """Over HTTP the time is the machine's: the other process asks nobody for it."""
    return MovableClock(system_clock()) if over == "http" else MovableClock()


@pytest.fixture
def browser(
    over: str, provider: Provider, config: Config, database_url: str, tmp_path: Path
) -> Iterator[people.Browser]:
    """A browser on the provider: in this process, or over HTTP on its worker processes."""
    local = people.Browser.on(provider)
    if over == "wsgi":
        yield local
        return
    with running(tmp_path, database_url, workers=2, settings=_settings(config)) as remote:
        app = Flask("over HTTP")
        app.wsgi_app = _Onward(int(remote.url.rpartition(":")[2]))  # type: ignore[method-assign]
        client = app.test_client()
        client.environ_base |= local.client.environ_base
        yield people.Browser(client)


def _settings(config: Config) -> dict[str, str]:
    """Write a test's configuration as environment variables."""
    tree: dict[str, Any] = msgspec.to_builtins(config)
    found = {"PORTICO__CLIENTS": msgspec.json.encode(tree.pop("clients")).decode()}
    for section in ("provider", "captcha", "tokens", "registration", "fetch", "keys", "mtls"):
        for key, value in tree[section].items():
            if key != "kek_file":
                plain = isinstance(value, str)
                text = value if plain else msgspec.json.encode(value).decode()
                found[f"PORTICO__{section}__{key}".upper()] = text
    trusted = msgspec.json.encode(config.server.trusted_proxies).decode()
    return found | {"PORTICO__SERVER__TRUSTED_PROXIES": trusted}


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
