"""Modules about ID tokens, userinfo and claims (A1 to A4, A6), in every flow that is asked for."""

import json
from typing import Any

from tests.labs import scrutiny
from tests.labs.relying_party import RelyingParty, registration, send
from tests.labs.signing import header_of
from tests.people import Browser, Person
from tests.protocol.foundation.conftest import Register

PROFILE = {
    "name", "given_name", "family_name", "middle_name", "nickname", "profile", "picture",
    "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at", "preferred_username",
}  # fmt: skip
EMAIL = {"email", "email_verified"}
PHONE = {"phone_number", "phone_number_verified"}


def test_oidcc_idtoken_signature(party: RelyingParty, citizen: Person) -> None:
    header = header_of(party.sign_in(citizen).id_token)

    assert header["alg"] == "RS256"
    assert header["kid"]


def test_oidcc_idtoken_rs256(register: Register, citizen: Person) -> None:
    party = register(id_token_signed_response_alg="RS256")

    header = header_of(party.sign_in(citizen).id_token)

    assert header["alg"] == "RS256"
    assert header["kid"]


def test_oidcc_idtoken_unsigned(browser: Browser) -> None:
    metadata: Any = browser.get("/.well-known/openid-configuration").json
    unsigned = registration(["code"], id_token_signed_response_alg="none")

    refused = send(browser, "POST", "/register", unsigned)

    scrutiny.demand_error(refused, "invalid_client_metadata")
    assert "none" not in metadata["id_token_signing_alg_values_supported"]


def test_oidcc_userinfo_get(party: RelyingParty, citizen: Person) -> None:
    outcome = party.sign_in(citizen)

    assert outcome.userinfo == {"sub": citizen.sub}


def test_oidcc_userinfo_post_header(party: RelyingParty, browser: Browser, citizen: Person) -> None:
    for token in party.sign_in(citizen).access_tokens:
        reply = browser.post("/userinfo", {}, Authorization=f"Bearer {token}")

        assert reply.status_code == 200
        assert party.read_userinfo(reply)["sub"] == citizen.sub


def test_oidcc_userinfo_post_body(party: RelyingParty, browser: Browser, citizen: Person) -> None:
    for token in party.sign_in(citizen).access_tokens:
        reply = browser.post("/userinfo", {"access_token": token})

        assert reply.status_code == 200
        assert party.read_userinfo(reply)["sub"] == citizen.sub


def told(party: RelyingParty, person: Person, scope: str, claims: set[str]) -> dict[str, Any]:
    """Sign in with a scope, and see its claims where they belong and nowhere else."""
    outcome = party.sign_in(person, scope=f"openid {scope}")

    assert set(outcome.told) - scrutiny.OF_THE_PROTOCOL == claims
    assert outcome.unasked == (set() if outcome.access_tokens else claims)
    return outcome.told


def test_oidcc_scope_profile(party: RelyingParty, citizen: Person) -> None:
    assert told(party, citizen, "profile", PROFILE)["name"] == citizen.profile.name


def test_oidcc_scope_email(party: RelyingParty, citizen: Person) -> None:
    found = told(party, citizen, "email", EMAIL)

    assert found["email"] == citizen.email
    assert found["email_verified"] is True


def test_oidcc_scope_address(party: RelyingParty, citizen: Person) -> None:
    assert told(party, citizen, "address", {"address"})["address"]["postal_code"] == "110"


def test_oidcc_scope_phone(party: RelyingParty, citizen: Person) -> None:
    found = told(party, citizen, "phone", PHONE)

    assert found["phone_number"] == citizen.profile.phone_number
    assert found["phone_number_verified"] is True


def test_oidcc_scope_all(party: RelyingParty, citizen: Person) -> None:
    told(party, citizen, "profile email address phone", PROFILE | EMAIL | PHONE | {"address"})


def test_oidcc_claims_essential(party: RelyingParty, citizen: Person) -> None:
    is_alone = party.response_type == "id_token"
    place = "id_token" if is_alone else "userinfo"

    outcome = party.sign_in(citizen, claims=json.dumps({place: {"name": {"essential": True}}}))

    assert outcome.told["name"] == citizen.profile.name
    assert outcome.unasked == ({"name"} if is_alone else set())


def test_oidcc_userinfo_rs256(register: Register, browser: Browser, citizen: Person) -> None:
    party = register(userinfo_signed_response_alg="RS256")
    tokens = party.redeem(code(party, citizen)).json or {}

    reply = browser.userinfo(tokens["access_token"])

    assert "RS256" in party.metadata["userinfo_signing_alg_values_supported"]
    assert reply.content_type == "application/jwt"
    keys = scrutiny.keys_of(browser.get(party.endpoint("jwks_uri")).json)
    claims = scrutiny.demand_signed(reply.text, keys, alg="RS256", aud=party.client_id)
    assert claims["sub"] == citizen.sub
    assert "nonce" not in claims


def code(party: RelyingParty, person: Person) -> str:
    party.ask()
    party.browser.sign_in(person)
    party.browser.consent()
    return party.answer()["code"]
