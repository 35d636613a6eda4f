"""A provider and the case query, each on a port of its own, and a person who visits both.

Both run in this process on one movable clock, and speak to each other over real HTTP.
"""

import contextlib
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self
from wsgiref.types import WSGIApplication

import httpx2
from sqlalchemy import text
from werkzeug.serving import WSGIRequestHandler, make_server

from clients.casequery import account_pages, accounts, demo, views
from clients.casequery import app as casequery
from clients.kit import link_endpoint, signin
from clients.kit.config import (
    DatabaseSection,
    KitConfig,
    LinkingSection,
    ProviderSection,
    ServerSection,
)
from clients.kit.database import Table, open_database
from clients.kit.pages import App, create_app
from idp import worker
from idp.provider import Provider
from idp.web import create_app as create_provider
from migrations import runner
from tests.clock import MovableClock
from tests.people import PASSWORD, SECRET, Person

LOCAL_PASSWORD = "the old key of the case room"


@dataclass
class Pair:
    """What runs, and what went over the wire to the app."""

    provider: Provider
    issuer: str
    app: App
    url: str
    clock: MovableClock
    requests: list[dict[str, str]] = field(default_factory=list)
    """The forms that the provider posted to the app's ``link_uri``."""
    deaf: bool = False
    """The app takes what it is sent, and its answer is lost on the way."""

    def run(self, *names: str) -> None:
        """Let the provider's worker do what it does every few seconds."""
        for one in worker.rounds(self.provider):
            if one.name in names:
                one.work()

    def open_account(self, name: str, password: str = LOCAL_PASSWORD) -> None:
        """Open an account of the case query's own."""
        with self.app.database.write() as tx:
            accounts.add(tx, name, accounts.hashed(password))

    def links(self) -> list[tuple[Any, ...]]:
        """List what the app has linked: sub and account."""
        with self.app.database.read() as tx:
            rows = tx.execute(text("SELECT sub, account FROM links ORDER BY sub"))
            return [tuple(row) for row in rows]

    def states(self) -> list[str]:
        """List the states of the provider's rows, oldest first."""
        with self.provider.database.read() as tx:
            rows = tx.execute(text("SELECT state FROM account_links ORDER BY begun_at, id"))
            return [row.state for row in rows]


@dataclass
class Visitor:
    """A browser without JavaScript."""

    pair: Pair
    http: httpx2.Client
    page: httpx2.Response | None = None

    @classmethod
    def of(cls, pair: Pair) -> Self:
        """Open a browser without cookies."""
        language = {"Accept-Language": "en"}
        return cls(pair, httpx2.Client(follow_redirects=True, timeout=20, headers=language))

    @property
    def at(self) -> str:
        """The address of the page at hand."""
        assert self.page is not None
        return str(self.page.url)

    @property
    def text(self) -> str:
        """What the page at hand says."""
        assert self.page is not None
        return self.page.text

    def get(self, url: str, **query: str) -> httpx2.Response:
        """Open an address, and follow where it leads."""
        self.page = self.http.get(url, params=query or None)
        return self.page

    def submit(self, form_id: str, **typed: str) -> httpx2.Response:
        """Send a form of the page at hand, with what its hidden fields hold."""
        form = re.search(rf'<form[^>]*id="{form_id}".*?</form>', self.text, re.DOTALL)
        assert form, f"no {form_id} at {self.at}: {self.text}"
        action = re.search(r'action="([^"]*)"', form[0])
        hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form[0]))
        assert action
        target = str(httpx2.URL(self.at).join(action[1].replace("&amp;", "&")))
        self.page = self.http.post(target, data=hidden | typed)
        return self.page

    def sign_in(self, person: Person, path: str = "/cases") -> httpx2.Response:
        """Go to the app and sign in where it sends everybody."""
        self.get(f"{self.pair.url}{path}")
        return self.submit("login-form", username=person.account_name, password=PASSWORD)

    def link(self, account: str, password: str = LOCAL_PASSWORD) -> httpx2.Response:
        """Fill in the binding page at hand."""
        return self.submit("link-form", account=account, password=password, action="link")


def registration(port: int, **changes: Any) -> dict[str, Any]:
    """Write the registration of the case query at a port, with changes."""
    at = f"http://127.0.0.1:{port}"
    return {
        "redirect_uris": [f"{at}/signin/callback"],
        "post_logout_redirect_uris": [f"{at}/"],
        "names": {"en": "Case progress query"},
        "home_uri": f"{at}/",
        "link_uri": f"{at}/linking",
        "jwks_uri": f"{at}/linking/jwks",
        "scope": "openid profile",
        **changes,
    }


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's name
        pass


@contextlib.contextmanager
def served(app: WSGIApplication, port: int) -> Iterator[None]:
    """Serve on loopback until the block ends."""
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def linked_apps(
    provider: Provider,
    clock: MovableClock,
    port: int,
    folder: Path,
    app_url: str,
    *,
    signs: bool = False,
) -> Iterator[Pair]:
    """Serve both; the client ``casequery`` has to be registered with this port.

    Args:
        app_url: the database of the app.
        signs: the app proves itself with a key of its own, not with a secret.
    """
    issuer, url = provider.config.provider.issuer, f"http://127.0.0.1:{port}"
    config = KitConfig(
        server=ServerSection(port=port, base_url=url),
        provider=ProviderSection(
            issuer=issuer,
            client_id="casequery",
            client_secret="" if signs else SECRET,
            key_file=str(folder / "client-key.json") if signs else "",
        ),
        database=DatabaseSection(url=app_url),
        linking=LinkingSection(required=True, key_file=str(folder / "link-key.json")),
    )
    built = casequery.build(config)
    database = open_database(config.database.url, clock)
    parts = replace(
        built,
        database=database,
        provider=replace(built.provider, clock=clock),
        accounts=accounts.Accounts(database),
    )
    with database.write() as tx:
        runner.upgrade(tx.connection, "casequery", Table.metadata)
    demo.seed(database, issuer, None)
    pair = Pair(provider, issuer, parts, url, clock)
    pages = (signin.pages, link_endpoint.endpoint, views.pages, account_pages.pages)
    flask = create_app(parts, pages, package=casequery.HERE, import_name="casequery")

    @flask.after_request
    def _listen(response: Any) -> Any:
        from flask import request

        if request.path == "/linking" and request.method == "POST":
            pair.requests.append(request.form.to_dict())
            if pair.deaf:
                response.status_code = 502
        return response

    provider_port = int(issuer.rpartition(":")[2])
    with served(create_provider(provider), provider_port), served(flask, port):
        yield pair
    database.engine.dispose()
    built.database.engine.dispose()
