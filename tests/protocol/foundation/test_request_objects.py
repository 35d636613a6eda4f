"""Modules about requests as objects (A1 to A4, A6): what is signed is honoured, nothing else."""

from typing import Any

import msgspec

from idp.clock import seconds
from tests.clock import MovableClock
from tests.labs.listener import Listener, says
from tests.labs.relying_party import KEY, RelyingParty
from tests.labs.signing import base64url, signed
from tests.people import BASE, Browser, Person
from tests.protocol.foundation.conftest import Register


def claims(party: RelyingParty, clock: MovableClock, request: dict[str, str]) -> dict[str, Any]:
    now = seconds(clock())
    return {**request, "iss": party.client_id, "aud": BASE, "iat": now, "exp": now + 300}


def unsigned(content: dict[str, Any]) -> str:
    head, body = (base64url(msgspec.json.encode(part)) for part in ({"alg": "none"}, content))
    return f"{head}.{body}."


def beside(party: RelyingParty) -> dict[str, str]:
    """What stands in the open: everything but what only the object knows."""
    return party.request(state="", nonce="")


def test_oidcc_unsigned_request_object_supported_correctly_or_rejected_as_unsupported(
    party: RelyingParty, browser: Browser, clock: MovableClock
) -> None:
    request = unsigned(claims(party, clock, party.request()))

    browser.get("/authorize", **beside(party), request=request)

    assert party.error(anew=False)["error"] == "invalid_request_object"
    assert "none" not in party.metadata["request_object_signing_alg_values_supported"]


def is_refused_by_reference(register: Register, host: Listener, clock: MovableClock) -> bool:
    home = f"https://localhost:{host.port}"
    request_uri = f"{home}/request.jwt"
    party = register(redirect_uris=[f"{home}/callback"], request_uris=[request_uri])
    request = unsigned(claims(party, clock, party.request()))
    host.answer = says("200 OK", request.encode())

    party.browser.get("/authorize", **beside(party), request_uri=request_uri)

    assert host.connections == 1
    assert party.metadata["request_uri_parameter_supported"] is True
    assert "none" not in party.metadata["request_object_signing_alg_values_supported"]
    return party.error(anew=False)["error"] == "invalid_request_object"


def test_oidcc_request_uri_unsigned(
    register: Register, host: Listener, clock: MovableClock
) -> None:
    assert is_refused_by_reference(register, host, clock)


def test_oidcc_request_uri_unsigned_supported_correctly_or_rejected_as_unsupported(
    register: Register, host: Listener, clock: MovableClock
) -> None:
    assert is_refused_by_reference(register, host, clock)


def test_oidcc_ensure_request_object_with_redirect_uri(
    party: RelyingParty, browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    """Unsigned it counts for nothing; signed, the address inside is the one that counts."""
    inner = party.request()
    content = claims(party, clock, inner)
    outside = beside(party) | {"redirect_uri": "https://elsewhere.example/callback"}

    page = browser.get("/authorize", **outside, request=unsigned(content))
    assert page.status_code == 400
    assert 'id="error-code">invalid_request' in page.text
    browser.get("/authorize", **outside, request=signed(KEY, content, {"alg": "RS256"}))
    browser.follow()
    party.sent = inner

    assert party.arrive(citizen).asked_to_sign_in


def test_oidcc_request_uri_signed_rs256(
    register: Register, host: Listener, citizen: Person, clock: MovableClock
) -> None:
    home = f"https://localhost:{host.port}"
    request_uri = f"{home}/request.jwt#a-mark-of-its-content"
    party = register(
        redirect_uris=[f"{home}/callback"],
        request_uris=[request_uri],
        request_object_signing_alg="RS256",
    )
    outside, inner = beside(party), party.request()
    request = signed(KEY, claims(party, clock, inner), {"alg": "RS256", "kid": None})
    host.answer = says("200 OK", request.encode())

    party.browser.get("/authorize", **outside, request_uri=request_uri)
    party.browser.follow()

    assert "RS256" in party.metadata["request_object_signing_alg_values_supported"]
    assert party.arrive(citizen).asked_to_sign_in
    assert host.requests[0].startswith(b"GET /request.jwt HTTP/1.1")
