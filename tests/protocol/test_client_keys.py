"""Keys that clients keep on their own servers (A6, D21): ``jwks_uri`` and its refetching."""

import socket
import threading
import time
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from joserfc.jwk import ECKey
from werkzeug.test import TestResponse

from idp.clock import seconds
from idp.config import ClientSection, Config, FetchSection
from idp.gateways.fetch import Fetcher
from idp.oidc import clients
from idp.oidc.client_documents import COOLDOWN, ClientDocuments
from idp.oidc.model import Client
from idp.oidc.vocabulary import CLIENT_ASSERTION_TYPE
from idp.provider import Provider
from tests.clock import MovableClock
from tests.conftest import Enrol
from tests.labs.listener import listener, says
from tests.labs.signing import Key, public, signed
from tests.people import BASE, CALLBACK, CONFIG, VERIFIER, Browser, Person, request_of

OLD, NEW = ECKey.generate_key("P-256"), ECKey.generate_key("P-256")
_NUMBER = iter(range(1_000_000))


@pytest.fixture
def config() -> Config:
    return msgspec.structs.replace(CONFIG, fetch=FetchSection(allowed_networks=["127.0.0.1/32"]))


def assertion(key: Key, clock: MovableClock, kid: str | None = "", **changes: Any) -> str:
    now = seconds(clock())
    claims = {"iss": "keyed", "sub": "keyed", "aud": f"{BASE}/token", "exp": now + 60, "iat": now}
    header = {} if kid == "" else {"kid": kid}
    return signed(key, claims | {"jti": f"jti-{next(_NUMBER)}"} | changes, header)


def ask(browser: Browser, token: str, **form: str) -> TestResponse:
    form = {"grant_type": "client_credentials"} | form
    credentials = {"client_assertion_type": CLIENT_ASSERTION_TYPE, "client_assertion": token}
    return browser.post("/token", form | credentials)


def keyed(enrol: Enrol, port: int, client_id: str = "keyed") -> None:
    enrol(
        client_id,
        token_endpoint_auth_method="private_key_jwt",
        secret_sha256="",
        jwks_uri=f"http://127.0.0.1:{port}/keys",
        grant_types=["authorization_code", "refresh_token", "client_credentials"],
        scope="openid offline_access api",
    )


def keys(*held: Key) -> Any:
    return says("200 OK", msgspec.json.encode(public(*held)), "Content-Type: application/json")


def test_keys_are_fetched_once_for_many_assertions(
    browser: Browser, clock: MovableClock, enrol: Enrol
) -> None:
    with listener(keys(OLD)) as server:
        keyed(enrol, server.port)

        first = ask(browser, assertion(OLD, clock))
        second = ask(browser, assertion(OLD, clock))

    assert (first.status_code, second.status_code) == (200, 200), first.text
    assert 1 <= server.connections <= 2  # once in each worker process, over HTTP there are two


def test_keys_that_were_withdrawn_prove_nothing_any_more(
    browser: Browser, citizen: Person, clock: MovableClock, enrol: Enrol
) -> None:
    with listener(keys(OLD)) as server:
        keyed(enrol, server.port)
        code = browser.code(citizen, "keyed", scope="openid offline_access", prompt="consent")
        bought: Any = ask(
            browser,
            assertion(OLD, clock),
            grant_type="authorization_code",
            code=code,
            redirect_uri=CALLBACK,
            code_verifier=VERIFIER,
        ).json
        server.answer = keys(NEW)
        clock.advance(timedelta(seconds=60))

        refreshed = ask(
            browser,
            assertion(NEW, clock),
            grant_type="refresh_token",
            refresh_token=bought["refresh_token"],
        )
        withdrawn = ask(browser, assertion(OLD, clock))

    assert refreshed.status_code == 200, refreshed.text
    assert withdrawn.status_code == 401


def test_an_unknown_kid_is_not_asked_for_again_within_the_cooldown(
    browser: Browser, clock: MovableClock, enrol: Enrol
) -> None:
    with listener(keys(OLD)) as server:
        keyed(enrol, server.port)

        for _ in range(5):
            assert ask(browser, assertion(NEW, clock)).status_code == 401
        assert server.connections == 1
        clock.advance(COOLDOWN)
        ask(browser, assertion(NEW, clock))
        assert server.connections == 2


def test_a_kid_less_assertion_is_verified_with_any_of_the_keys(
    browser: Browser, clock: MovableClock, enrol: Enrol
) -> None:
    with listener(keys(OLD, NEW)) as server:
        keyed(enrol, server.port)

        assert ask(browser, assertion(NEW, clock, kid=None)).status_code == 200


def test_D21_keys_serve_on_while_their_server_is_down_but_not_for_ever(
    browser: Browser, clock: MovableClock, enrol: Enrol
) -> None:
    with listener(keys(OLD)) as server:
        keyed(enrol, server.port)
        assert ask(browser, assertion(OLD, clock)).status_code == 200

    clock.advance(timedelta(hours=12))
    assert ask(browser, assertion(OLD, clock)).status_code == 200
    clock.advance(timedelta(hours=13))
    assert ask(browser, assertion(OLD, clock)).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"keys": 1}',
        b'{"keys": [1, {}, {"kty": "EC"}, {"kty": []}, {"kty": "EC", "kid": {}}]}',
        b"x" * 300_000,
    ],
)
def test_what_is_no_key_set_proves_nothing(
    browser: Browser, clock: MovableClock, enrol: Enrol, body: bytes
) -> None:
    with listener(says("200 OK", body)) as server:
        keyed(enrol, server.port)

        assert ask(browser, assertion(OLD, clock)).status_code == 401


def test_D21_silent_key_servers_hold_up_nobody_else(
    browser: Browser, clock: MovableClock, enrol: Enrol
) -> None:
    """Two requests may wait for such a server; the next is answered with what is known."""
    done = threading.Event()

    def silent(_: socket.socket) -> None:
        done.wait(5)

    with listener(silent) as server:
        for number in range(3):
            keyed(enrol, server.port, f"keyed{number}")
        app = browser.client.application

        def wait(client_id: str) -> None:
            ask(Browser(app.test_client()), assertion(OLD, clock, iss=client_id, sub=client_id))

        threads = [threading.Thread(target=wait, args=[f"keyed{number}"]) for number in range(2)]
        for thread in threads:
            thread.start()
        for _ in range(500):
            if server.connections == 2:
                break
            time.sleep(0.01)

        began = time.monotonic()
        others = browser.token("machine", grant_type="client_credentials")
        third = ask(browser, assertion(OLD, clock, iss="keyed2", sub="keyed2"))
        took = time.monotonic() - began
        done.set()
        for thread in threads:
            thread.join()

    assert others.status_code == 200
    assert third.status_code == 401
    assert took < 1.0


def test_what_another_client_runs_into_at_the_same_host_keeps_no_keys_from_this_one(
    browser: Browser, clock: MovableClock, enrol: Enrol
) -> None:
    """A press kit of 300 kB beside the keys, named as a request object five times over."""

    def answering(caller: socket.socket) -> None:
        kit = b"GET /press-kit.pdf" in server.requests[-1]
        (says("200 OK", b"x" * 300_000) if kit else keys(OLD))(caller)

    with listener(answering) as server:
        keyed(enrol, server.port)
        uri = f"http://127.0.0.1:{server.port}/press-kit.pdf"
        enrol("mallory", profile="oidc", request_uris=[uri])
        for _ in range(6):
            browser.get("/authorize", **request_of("mallory", request_uri=uri))

        answered = ask(browser, assertion(OLD, clock))

    assert server.connections == 7
    assert answered.status_code == 200


def test_one_clients_failed_look_at_an_address_is_not_anothers(
    browser: Browser, clock: MovableClock, enrol: Enrol
) -> None:
    with listener(says("503 Service Unavailable")) as server:
        for client_id in ("keyed", "mallory"):
            keyed(enrol, server.port, client_id)
        ask(browser, assertion(OLD, clock, iss="mallory", sub="mallory"))
        server.answer = keys(OLD)

        answered = ask(browser, assertion(OLD, clock))

    assert answered.status_code == 200


def test_T30_what_registered_itself_leads_us_to_no_inner_server(
    browser: Browser, clock: MovableClock, provider: Provider
) -> None:
    with listener(keys(OLD)) as server:
        for source in ("operator", "dynamic"):
            members = {"token_endpoint_auth_method": "private_key_jwt", "scope": "api"}
            members |= {"client_id": source, "jwks_uri": f"http://127.0.0.1:{server.port}/keys"}
            registration = {"grant_types": ["client_credentials"], **members}
            with provider.database.write() as tx:
                clients.add(tx, msgspec.convert(registration, ClientSection), source=source)

        answered = {
            one: ask(browser, assertion(OLD, clock, iss=one, sub=one)).status_code
            for one in ("dynamic", "operator")
        }

    assert answered == {"dynamic": 401, "operator": 200}
    assert server.connections == 1


def test_D21_one_slow_host_or_all_of_the_strangers_keep_nobody_else_from_being_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of three places two may wait for one host, and clients of an operator have their own."""
    monkeypatch.setattr("idp.gateways.fetch.DEADLINE_SECONDS", 20.0)
    release, now = threading.Event(), MovableClock()()

    def town(host: str, _port: int) -> list[str]:
        if host.startswith("slow"):
            release.wait(15)
        return ["127.0.0.1"]

    section = FetchSection(allowed_networks=["127.0.0.1/32"], self_registered_too=True)
    with listener(keys(OLD)) as server:
        documents = ClientDocuments(Fetcher(section, town))

        def client(host: str, source: str, number: int = 0) -> Client:
            uri = f"http://{host}.example:{server.port}/keys"
            made = ClientSection(client_id=f"{host}-{source}-{number}", jwks_uri=uri)
            return Client(made, source=source)

        def look(one: Client) -> bool:
            documents.refresh_keys(one, None, now)
            return bool(documents.keys(one.registration).get("keys"))

        slow = [client("slow", "operator", number) for number in range(4)]
        slow += [client(f"slow{number}", "dynamic") for number in range(4)]
        waiting = [threading.Thread(target=look, args=[one]) for one in slow]
        for thread in waiting:
            thread.start()
        for thread in waiting:
            thread.join(0.1)

        assert sum(thread.is_alive() for thread in waiting) == 5
        assert look(client("quick", "operator"))
        assert not look(client("quick", "dynamic"))
        release.set()
        for thread in waiting:
            thread.join()
        assert look(client("quick", "dynamic", 1))
