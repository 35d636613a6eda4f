"""Behind a real proxy: client certificates from a real handshake, and a cache that all share."""

import hashlib
import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import msgspec
import pytest

from idp.clock import system_clock
from idp.config import ClientSection
from tests.labs.certificates import Issued, issue
from tests.labs.nginx import Nginx, nginx
from tests.labs.signing import claims_of
from tests.people import PASSWORD
from tests.races.harness import Running, running
from tests.races.surfer import CALLBACK, Surfer

pytestmark = pytest.mark.timeout(120)
NOW = system_clock()
ROOT = issue("Court apps root", NOW, authority=True)
APP, OTHER = issue("efiling", NOW, issuer=ROOT), issue("another", NOW, issuer=ROOT)
SECRET = "known to the app alone"
PAGES = ("/", "/guide", "/signin/password", "/logout/done", "/logout", "/check-session", "/account")


@dataclass(frozen=True)
class Setup:
    provider: Running
    proxy: Nginx


def _clients() -> str:
    portal = ClientSection(
        client_id="portal",
        redirect_uris=[CALLBACK],
        scope="openid offline_access",
        trusted=True,
        secret_sha256=hashlib.sha256(SECRET.encode()).hexdigest(),
    )
    efiling = ClientSection(
        client_id="efiling",
        grant_types=["client_credentials"],
        scope="api",
        token_endpoint_auth_method="tls_client_auth",
        tls_client_auth_subject_dn="CN=efiling,O=Court apps",
        tls_client_certificate_bound_access_tokens=True,
    )
    return msgspec.json.encode([portal, efiling]).decode()


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setup]:
    folder = tmp_path_factory.mktemp("behind")
    (folder / "roots.pem").write_bytes(ROOT.pem)
    settings = {
        "PORTICO__CLIENTS": _clients(),
        "PORTICO__MTLS__HEADER": "X-Client-Cert",
        "PORTICO__MTLS__CA_FILE": str(folder / "roots.pem"),
        "PORTICO__SERVER__TRUSTED_PROXIES": '["127.0.0.1/32"]',
        "PORTICO__WORKER__INSIDE_SERVE": "true",
    }
    database = f"sqlite:///{folder / 'idp.sqlite'}"
    with running(folder, database, workers=1, settings=settings) as provider:
        for name in ("CITIZEN1", "CITIZEN2"):
            provider.command(
                "account", "add", "--username", name, "--password-stdin",
                "--name", f"Name of {name}", stdin=f"{PASSWORD}\n",
            )  # fmt: skip
        with nginx(folder, provider.url) as proxy:
            yield Setup(provider, proxy)


def caller(setup: Setup, shown: Issued | None, folder: Path) -> httpx2.Client:
    context = ssl.create_default_context(cafile=str(setup.proxy.ca_file))
    if shown is not None:
        pair = folder / "client.pem"
        pair.write_bytes(shown.private_pem + shown.pem)
        context.load_cert_chain(pair)
    return httpx2.Client(verify=context, timeout=30)


@pytest.mark.parametrize(
    ("shown", "status"),
    [(APP, 200), (OTHER, 401), (issue("efiling", NOW), 401), (None, 401)],
    ids=["its own", "another's", "self-signed", "none"],
)
def test_a_client_is_known_by_the_handshake_with_the_proxy(
    setup: Setup, tmp_path: Path, shown: Issued | None, status: int
) -> None:
    with caller(setup, shown, tmp_path) as http:
        found = http.post(
            f"{setup.proxy.tls}/token",
            data={"grant_type": "client_credentials", "client_id": "efiling"},
        )

    assert found.status_code == status, found.text
    if status == 200:
        assert claims_of(found.json()["access_token"])["cnf"]["x5t#S256"]


def test_a_certificate_in_a_header_of_the_callers_own_is_overwritten(
    setup: Setup, tmp_path: Path
) -> None:
    with caller(setup, None, tmp_path) as http:
        found = http.post(
            f"{setup.proxy.tls}/token",
            data={"grant_type": "client_credentials", "client_id": "efiling"},
            headers={"X-Client-Cert": APP.escaped_pem, "Client-Cert": APP.rfc9440},
        )

    assert found.status_code == 401


def test_T53_nothing_of_one_person_reaches_another_through_a_shared_cache(setup: Setup) -> None:
    proxied = setup.proxy.cache
    first, second = (Surfer(proxied, "portal", SECRET) for _ in range(2))
    with first.http, second.http, httpx2.Client() as nobody:
        first.sign_in("CITIZEN1", PASSWORD)
        second.sign_in("CITIZEN2", PASSWORD)
        assert "Name of CITIZEN1" in first.http.get(f"{proxied}/").text
        whose = {first.http: {"CITIZEN1"}, second.http: {"CITIZEN2"}, nobody: set[str]()}

        for path in PAGES:
            for viewer, own in whose.items():
                page = viewer.get(f"{proxied}{path}", headers={"Accept-Language": "en"})

                assert set(re.findall(r"CITIZEN\d", page.text)) <= own, path
                assert page.headers["X-Cache"] == "MISS", path


def test_T53_what_is_the_same_for_everybody_is_cached(setup: Setup) -> None:
    """So that the cache of this test is known to work at all."""
    httpx2.get(f"{setup.proxy.cache}/jwks")

    found = httpx2.get(f"{setup.proxy.cache}/jwks")

    assert found.headers["X-Cache"] == "HIT"


def test_T53_tokens_and_answers_are_never_kept(setup: Setup) -> None:
    surfer = Surfer(setup.proxy.cache, "portal", SECRET)
    with surfer.http:
        surfer.sign_in("CITIZEN1", PASSWORD)

        one = surfer.redeem(surfer.http, surfer.code()).json()["access_token"]
        headers = {"Authorization": f"Bearer {one}"}
        told = surfer.http.get(f"{setup.proxy.cache}/userinfo", headers=headers)
        refused = httpx2.get(f"{setup.proxy.cache}/userinfo")

        assert told.status_code == 200
        assert refused.status_code == 401
        assert surfer.code() != surfer.code()


@pytest.mark.parametrize("path", ["/signin/password", "/signin/ticket"])
def test_a_ticket_as_long_as_windows_makes_them_passes_proxy_and_server(
    setup: Setup, tmp_path: Path, path: str
) -> None:
    shown = {"Authorization": f"Negotiate {'A' * 64_000}"}

    with caller(setup, None, tmp_path) as http:
        proxied = http.get(f"{setup.proxy.tls}{path}", headers=shown)
    direct = httpx2.get(f"{setup.provider.url}{path}", headers=shown)

    assert [proxied.status_code, direct.status_code] == [200, 200]
