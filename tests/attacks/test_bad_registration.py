"""Every member of a registration in every wrong form: 400 with its name, never a 500."""

import json
from typing import Any

import pytest

from idp.config import Config
from tests.people import BASE, Browser
from tests.protocol.test_dynamic_registration import HYBRID, configured

WRONG: list[Any] = [
    None, 5, -1, 1.5, True, "", "x" * 5000, "\x00", "https://a.example/#\x00", [], [5], [None],
    [[]], [{}], {}, {"keys": 5}, {"keys": [5]}, {"keys": [{"kty": 5}]}, {"keys": {"a": 1}},
    {"keys": [{"kty": "EC", "crv": "P-256", "x": 5, "y": []}]}, {"a": {"b": [1]}},
]  # fmt: skip
MEMBERS = (
    *HYBRID,
    "scope",
    "jwks_uri",
    "token_endpoint_auth_signing_alg",
    "request_uris",
    "request_object_signing_alg",
    "require_signed_request_object",
    "userinfo_signed_response_alg",
    "userinfo_encrypted_response_alg",
    "id_token_encrypted_response_alg",
    "id_token_encrypted_response_enc",
    "tls_client_certificate_bound_access_tokens",
    "tls_client_auth_subject_dn",
    "subject_type",
    "sector_identifier_uri",
    "post_logout_redirect_uris",
    "backchannel_logout_uri",
    "frontchannel_logout_uri",
    "frontchannel_logout_session_required",
    "initiate_login_uri",
    "logo_uri",
    "application_type",
    "profile",
    "authorization_details_types",
    "dpop_bound_access_tokens",
    "require_pushed_authorization_requests",
    "client_id",
)


@pytest.fixture
def config() -> Config:
    return configured(mode="open", profiles=["oidc"])


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("member", MEMBERS)
def test_a_member_in_any_form_is_taken_or_refused(browser: Browser, member: str) -> None:
    for wrong in WRONG:
        members = HYBRID | {"id_token_encrypted_response_alg": ""} | {member: wrong}

        found = browser.client.post(
            "/register", data=json.dumps(members), content_type="application/json", base_url=BASE
        )

        assert found.status_code in {201, 400}, (member, wrong, found.text)
        if found.status_code == 400:
            told = found.json or {}
            assert told["error"] in {"invalid_client_metadata", "invalid_redirect_uri"}
            assert told["error_description"].isascii()
            assert "\\" not in told["error_description"]
