"""A provider of real worker processes, on each kind of database."""

import os
from collections.abc import Iterator

import pytest

from tests.labs import postgres
from tests.people import PASSWORD
from tests.races.harness import Running, running
from tests.races.surfer import CALLBACK, Surfer


@pytest.fixture(scope="session")
def durable_cluster() -> Iterator[postgres.Cluster]:
    """PostgreSQL as in production: what is committed is on the disk."""
    with postgres.cluster(durable=True) as cluster:
        yield cluster


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("served")
    url = f"sqlite:///{folder / 'idp.sqlite'}"
    if request.param == "postgresql":
        cluster: postgres.Cluster = request.getfixturevalue("durable_cluster")
        url = cluster.create(f"races{os.urandom(4).hex()}")
    with running(folder, url) as provider:
        yield provider


@pytest.fixture(scope="module")
def surfer(served: Running) -> Iterator[Surfer]:
    """Somebody signed in."""
    words = ["client", "add", "--id", "races", "--redirect-uri", CALLBACK, "--trusted"]
    app = served.command(*words, "--scope", "openid offline_access")
    served.command(
        "account", "add", "--username", "RACER", "--password-stdin", stdin=f"{PASSWORD}\n"
    )
    one = Surfer(served.url, "races", app["client_secret"])
    assert one.sign_in("RACER", PASSWORD).headers["Location"].startswith(CALLBACK)
    yield one
    one.http.close()
