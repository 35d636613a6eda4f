"""Client-initiated backchannel authentication, beyond the Foundation's modules."""

import base64
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from joserfc.jwk import ECKey
from werkzeug.test import TestResponse

from idp import worker
from idp.clock import seconds
from idp.config import Config, FetchSection
from idp.oidc import pending
from idp.oidc.clients import BadRegistration
from idp.provider import Provider
from tests.clock import MovableClock
from tests.conftest import Enrol
from tests.labs.listener import listener, says
from tests.labs.signing import claims_of, public, signed
from tests.people import BASE, CITIZEN, CONFIG, LAWYER, SECRET, Browser, Person, add

GRANT = "urn:openid:params:grant-type:ciba"
KEY, OTHER = ECKey.generate_key("P-256"), ECKey.generate_key("P-256")
_NUMBER = iter(range(1_000_000))
MACHINE: dict[str, Any] = {
    "redirect_uris": [],
    "post_logout_redirect_uris": [],
    "grant_types": [GRANT, "refresh_token"],
}


@pytest.fixture
def config() -> Config:
    return msgspec.structs.replace(CONFIG, fetch=FetchSection(allowed_networks=["127.0.0.1/32"]))


@pytest.fixture(autouse=True)
def services(enrol: Enrol) -> None:
    enrol("counter", **MACHINE)
    enrol("other", **MACHINE)


def post(browser: Browser, path: str, client_id: str, form: dict[str, str]) -> TestResponse:
    basic = base64.b64encode(f"{client_id}:{SECRET}".encode()).decode()
    sent = {name: value for name, value in form.items() if value}
    return browser.post(path, sent, Authorization=f"Basic {basic}")


def ask(browser: Browser, client_id: str = "counter", /, **changes: str) -> TestResponse:
    form = {"scope": "openid email", "login_hint": "citizen1", "binding_message": "W-4711"}
    return post(browser, "/bc-authorize", client_id, form | changes)


def asked(browser: Browser, **changes: str) -> str:
    found = ask(browser, **changes)
    assert found.status_code == 200, found.text
    return str((found.json or {})["auth_req_id"])


def poll(browser: Browser, auth_req_id: str, client_id: str = "counter") -> TestResponse:
    form = {"grant_type": GRANT, "auth_req_id": auth_req_id}
    return post(browser, "/token", client_id, form)


def error(response: TestResponse) -> str:
    return str((response.json or {}).get("error", ""))


def decide(browser: Browser, person: Person, decision: str) -> TestResponse:
    browser.get("/requests")
    browser.follow()
    if "/signin/password" in browser.trail[-1]:
        browser.sign_in(person)
    browser.post("/requests", browser.hidden() | {"decision": decision})
    return browser.follow()


def test_a_service_with_a_secret_asks_and_is_answered_once(
    browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    document: Any = ask(browser).json
    assert len(document["auth_req_id"]) >= 43
    assert (document["expires_in"], document["interval"]) == (300, 5)
    assert error(poll(browser, document["auth_req_id"])) == "authorization_pending"

    decide(browser, citizen, "allow")

    clock.advance(timedelta(seconds=5))
    tokens: Any = poll(browser, document["auth_req_id"]).json
    claims = claims_of(tokens["id_token"])
    assert (claims["sub"], claims["aud"]) == (citizen.sub, "counter")
    assert tokens["refresh_token"]
    assert error(poll(browser, document["auth_req_id"])) == "invalid_grant"


def test_the_page_shows_who_asks_what_and_with_which_words(
    browser: Browser, citizen: Person
) -> None:
    asked(browser, binding_message="W-4711 <b>&")
    browser.code(citizen)
    front = browser.get("/")

    page = browser.get("/requests")

    assert "waiting-requests" in front.text
    assert "App app" in page.text
    assert "W-4711 &lt;b&gt;&amp;" in page.text
    assert "Your e-mail address" in page.text


def test_a_refusal_is_told_to_the_person_and_to_the_service(
    browser: Browser, citizen: Person
) -> None:
    auth_req_id = asked(browser)

    page = decide(browser, citizen, "deny")

    assert "no-requests" in page.text
    assert "You have not allowed the request." in page.text
    assert error(poll(browser, auth_req_id)) == "access_denied"


@pytest.mark.parametrize("minutes", [0, 6])
def test_after_a_decision_the_page_says_what_was_decided(
    browser: Browser, citizen: Person, clock: MovableClock, minutes: int
) -> None:
    asked(browser)
    browser.code(citizen)
    browser.get("/requests")
    clock.advance(timedelta(minutes=minutes))

    browser.post("/requests", browser.hidden() | {"decision": "allow"})
    page = browser.follow()

    assert ("You have allowed the request." in page.text) is (minutes == 0)
    assert ("That request waits no longer" in page.text) is (minutes > 0)
    assert "request-outcome" not in browser.get("/requests", outcome="allowed").text


def test_nobody_decides_for_somebody_else(
    browser: Browser, citizen: Person, provider: Provider
) -> None:
    lawyer = add(provider, LAWYER)
    auth_req_id = asked(browser)
    with provider.database.read() as tx:
        assert citizen.account is not None
        (waiting,) = pending.of_account(tx, citizen.account.id)
    browser.code(lawyer)
    page = browser.get("/requests")
    assert "no-requests" in page.text
    browser.get("/")
    form = browser.hidden() | {"reference": waiting.reference, "decision": "allow"}

    browser.post("/requests", form)

    assert error(poll(browser, auth_req_id)) == "authorization_pending"


def test_what_was_asked_by_one_service_is_answered_to_no_other(
    browser: Browser, citizen: Person
) -> None:
    auth_req_id = asked(browser)
    decide(browser, citizen, "allow")

    assert error(poll(browser, "pcb_unknown")) == "invalid_grant"
    assert error(poll(browser, auth_req_id, "other")) == "invalid_grant"
    assert error(poll(browser, auth_req_id, "app")) == "unauthorized_client"


@pytest.mark.usefixtures("citizen")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"login_hint": "nobody"}, "unknown_user_id"),
        ({"login_hint": ""}, "invalid_request"),
        ({"id_token_hint": "x.y.z"}, "invalid_request"),
        ({"login_hint": "", "id_token_hint": "x.y.z"}, "invalid_request"),
        ({"login_hint": "", "login_hint_token": "x.y.z"}, "invalid_request"),
        ({"scope": "email"}, "invalid_scope"),
        ({"binding_message": "x" * 101}, "invalid_binding_message"),
        ({"binding_message": "a\nb"}, "invalid_binding_message"),
        ({"requested_expiry": "soon"}, "invalid_request"),
        ({"requested_expiry": "0"}, "invalid_request"),
    ],
)
def test_what_cannot_be_asked_is_told(
    browser: Browser, changes: dict[str, str], expected: str
) -> None:
    found = ask(browser, **changes)

    assert (found.status_code, error(found)) == (400, expected)


@pytest.mark.usefixtures("citizen")
def test_only_a_client_that_an_operator_registered_asks(browser: Browser, enrol: Enrol) -> None:
    assert error(ask(browser, "app")) == "unauthorized_client"
    with pytest.raises(BadRegistration):
        enrol("open", **MACHINE, token_endpoint_auth_method="none", secret_sha256="")
    with pytest.raises(BadRegistration):
        enrol("pinged", **MACHINE, backchannel_token_delivery_mode="ping")


def test_an_id_token_of_the_client_names_its_person(
    browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    auth_req_id = asked(browser)
    decide(browser, citizen, "allow")
    clock.advance(timedelta(seconds=5))
    tokens: Any = poll(browser, auth_req_id).json
    of_another: Any = browser.redeem(browser.code(citizen)).json

    again = ask(browser, login_hint="", id_token_hint=tokens["id_token"])
    foreign = ask(browser, login_hint="", id_token_hint=of_another["id_token"])

    assert again.status_code == 200
    assert error(foreign) == "invalid_request"


def test_ping_tells_the_service_once_that_somebody_has_decided(
    browser: Browser, citizen: Person, provider: Provider, enrol: Enrol
) -> None:
    with listener(says("204 No Content")) as service:
        enrol(
            "pinged",
            **MACHINE,
            backchannel_token_delivery_mode="ping",
            backchannel_client_notification_endpoint=f"http://127.0.0.1:{service.port}/ping",
        )
        found: Any = ask(browser, "pinged", client_notification_token="a-token-of-theirs").json
        decide(browser, citizen, "allow")
        for _ in range(2):
            worker.deliver(provider, "ciba_ping", worker.send_ciba_ping)

    (heard,) = service.requests
    head, _, body = heard.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /ping HTTP/1.1")
    assert b"Authorization: Bearer a-token-of-theirs" in head
    assert msgspec.json.decode(body) == {"auth_req_id": found["auth_req_id"]}
    assert poll(browser, found["auth_req_id"], "pinged").status_code == 200


@pytest.mark.parametrize(
    ("status", "times"), [("403 Forbidden", 1), ("302 Found", 1), ("503 Service Unavailable", 2)]
)
@pytest.mark.usefixtures("citizen")
def test_a_service_that_will_not_be_told_is_told_once(
    provider: Provider, enrol: Enrol, clock: MovableClock, status: str, times: int
) -> None:
    browser = Browser.on(provider)
    with listener(says(status, b"", "Location: http://127.0.0.1:1/")) as service:
        enrol(
            "pinged",
            **MACHINE,
            backchannel_token_delivery_mode="ping",
            backchannel_client_notification_endpoint=f"http://127.0.0.1:{service.port}/ping",
        )
        ask(browser, "pinged", client_notification_token="a-token-of-theirs")
        decide(browser, CITIZEN, "allow")
        for _ in range(2):
            worker.deliver(provider, "ciba_ping", worker.send_ciba_ping)
            clock.advance(timedelta(minutes=2))

    assert service.connections == times


@pytest.mark.usefixtures("citizen")
def test_ping_needs_a_token_to_be_told_with(browser: Browser, enrol: Enrol) -> None:
    endpoint = "https://service.example/ping"
    enrol(
        "pinged",
        **MACHINE,
        backchannel_token_delivery_mode="ping",
        backchannel_client_notification_endpoint=endpoint,
    )

    for token in ("", "x" * 1025, "two words", "é"):
        assert error(ask(browser, "pinged", client_notification_token=token)) == "invalid_request"


def request_object(clock: MovableClock, key: Any = KEY, **changes: Any) -> str:
    now = seconds(clock())
    claims = {
        "iss": "signing",
        "aud": BASE,
        "iat": now,
        "nbf": now,
        "exp": now + 300,
        "jti": f"request-{next(_NUMBER)}",
        "scope": "openid",
        "login_hint": "citizen1",
    }
    return signed(key, claims | changes)


def ask_signed(browser: Browser, token: str) -> TestResponse:
    return post(browser, "/bc-authorize", "signing", {"request": token})


@pytest.fixture
def signing(enrol: Enrol) -> None:
    enrol(
        "signing",
        **MACHINE,
        jwks=public(KEY),
        backchannel_authentication_request_signing_alg="ES256",
    )


@pytest.mark.usefixtures("citizen", "signing")
def test_a_signed_request_is_taken_once(browser: Browser, clock: MovableClock) -> None:
    token = request_object(clock)

    assert ask_signed(browser, token).status_code == 200
    assert error(ask_signed(browser, token)) == "invalid_request_object"
    assert error(ask(browser, "signing")) == "invalid_request"
