"""Modules about the token endpoint (A1 to A4, A6): codes, refresh tokens, who may ask."""

from datetime import timedelta

import msgspec
from joserfc.jwk import RSAKey

from tests.clock import MovableClock
from tests.labs import scrutiny
from tests.labs.listener import Answer, Listener, says
from tests.labs.relying_party import KEY, RelyingParty, authenticated, grants
from tests.labs.signing import Key, public
from tests.people import BASE, Browser, Person
from tests.protocol.foundation.conftest import Register

SUCCESSOR = RSAKey.generate_key(2048)


def test_oidcc_codereuse(party: RelyingParty, citizen: Person) -> None:
    outcome = party.sign_in(citizen)

    again = party.redeem(outcome.parameters["code"])

    scrutiny.demand_error(again, "invalid_grant")


def test_oidcc_codereuse_30seconds(
    party: RelyingParty, browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    outcome = party.sign_in(citizen)
    clock.advance(timedelta(seconds=30))

    again = party.redeem(outcome.parameters["code"])

    scrutiny.demand_error(again, "invalid_grant")
    for token in outcome.access_tokens:
        assert browser.userinfo(token).status_code == 401


def test_oidcc_server_client_secret_post(register: Register, citizen: Person) -> None:
    party = register(token_endpoint_auth_method="client_secret_post")

    assert "client_secret_post" in party.metadata["token_endpoint_auth_methods_supported"]
    assert party.sign_in(citizen).tokens


def test_oidcc_refresh_token(
    register: Register, run: str, citizen: Person, clock: MovableClock
) -> None:
    granted = [*grants(run.partition(" by ")[0].split()), "refresh_token"]
    first, second = register(grant_types=granted), register(grant_types=granted)
    assert "refresh_token" in first.metadata["grant_types_supported"]

    of_first = refreshed(first, citizen, clock, "n" * 8, scope="openid offline_access")
    of_second = refreshed(second, citizen, clock, "n" * 43)

    scrutiny.demand_error(first.refresh(of_second), "invalid_grant")
    assert second.refresh(of_second).status_code == 200
    assert first.refresh(of_first).status_code == 200


def refreshed(
    party: RelyingParty, person: Person, clock: MovableClock, nonce: str, **changes: str
) -> str:
    """Sign in, refresh, and give the refresh token that is good now."""
    asked = {"scope": "openid offline_access", "prompt": "consent", "nonce": nonce}
    before = party.sign_in(person, **asked)
    assert any("/signin/consent" in step for step in party.browser.trail[-6:])
    clock.advance(timedelta(seconds=2))

    document = scrutiny.demand_tokens(party.refresh(before.tokens["refresh_token"], **changes))

    assert document["access_token"] != before.tokens["access_token"]
    after = party.verified(document["id_token"])
    for name in ("iss", "sub", "aud", "azp", "auth_time"):
        assert after.get(name) == before.claims.get(name)
    assert after["iat"] > before.claims["iat"]
    return str(document["refresh_token"])


def keys(*held: Key) -> Answer:
    return says("200 OK", msgspec.json.encode(public(*held)), "Content-Type: application/json")


def at_home(port: int, run: str) -> dict[str, object]:
    """Register with keys at an address, which has to be on the app's own host."""
    return {
        "redirect_uris": [f"https://localhost:{port}/callback"],
        "jwks": None,
        "jwks_uri": f"https://localhost:{port}/jwks",
        "token_endpoint_auth_method": "private_key_jwt",
        "grant_types": [*grants(run.partition(" by ")[0].split()), "refresh_token"],
    }


def test_oidcc_registration_jwks_uri(
    register: Register, run: str, host: Listener, citizen: Person
) -> None:
    host.answer = keys(KEY)
    party = register(**at_home(host.port, run))

    outcome = party.sign_in(citizen)

    assert outcome.tokens
    assert host.requests[0].startswith(b"GET /jwks HTTP/1.1")


def test_oidcc_refresh_token_rp_key_rotation(
    register: Register, run: str, host: Listener, citizen: Person, clock: MovableClock
) -> None:
    host.answer = keys(KEY)
    party = register(**at_home(host.port, run))
    asked = {"scope": "openid offline_access", "prompt": "consent"}
    before = party.sign_in(citizen, **asked)
    host.answer, party.key = keys(SUCCESSOR), SUCCESSOR
    clock.advance(timedelta(seconds=60))

    assertion = party.assertion(kid=SUCCESSOR.thumbprint())
    reply = party.refresh(before.tokens["refresh_token"], client_assertion=assertion)

    assert scrutiny.demand_tokens(reply)
    assert host.connections > 1


def test_oidcc_ensure_client_assertion_with_iss_aud_succeeds(
    party: RelyingParty, browser: Browser, citizen: Person
) -> None:
    party.ask()
    browser.sign_in(citizen)
    browser.consent()
    assertion = authenticated(party.assertion(aud=BASE))

    reply = party.redeem(party.answer()["code"], **assertion)

    assert scrutiny.demand_tokens(reply)
