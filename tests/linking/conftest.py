"""A provider and an app with accounts of its own, for the tests of linking."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from idp import worker
from idp.clock import system_clock
from idp.config import Config, FetchSection, ProviderSection
from idp.provider import Provider
from tests import people
from tests.clock import MovableClock
from tests.conftest import Enrol
from tests.labs.linked_apps import Pair, Visitor, linked_apps, registration
from tests.labs.ports import free_port


@pytest.fixture
def clock() -> MovableClock:
    """Begin at the machine's time: cookies are kept by a browser that knows no other."""
    return MovableClock(system_clock())


@pytest.fixture
def config() -> Config:
    return msgspec.structs.replace(
        people.CONFIG,
        provider=ProviderSection(issuer=f"http://localhost:{free_port()}"),
        fetch=FetchSection(allowed_networks=["127.0.0.0/8", "::1/128"]),
    )


@pytest.fixture
def pair(
    provider: Provider, clock: MovableClock, enrol: Enrol, tmp_path: Path, app_url: str
) -> Iterator[Pair]:
    worker.rotate_keys(provider)
    port = free_port()
    enrol("casequery", **registration(port))
    with linked_apps(provider, clock, port, tmp_path, app_url) as both:
        both.open_account("CITIZEN1")
        yield both


@pytest.fixture
def visitor(pair: Pair) -> Visitor:
    return Visitor.of(pair)
