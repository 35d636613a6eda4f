"""Client certificates at a listener of our own: a real handshake, no proxy (RFC 8705)."""

import contextlib
import hashlib
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import msgspec
import pytest

from idp.clock import system_clock
from idp.config import ClientSection
from tests.labs.certificates import Issued, issue
from tests.labs.ports import free_port
from tests.labs.signing import claims_of
from tests.labs.tls import certify
from tests.races.harness import Running, running

pytestmark = pytest.mark.timeout(120)
NOW = system_clock()
ROOT = issue("Court apps root", NOW, authority=True)
APP, OTHER = issue("efiling", NOW, issuer=ROOT), issue("another", NOW, issuer=ROOT)
STRANGER = issue("efiling", NOW, issuer=issue("Court apps root", NOW, authority=True))
SECRET = "known to the app alone"


@dataclass(frozen=True)
class Listening:
    provider: Running
    url: str
    ca_file: Path


@pytest.fixture(scope="module")
def listening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listening]:
    folder = tmp_path_factory.mktemp("own")
    tls, port = certify(folder, "localhost"), free_port()
    (folder / "roots.pem").write_bytes(ROOT.pem)
    settings = {
        "PORTICO__CLIENTS": _clients(),
        "PORTICO__MTLS__PORT": str(port),
        "PORTICO__MTLS__CA_FILE": str(folder / "roots.pem"),
        "PORTICO__MTLS__CERTIFICATE_FILE": str(folder / "localhost.pem"),
        "PORTICO__MTLS__KEY_FILE": str(folder / "localhost.pem"),
        "PORTICO__MTLS__ENDPOINT": f"https://localhost:{port}",
    }
    database = f"sqlite:///{folder / 'idp.sqlite'}"
    with running(folder, database, workers=1, settings=settings) as provider:
        _wait(port, folder / "log")
        yield Listening(provider, f"https://localhost:{port}", tls.ca_file)


def _wait(port: int, log: Path) -> None:
    """The listener is in the attendant, which is up a moment after the workers."""
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise AssertionError(log.read_text(errors="replace")[-3000:])


def _clients() -> str:
    efiling = ClientSection(
        client_id="efiling",
        grant_types=["client_credentials"],
        scope="api",
        token_endpoint_auth_method="tls_client_auth",
        tls_client_auth_subject_dn="CN=efiling,O=Court apps",
        tls_client_certificate_bound_access_tokens=True,
    )
    usual = ClientSection(
        client_id="usual",
        grant_types=["client_credentials"],
        scope="api",
        secret_sha256=hashlib.sha256(SECRET.encode()).hexdigest(),
    )
    return msgspec.json.encode([efiling, usual]).decode()


def caller(listening: Listening, shown: Issued | None, folder: Path) -> httpx2.Client:
    context = ssl.create_default_context(cafile=str(listening.ca_file))
    if shown is not None:
        pair = folder / "client.pem"
        pair.write_bytes(shown.private_pem + shown.pem)
        context.load_cert_chain(pair)
    return httpx2.Client(verify=context, timeout=30)


def ask(http: httpx2.Client, listening: Listening) -> httpx2.Response:
    endpoints = http.get(f"{listening.provider.url}/.well-known/openid-configuration").json()
    return http.post(
        endpoints["mtls_endpoint_aliases"]["token_endpoint"],
        data={"grant_type": "client_credentials", "client_id": "efiling"},
        headers={"Client-Cert": APP.rfc9440},
    )


def test_the_certificate_of_the_handshake_proves_the_client_and_binds_its_tokens(
    listening: Listening, tmp_path: Path
) -> None:
    with caller(listening, APP, tmp_path) as http:
        found = ask(http, listening)

    assert found.status_code == 200, found.text
    assert claims_of(found.json()["access_token"])["cnf"]["x5t#S256"]


@pytest.mark.parametrize(
    ("cipher", "taken"),
    [
        ("ECDHE-ECDSA-AES128-GCM-SHA256", True),
        ("ECDHE-ECDSA-AES256-GCM-SHA384", True),
        ("ECDHE-ECDSA-AES128-SHA256", False),
        ("ECDHE-ECDSA-CHACHA20-POLY1305", False),
    ],
)
def test_B9_of_the_ciphers_of_tls_1_2_only_the_recommended_are_taken(
    listening: Listening, cipher: str, taken: bool
) -> None:
    context = ssl.create_default_context(cafile=str(listening.ca_file))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(cipher)

    assert is_spoken(listening, context) is taken


def test_B9_tls_1_3_is_spoken_with_who_can(listening: Listening) -> None:
    context = ssl.create_default_context(cafile=str(listening.ca_file))
    context.minimum_version = ssl.TLSVersion.TLSv1_3

    assert is_spoken(listening, context)


def is_spoken(listening: Listening, context: ssl.SSLContext) -> bool:
    port = int(listening.url.rpartition(":")[2])
    with socket.create_connection(("localhost", port), 10) as plain:
        try:
            context.wrap_socket(plain, server_hostname="localhost").close()
        except ssl.SSLError:
            return False
    return True


def test_every_address_that_discovery_names_is_answered(
    listening: Listening, tmp_path: Path
) -> None:
    with caller(listening, None, tmp_path) as http:
        document = http.get(f"{listening.provider.url}/.well-known/openid-configuration").json()
        aliases = document["mtls_endpoint_aliases"]
        statuses = {name: http.post(uri).status_code for name, uri in aliases.items()}

    assert {"backchannel_authentication_endpoint", "device_authorization_endpoint"} <= set(aliases)
    assert all(aliases[name].rpartition("/")[2] in document[name] for name in aliases)
    assert set(statuses.values()) <= {400, 401}


@pytest.mark.parametrize("shown", [OTHER, None], ids=["another's", "none"])
def test_no_header_takes_its_place(
    listening: Listening, tmp_path: Path, shown: Issued | None
) -> None:
    with caller(listening, shown, tmp_path) as http:
        assert ask(http, listening).status_code == 401


def test_a_certificate_of_an_unknown_authority_ends_the_handshake(
    listening: Listening, tmp_path: Path
) -> None:
    with caller(listening, STRANGER, tmp_path) as http, pytest.raises(httpx2.HTTPError):
        ask(http, listening)


def test_who_needs_no_certificate_is_served_as_well_and_pages_are_elsewhere(
    listening: Listening, tmp_path: Path
) -> None:
    with caller(listening, None, tmp_path) as http:
        form = {"grant_type": "client_credentials"}
        usual = http.post(f"{listening.url}/token", data=form, auth=("usual", SECRET))
        page = http.get(f"{listening.url}/signin/password")

    assert usual.status_code == 200
    assert page.status_code == 404
