"""What the Foundation's modules are run with: one configuration, so one provider over HTTP."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from joserfc.jwk import ECKey

from idp.config import Config, FetchSection, MtlsSection, RegistrationSection, ServerSection
from tests.clock import MovableClock
from tests.conftest import Enrol
from tests.labs.certificates import Issued, issue
from tests.labs.fapi_party import FapiParty
from tests.labs.listener import Listener, listener, says
from tests.labs.relying_party import RelyingParty
from tests.labs.signing import Key, public
from tests.labs.tls import Tls, certify
from tests.people import CALLBACK, CONFIG, Browser

Register = Callable[..., RelyingParty]


@pytest.fixture(scope="session")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    """What the apps' own servers speak TLS with, on ``localhost``."""
    return certify(tmp_path_factory.mktemp("hosts"), "localhost")


@pytest.fixture
def host(hosts: Tls) -> Iterator[Listener]:
    """An app's own server, at ``https://localhost`` and its port; says nothing much yet."""
    with listener(says("200 OK"), tls=hosts.server) as one:
        yield one


@pytest.fixture(scope="session")
def authority() -> Issued:
    """Whose certificates prove who an app is."""
    return issue("Court apps root", MovableClock().now, authority=True)


@pytest.fixture(scope="session")
def roots(authority: Issued, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("roots") / "roots.pem"
    path.write_bytes(authority.pem)
    return path


@pytest.fixture
def config(hosts: Tls, roots: Path) -> Config:
    """Apps register themselves, are called where they are, and may show certificates."""
    return msgspec.structs.replace(
        CONFIG,
        server=ServerSection(trusted_proxies=["203.0.113.7/32", "127.0.0.0/8"]),
        mtls=MtlsSection(header="X-Client-Cert", ca_file=str(roots)),
        registration=RegistrationSection(mode="open", profiles=["oidc"]),
        fetch=FetchSection(
            allowed_networks=["127.0.0.0/8", "::1/128"],
            self_registered_too=True,
            ca_file=str(hosts.ca_file),
        ),
    )


@pytest.fixture
def register(browser: Browser, clock: MovableClock, run: str) -> Iterator[Register]:
    """Registers apps that ask as this run does; each takes its registration back at the end."""
    registered: list[RelyingParty] = []

    def one(**changes: Any) -> RelyingParty:
        registered.append(RelyingParty.register(browser, clock, run, **changes))
        return registered[-1]

    yield one
    for party in registered:
        party.leave()


@pytest.fixture
def run() -> str:
    """How an app asks, in a module that runs in one way only."""
    return "code"


@pytest.fixture
def party(register: Register) -> RelyingParty:
    """An app of the suite."""
    return register()


@pytest.fixture
def parties(
    browser: Browser, clock: MovableClock, enrol: Enrol, authority: Issued, run: str
) -> Callable[..., FapiParty]:
    """Registers clients of FAPI 2.0, as an operator does, for the way of this run."""

    def one(client_id: str, key: Key | None = None, **changes: Any) -> FapiParty:
        own = key or ECKey.generate_key("P-256")
        if run == "mtls mtls":
            certificate = issue(client_id, MovableClock().now, issuer=authority)
            registered = enrol(client_id, **FAPI | by_certificate(client_id) | changes)
            return FapiParty(browser, clock, registered, own, certificate=certificate)
        registered = enrol(client_id, **FAPI | by_key(own) | changes)
        proof_key = ECKey.generate_key("P-256")
        return FapiParty(browser, clock, registered, own, proof_key, signs=run == "signed jarm")

    return one


FAPI: dict[str, Any] = {
    "profile": "fapi2",
    "secret_sha256": "",
    "id_token_signed_response_alg": "ES256",
    "trusted": False,
}


def by_key(key: Key) -> dict[str, Any]:
    """Register a key, and tokens bound to another."""
    return {
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": public(key),
        "dpop_bound_access_tokens": True,
    }


def by_certificate(client_id: str) -> dict[str, Any]:
    """Register the name of a certificate, and tokens bound to it."""
    return {
        "token_endpoint_auth_method": "tls_client_auth",
        "tls_client_auth_subject_dn": f"CN={client_id},O=Court apps",
        "tls_client_certificate_bound_access_tokens": True,
    }


@pytest.fixture
def bank(parties: Callable[..., FapiParty]) -> FapiParty:
    """The suite's first client."""
    return parties("bank")


@pytest.fixture
def second(parties: Callable[..., FapiParty]) -> FapiParty:
    """Its second one, whose address has a query."""
    return parties("second", redirect_uris=[f"{CALLBACK}?dummy1=lorem&dummy2=ipsum"])
