"""Modules of FAPI-CIBA (A15): a service asks a person by itself, and polls or is pinged."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from joserfc.jwk import ECKey, RSAKey
from werkzeug.test import TestResponse

from idp.clock import seconds
from tests.clock import MovableClock
from tests.conftest import Enrol
from tests.labs import scrutiny
from tests.labs.certificates import Issued, issue
from tests.labs.ciba_service import GRANT, CibaService
from tests.labs.listener import Listener, says
from tests.labs.relying_party import authenticated
from tests.labs.signing import Key, public, signed
from tests.people import BASE, Browser, Person, dropped

Services = Callable[..., CibaService]
RSA = RSAKey.generate_key(2048)
INTERVAL = timedelta(seconds=5)
MINUTE = 60


@pytest.fixture
def services(
    browser: Browser, clock: MovableClock, enrol: Enrol, host: Listener, way: "Way"
) -> Services:
    """Registers services, as an operator does, for the way of this run."""
    host.answer = says("204 No Content")

    def one(client_id: str, key: Key | None = None) -> CibaService:
        own = key or ECKey.generate_key("P-256")
        registered = enrol(client_id, **SERVICE | way.registration(client_id, own, host.port))
        certificate = issue(client_id, MovableClock().now, issuer=way.authority)
        return CibaService(browser, clock, registered, own, certificate, way.person)

    return one


class Way:
    """How this run's services are told, and how they prove themselves."""

    def __init__(self, run: str, authority: Issued, person: Person) -> None:
        self.mode, self.method = run.split()
        self.authority, self.person = authority, person

    def registration(self, client_id: str, key: Key, port: int) -> dict[str, Any]:
        """Write what differs from run to run."""
        alg = "PS256" if key.key_type == "RSA" else "ES256"
        own = {
            "jwks": public(key),
            "backchannel_token_delivery_mode": self.mode,
            "backchannel_authentication_request_signing_alg": alg,
        }
        if self.mode == "ping":
            uri = f"https://localhost:{port}/ping"
            own |= {"backchannel_client_notification_endpoint": uri}
        if self.method == "mtls":
            subject = f"CN={client_id},O=Court apps"
            return own | {
                "token_endpoint_auth_method": "tls_client_auth",
                "tls_client_auth_subject_dn": subject,
            }
        return own | {
            "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_signing_alg": alg,
        }


@pytest.fixture
def way(run: str, authority: Issued, citizen: Person) -> Way:
    return Way(run, authority, citizen)


SERVICE: dict[str, Any] = {
    "redirect_uris": [],
    "post_logout_redirect_uris": [],
    "grant_types": [GRANT, "refresh_token"],
    "secret_sha256": "",
    "id_token_signed_response_alg": "ES256",
    "tls_client_certificate_bound_access_tokens": True,
}


@pytest.fixture
def service(services: Services) -> CibaService:
    """The suite's first service."""
    return services("counter")


@pytest.fixture
def second(services: Services) -> CibaService:
    """Its second one."""
    return services("second")


def is_refused(reply: TestResponse, *errors: str) -> bool:
    scrutiny.demand_error(reply, *errors)
    return True


def is_not_asked(service: CibaService, header: dict[str, Any] | None = None, **ch: Any) -> bool:
    """Whether a request object with such claims is refused."""
    return is_refused(service.ask(header, **ch), "invalid_request_object")


def test_fapi_ciba_id1(
    service: CibaService, second: CibaService, host: Listener, rounds: Callable[[], None]
) -> None:
    for one in (service, second):
        auth_req_id = one.asked()
        assert is_refused(one.poll(auth_req_id), "authorization_pending")
        one.decide("allow")
        if one.is_pinged:
            rounds()
            head, _, body = host.requests[-1].partition(b"\r\n\r\n")
            assert head.startswith(b"POST /ping HTTP/1.1")
            assert f"Authorization: Bearer {one.notification_token}".encode() in head
            assert msgspec.json.decode(body) == {"auth_req_id": auth_req_id}
        one.clock.advance(INTERVAL)

        token = one.tokens(auth_req_id)["access_token"]

        assert one.userinfo(token, **one.shown()).status_code == 200
        assert is_refused(one.poll(auth_req_id), "invalid_grant")


def test_fapi_ciba_id1_discovery_end_point_verification(browser: Browser) -> None:
    found: dict[str, Any] = browser.get("/.well-known/openid-configuration").json or {}

    assert found["backchannel_authentication_endpoint"].startswith("https://")
    assert GRANT in found["grant_types_supported"]
    assert {"poll", "ping"} == set(found["backchannel_token_delivery_modes_supported"])
    signing = found["backchannel_authentication_request_signing_alg_values_supported"]
    assert {"PS256", "ES256"} <= set(signing)
    assert "RS256" not in signing
    methods = found["token_endpoint_auth_methods_supported"]
    assert {"private_key_jwt", "tls_client_auth"} <= set(methods)
    assert found["tls_client_certificate_bound_access_tokens"] is True
    assert {"PS256", "ES256"} & set(found["id_token_signing_alg_values_supported"])
    assert isinstance(found["backchannel_user_code_parameter_supported"], bool)


def test_fapi_ciba_id1_user_rejects_authentication(service: CibaService) -> None:
    auth_req_id = service.asked()

    service.decide("deny")

    assert is_refused(service.poll(auth_req_id), "access_denied")


def test_fapi_ciba_id1_multiple_call_to_token_endpoint(service: CibaService) -> None:
    auth_req_id = service.asked()

    assert is_refused(service.poll(auth_req_id), "authorization_pending")
    assert is_refused(service.poll(auth_req_id), "slow_down")


def test_fapi_ciba_id1_auth_req_id_expired(service: CibaService, clock: MovableClock) -> None:
    auth_req_id = service.asked(requested_expiry=10)
    clock.advance(timedelta(seconds=11))

    assert is_refused(service.poll(auth_req_id), "expired_token")


def test_fapi_ciba_id1_ensure_authorization_request_with_binding_message_succeeds(
    service: CibaService,
) -> None:
    auth_req_id = service.asked(binding_message="1234")
    service.browser.get("/requests")
    page = service.browser.follow()
    if "/signin/password" in service.browser.trail[-1]:
        page = service.browser.sign_in(service.person)

    assert "1234" in page.text
    service.decide("allow")
    assert service.tokens(auth_req_id)


def test_fapi_ciba_id1_ensure_authorization_request_with_potentially_bad_binding_message(
    service: CibaService,
) -> None:
    assert service.asked(binding_message="1234 \N{GRINNING FACE} 壹貳參肆 <b>&")
    for bad in ("x" * 101, "two\nlines"):
        assert is_refused(service.ask(binding_message=bad), "invalid_binding_message")


def test_fapi_ciba_id1_ensure_other_scope_order_succeeds(service: CibaService) -> None:
    auth_req_id = service.asked(scope="email openid")
    service.decide("allow")

    token = service.tokens(auth_req_id)["access_token"]

    told: dict[str, Any] = service.userinfo(token, **service.shown()).json or {}
    assert told["email"] == service.person.email


def test_fapi_ciba_id1_ensure_requested_expiry_as_string_succeeds(service: CibaService) -> None:
    reply = service.ask(requested_expiry="30")

    assert (reply.json or {})["expires_in"] == 30


@pytest.fixture
def now(clock: MovableClock) -> int:
    return seconds(clock())


def test_fapi_ciba_id1_ensure_request_object_missing_aud_fails(service: CibaService) -> None:
    assert is_not_asked(service, aud=None)


def test_fapi_ciba_id1_ensure_request_object_missing_iss_fails(service: CibaService) -> None:
    assert is_not_asked(service, iss=None)


def test_fapi_ciba_id1_ensure_request_object_missing_exp_fails(service: CibaService) -> None:
    assert is_not_asked(service, exp=None)


def test_fapi_ciba_id1_ensure_request_object_missing_iat_fails(service: CibaService) -> None:
    assert is_not_asked(service, iat=None)


def test_fapi_ciba_id1_ensure_request_object_missing_nbf_fails(service: CibaService) -> None:
    assert is_not_asked(service, nbf=None)


def test_fapi_ciba_id1_ensure_request_object_missing_jti_fails(service: CibaService) -> None:
    assert is_not_asked(service, jti=None)


def test_fapi_ciba_id1_ensure_request_object_bad_aud_fails(service: CibaService) -> None:
    assert is_not_asked(service, aud="https://elsewhere.example")


def test_fapi_ciba_id1_ensure_request_object_bad_iss_fails(service: CibaService) -> None:
    assert is_not_asked(service, iss="nobody")


def test_fapi_ciba_id1_ensure_request_object_expired_exp_fails(
    service: CibaService, now: int
) -> None:
    assert is_not_asked(service, exp=now - 5 * MINUTE)


def test_fapi_ciba_id1_ensure_request_object_exp_is_70_minutes_in_future_fails(
    service: CibaService, now: int
) -> None:
    assert is_not_asked(service, exp=now + 70 * MINUTE)


def test_fapi_ciba_id1_ensure_request_object_nbf_is_10_minutes_in_future_fails(
    service: CibaService, now: int
) -> None:
    assert is_not_asked(service, nbf=now + 10 * MINUTE, exp=now + 20 * MINUTE)


def test_fapi_ciba_id1_ensure_request_object_nbf_is_70_minutes_in_past_fails(
    service: CibaService, now: int
) -> None:
    assert is_not_asked(service, nbf=now - 70 * MINUTE)


def test_fapi_ciba_id1_ensure_request_object_signature_algorithm_is_none_fails(
    service: CibaService,
) -> None:
    header, payload, _ = signed(service.key, service.request(), {"alg": "none"}).split(".")

    assert is_refused(service.send(f"{header}.{payload}."), "invalid_request_object")


def test_fapi_ciba_id1_ensure_request_object_signature_algorithm_is_bad_fails(
    service: CibaService,
) -> None:
    assert is_not_asked(service, {"alg": "BAD"})


def test_fapi_ciba_id1_ensure_request_object_signature_algorithm_is_RS256_fails(
    services: Services,
) -> None:
    service = services("rsa", RSA)

    assert is_not_asked(service, {"alg": "RS256"})
    assert service.asked()


def test_fapi_ciba_id1_ensure_request_object_signed_by_other_client_fails(
    service: CibaService, second: CibaService
) -> None:
    refused = service.send(signed(second.key, service.request()))

    assert is_refused(refused, "invalid_request_object")


def test_fapi_ciba_id1_ensure_authorization_request_with_multiple_hints_fails(
    service: CibaService,
) -> None:
    auth_req_id = service.asked()
    service.decide("allow")
    hint = service.tokens(auth_req_id)["id_token"]

    assert is_refused(service.ask(id_token_hint=hint), "invalid_request")
    assert service.asked(id_token_hint=hint, login_hint=None)


def test_fapi_ciba_id1_ensure_wrong_auth_req_id_in_token_endpoint_request(
    service: CibaService, second: CibaService
) -> None:
    auth_req_id = service.asked()
    service.decide("allow")

    assert is_refused(service.poll(f"{auth_req_id[:-4]}AAAA"), "invalid_grant")
    assert is_refused(second.poll(auth_req_id), "invalid_grant")
    assert service.tokens(auth_req_id)


def test_fapi_ciba_id1_ensure_different_client_id_and_issuer_in_backchannel_authorization_request(
    service: CibaService, second: CibaService
) -> None:
    assert is_not_asked(service, iss=second.client_id)
    assert is_not_asked(service, client_id=second.client_id)


def test_fapi_ciba_id1_ensure_wrong_client_id_in_token_endpoint_request(
    service: CibaService, second: CibaService
) -> None:
    auth_req_id = service.asked()
    service.decide("allow")

    refused = service.poll(auth_req_id, client_id=second.client_id)

    assert is_refused(refused, "invalid_client")
    assert service.tokens(auth_req_id)


def test_fapi_ciba_id1_ensure_wrong_client_id_in_backchannel_authorization_request(
    service: CibaService, second: CibaService
) -> None:
    request = signed(service.key, service.request())

    assert is_refused(service.send(request, client_id=second.client_id), "invalid_client")


def test_fapi_ciba_id1_ensure_without_client_assertion_in_token_endpoint_request(
    service: CibaService,
) -> None:
    auth_req_id = service.asked()
    service.decide("allow")
    form = {"grant_type": GRANT, "auth_req_id": auth_req_id, "client_id": service.client_id}

    assert is_refused(service.browser.post("/token", form, **service.shown()), "invalid_client")


def test_fapi_ciba_id1_ensure_without_client_assertion_in_backchannel_authorization_request(
    service: CibaService,
) -> None:
    form = {"request": signed(service.key, service.request()), "client_id": service.client_id}
    refused = service.browser.post("/bc-authorize", form, **service.shown())

    assert is_refused(refused, "invalid_client")


def test_fapi_ciba_id1_ensure_client_assertion_signature_algorithm_in_backchannel_authorization_request_is_RS256_fails(  # noqa: E501 - the Foundation's own name
    services: Services,
) -> None:
    service = services("rsa", RSA)
    assertion = service.assertion({"alg": "RS256"})
    request = signed(service.key, service.request())

    assert is_refused(service.send(request, client_assertion=assertion), "invalid_client")
    assert service.send(request).status_code == 200


def test_fapi_ciba_id1_ensure_client_assertion_signature_algorithm_in_token_endpoint_request_is_RS256_fails(  # noqa: E501 - the Foundation's own name
    services: Services,
) -> None:
    service = services("rsa", RSA)
    auth_req_id = service.asked()
    service.decide("allow")
    assertion = service.assertion({"alg": "RS256"})

    assert is_refused(service.poll(auth_req_id, client_assertion=assertion), "invalid_client")
    assert service.tokens(auth_req_id)


@pytest.mark.parametrize("audience", [BASE, f"{BASE}/token", f"{BASE}/bc-authorize", [BASE]])
def test_fapi_ciba_id1_ensure_client_assertion_with_iss_aud_to_token_endpoint_succeeds(
    service: CibaService, audience: str | list[str]
) -> None:
    request = signed(service.key, service.request())
    reply = service.send(request, client_assertion=service.assertion(aud=audience))
    auth_req_id = (reply.json or {})["auth_req_id"]
    service.decide("allow")

    bought = service.poll(auth_req_id, client_assertion=service.assertion(aud=audience))

    assert scrutiny.demand_tokens(bought)


def test_fapi_ciba_id1_ensure_unsigned_backchannel_authorization_request_fails(
    service: CibaService,
) -> None:
    form = {name: str(value) for name, value in service.request().items() if value}
    header, payload, _ = signed(service.key, service.request(), {"alg": "none"}).split(".")

    assert is_refused(service.post("/bc-authorize", dropped(form)), "invalid_request")
    assert is_refused(service.send(f"{header}.{payload}."), "invalid_request_object")


def test_fapi_ciba_id1_refresh_token(
    service: CibaService, second: CibaService, clock: MovableClock
) -> None:
    auth_req_id = service.asked()
    service.decide("allow")
    bought = service.tokens(auth_req_id)
    clock.advance(timedelta(seconds=2))

    fresh = scrutiny.demand_tokens(service.refresh(bought["refresh_token"]))

    assert fresh["access_token"] != bought["access_token"]
    assert service.userinfo(fresh["access_token"], **service.shown()).status_code == 200
    assert is_refused(second.refresh(fresh["refresh_token"]), "invalid_grant")


def test_fapi_ciba_id1_ensure_mtls_holder_of_key_required(
    service: CibaService, second: CibaService
) -> None:
    auth_req_id = service.asked()
    service.decide("allow")
    form = {"grant_type": GRANT, "auth_req_id": auth_req_id, "client_id": service.client_id}
    if service.proves_a_key:
        form |= authenticated(service.assertion())
    refused = service.browser.post("/token", form)

    token = service.tokens(auth_req_id)["access_token"]

    assert is_refused(refused, "invalid_grant" if service.proves_a_key else "invalid_client")
    assert service.userinfo(token).status_code == 401
    assert service.userinfo(token, **second.shown()).status_code == 401
    assert service.userinfo(token, **service.shown()).status_code == 200


def pinged(service: CibaService, host: Listener, rounds: Callable[[], None]) -> str:
    """Let the person decide, and the service be told."""
    auth_req_id = service.asked(requested_expiry=600)
    service.decide("allow")
    rounds()
    assert host.connections == 1
    return auth_req_id


def test_fapi_ciba_id1_ping_backchannel_notification_endpoint_response_has_body(
    service: CibaService, host: Listener, rounds: Callable[[], None]
) -> None:
    host.answer = says("200 OK", b'{"more": "than was asked"}', "Content-Type: application/json")

    assert service.tokens(pinged(service, host, rounds))


def test_fapi_ciba_id1_ping_backchannel_notification_endpoint_response_401(
    service: CibaService, host: Listener, rounds: Callable[[], None]
) -> None:
    host.answer = says("401 Unauthorized")

    assert service.tokens(pinged(service, host, rounds))


def test_fapi_ciba_id1_ping_backchannel_notification_endpoint_response_403(
    service: CibaService, host: Listener, rounds: Callable[[], None]
) -> None:
    host.answer = says("403 Forbidden")

    assert service.tokens(pinged(service, host, rounds))


def test_fapi_ciba_id1_ping_with_mtls_ciba_notification_endpoint_response_401_and_require_server_does_not_retry(  # noqa: E501 - the Foundation's own name
    service: CibaService, host: Listener, rounds: Callable[[], None]
) -> None:
    host.answer = says("401 Unauthorized", b"", 'WWW-Authenticate: Bearer error="invalid_token"')

    auth_req_id = pinged(service, host, rounds)
    service.clock.advance(timedelta(minutes=3))
    rounds()

    assert host.connections == 1
    assert service.tokens(auth_req_id)


def test_fapi_ciba_id1_ping_backchannel_notification_endpoint_return_redirect_request(
    service: CibaService, host: Listener, rounds: Callable[[], None]
) -> None:
    elsewhere = f"Location: https://localhost:{host.port}/elsewhere"
    host.answer = says("307 Temporary Redirect", b"", elsewhere)

    assert service.tokens(pinged(service, host, rounds))
