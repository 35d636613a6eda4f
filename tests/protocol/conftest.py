"""What more than one of the protocol's tests needs."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from idp.config import ClientSection
from idp.oidc import clients
from idp.provider import Provider
from tests.people import APP

Enrol = Callable[..., ClientSection]


@pytest.fixture
def enrol(provider: Provider) -> Enrol:
    """Registers a client like ``app`` with changes; gives its registration."""

    def register(client_id: str, **changes: Any) -> ClientSection:
        fields = msgspec.to_builtins(APP) | {"client_id": client_id} | changes
        registration = msgspec.convert(fields, ClientSection)
        with provider.database.write() as tx:
            clients.add(tx, registration, source="operator")
        return registration

    return register
