"""Fixtures every level shares. A test gets a real database and a clock it can move."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import settings

from idp import assembly, worker
from idp.assembly import root_key
from idp.config import ClientSection, Config, DatabaseSection
from idp.database.columns import Table
from idp.database.transaction import Database, open_database
from idp.oidc import clients
from idp.provider import Provider
from idp.secret import Keychain, keychain
from migrations import runner
from tests import people
from tests.clock import MovableClock
from tests.labs import compiled, namespaces, postgres, quick
from tests.labs.shell import Shell

if TYPE_CHECKING:
    from playwright.sync_api import Playwright
    from xdist.remote import Producer
    from xdist.scheduler import Scheduling

pytest_plugins = ["tests.labs.cards", "tests.labs.samba_ad"]

# A run of all tests says the same of the same code; what nobody thought of is looked for apart:
# `make test ARGS='--hypothesis-profile=searching'`.
settings.register_profile("repeatable", derandomize=True)
settings.register_profile("searching", print_blob=True)
settings.load_profile("repeatable")

compiled.once()
# Nothing that is tested calls the world. To read whom the world trusts takes every provider,
# every command and every client of ours longer than most tests do.
os.environ["SSL_CERT_FILE"] = str(Path(__file__).with_name("labs") / "nobody.pem")

ROOT_KEY = bytes(range(32))
Enrol = Callable[..., ClientSection]


def pytest_configure(config: pytest.Config) -> None:
    """Let tests listen where a domain controller has to, whoever runs them."""
    namespaces.enter(config)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: "Producer") -> "Scheduling":
    """Deal tests out by lots. A mark cannot say it: pytest 9.2 keeps xdist from reading it."""
    from tests.labs.lots import ByLot

    return ByLot(config, log)


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def keys() -> Keychain:
    """A keychain on a fixed root: what is derived from it can be told again."""
    return keychain(ROOT_KEY)


@pytest.fixture(scope="session")
def quick_cluster() -> Iterator[postgres.Cluster]:
    """PostgreSQL without fsync, one a test process: for statements, not for durability."""
    with postgres.cluster(durable=False) as running:
        yield running


@pytest.fixture(scope="session")
def playwright() -> Iterator["Playwright"]:
    """Playwright's driver, one a test process: its loop stays in this thread, and alone."""
    from playwright.sync_api import sync_playwright  # most test processes need no browser

    with sync_playwright() as running:
        yield running


def furnish(url: str) -> None:
    """Migrate a database and give it signing keys and the clients of ``people.CLIENTS``."""
    config = Config(database=DatabaseSection(url=url), clients=list(people.CLIENTS))
    opened = open_database(url, MovableClock(), connections=2)
    with opened.write() as tx:
        runner.upgrade(tx.connection, "idp", Table.metadata)
    portico = assembly.assemble(config, opened, keychain(ROOT_KEY))
    worker.rotate_keys(portico)
    people.register(portico)
    opened.dispose()


@pytest.fixture(scope="session")
def quick_folder() -> Iterator[Path]:
    """Where SQLite need not wait for a disk: for statements, not for durability."""
    with tempfile.TemporaryDirectory(prefix="portico-sqlite-", dir=quick.place()) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def furnished_file(quick_folder: Path) -> Path:
    path = quick_folder / "furnished.sqlite"
    furnish(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def furnished_template(quick_cluster: postgres.Cluster) -> str:
    name = "furnished"
    furnish(quick_cluster.create(name))
    return name


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A furnished database of each kind that we promise to run on, copied for this test."""
    yield from furnished_database(request)


def furnished_database(request: pytest.FixtureRequest) -> Iterator[str]:
    """Give the URL of a copy, and drop it afterwards."""
    if request.param == "sqlite":
        furnished: Path = request.getfixturevalue("furnished_file")
        folder = Path(tempfile.mkdtemp(dir=furnished.parent))
        shutil.copy(furnished, folder / "idp.sqlite")
        yield f"sqlite:///{folder / 'idp.sqlite'}"
        shutil.rmtree(folder, ignore_errors=True)
        return
    template: str = request.getfixturevalue("furnished_template")
    running: postgres.Cluster = request.getfixturevalue("quick_cluster")
    name = f"t{os.getpid()}_{os.urandom(6).hex()}"
    yield running.create(name, template=template)
    running.drop(name)


@pytest.fixture
def app_url(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Iterator[str]:
    """An empty database for an app, of the kind that the provider has."""
    if database_url.startswith("sqlite"):
        yield f"sqlite:///{tmp_path / 'casequery.sqlite'}"
        return
    running: postgres.Cluster = request.getfixturevalue("quick_cluster")
    name = f"app{os.getpid()}_{os.urandom(6).hex()}"
    yield running.create(name)
    running.drop(name)


@pytest.fixture
def database(database_url: str, clock: MovableClock) -> Iterator[Database]:
    opened = open_database(database_url, clock, connections=18)
    yield opened
    opened.dispose()


@pytest.fixture
def config() -> Config:
    """The configuration of a test; a test module overrides it for its own."""
    return people.CONFIG


@pytest.fixture
def provider(config: Config, database: Database, keys: Keychain) -> Provider:
    return assembly.assemble(config, database, keys)


@pytest.fixture
def shell(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """The command line on the database of the test."""
    monkeypatch.setenv(root_key.KEK_ENVIRONMENT, ROOT_KEY.hex())
    path = tmp_path / "config.toml"
    path.write_text(
        f'[database]\nurl = "{database_url}"\n[password]\nmemory_kib = 7168\ntime_cost = 1\n'
    )
    return Shell(path)


@pytest.fixture
def citizen(provider: Provider) -> people.Person:
    return people.add(provider, people.CITIZEN)


@pytest.fixture
def browser(provider: Provider) -> people.Browser:
    """A browser on the provider, over WSGI."""
    return people.Browser.on(provider)


@pytest.fixture
def enrol(provider: Provider) -> Enrol:
    """Registers a client like ``app`` with changes; gives its registration."""

    def register(client_id: str, **changes: Any) -> ClientSection:
        fields = msgspec.to_builtins(people.APP) | {"client_id": client_id} | changes
        registration = msgspec.convert(fields, ClientSection)
        with provider.database.write() as tx:
            clients.add(tx, registration, source="operator")
        return registration

    return register
