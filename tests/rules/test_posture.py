"""Each rule of the posture, on a client that keeps it and on one that does not."""

from typing import Any

import msgspec
import pytest

from idp.config import ClientSection
from idp.oidc import posture
from idp.oidc.model import Client
from idp.oidc.posture import RULES, Standard

BANK: dict[str, Any] = {
    "client_id": "bank",
    "profile": "fapi2",
    "redirect_uris": ["https://bank.example/cb"],
    "token_endpoint_auth_method": "private_key_jwt",
    "dpop_bound_access_tokens": True,
    "id_token_signed_response_alg": "ES256",
}
BROKEN: dict[str, dict[str, Any]] = {
    "PKCE with S256 is demanded": {"profile": "oidc"},
    "no token travels through the browser": {"response_types": ["code id_token"]},
    "redirect URIs are https, or a native app's loopback address": {
        "redirect_uris": ["http://localhost:8000/cb"]
    },
    "the client proves itself": {"token_endpoint_auth_method": "none"},
    "the client proves a key, not a shared secret": {
        "token_endpoint_auth_method": "client_secret_basic"
    },
    "access tokens are bound to a key": {"dpop_bound_access_tokens": False},
    "refresh tokens are not rotated": {"profile": "oauth21"},
    "requests are pushed": {"profile": "oauth21"},
    "nothing is signed with RS256 for it": {"id_token_signed_response_alg": "RS256"},
    "assertions are meant for the issuer alone": {"profile": "oauth21"},
}


def found(**changes: Any) -> dict[str, bool | None]:
    client = Client(msgspec.convert(BANK | changes, ClientSection))
    return {one.rule.name: one.kept for one in posture.look_at(client)}


def test_a_client_of_the_strictest_profile_breaks_no_rule() -> None:
    findings = posture.look_at(Client(msgspec.convert(BANK, ClientSection)))

    assert all(posture.stands(findings, standard) for standard in Standard)


@pytest.mark.parametrize("name", BROKEN)
def test_what_breaks_a_rule_is_found(name: str) -> None:
    assert found()[name] is True
    assert found(**BROKEN[name])[name] is False


def test_every_rule_that_a_registration_can_break_is_broken_here() -> None:
    kept_by_the_provider = {rule.name for rule in RULES if rule.is_kept is posture._always}  # noqa: SLF001
    rotated = "a public client's refresh tokens are rotated or bound"

    assert set(BROKEN) | kept_by_the_provider | {rotated} == {rule.name for rule in RULES}


def test_what_does_not_concern_a_client_is_not_asked_of_it() -> None:
    machine = found(grant_types=["client_credentials"], redirect_uris=[])

    assert machine["PKCE with S256 is demanded"] is None
    assert machine["a public client's refresh tokens are rotated or bound"] is None


def test_a_native_apps_own_scheme_is_safe() -> None:
    native = found(
        profile="oauth21",
        token_endpoint_auth_method="none",
        redirect_uris=["com.example.app:/cb", "http://127.0.0.1/cb"],
    )

    assert native["redirect URIs are https, or a native app's loopback address"] is True
    assert native["a public client's refresh tokens are rotated or bound"] is True
