"""Modules of FAPI 2.0 Message Signing (A13) beyond those of the Security Profile.

Those are run with signed requests and answers as well: see ``runs`` in ``modules.toml``.
"""

from collections.abc import Callable
from typing import Any

from joserfc.jwk import ECKey, RSAKey
from werkzeug.test import TestResponse

from idp.clock import seconds
from tests.clock import MovableClock
from tests.labs import scrutiny
from tests.labs.fapi_party import FapiParty
from tests.people import BASE, Person

RSA = RSAKey.generate_key(2048)
MINUTE = 60


def push(bank: FapiParty, header: dict[str, Any] | None = None, **changes: Any) -> TestResponse:
    """Push a request whose object is changed; what is ``None`` is left out of it."""
    return bank.post("/par", {"request": bank.object({**bank.request(), **changes}, header)}, "")


def is_refused(bank: FapiParty, header: dict[str, Any] | None = None, **changes: Any) -> bool:
    scrutiny.demand_error(push(bank, header, **changes), "invalid_request_object")
    return True


def test_fapi2_message_signing_ensure_request_object_with_multiple_aud_succeeds(
    bank: FapiParty, citizen: Person
) -> None:
    header, now = {"typ": "oAuth-AUTHZ-req+jWT"}, seconds(bank.clock())
    reply = push(bank, header, aud=["https://another.example", BASE], iat=now)

    bank.follow((reply.json or {})["request_uri"])

    assert bank.bought(bank.arrive(citizen)["code"]).tokens


def test_fapi2_message_signing_ensure_request_object_with_nbf_8_seconds_in_the_future_is_accepted(
    bank: FapiParty, clock: MovableClock
) -> None:
    assert push(bank, nbf=seconds(clock()) + 8).status_code == 201


def test_fapi2_message_signing_ensure_request_object_without_exp_fails(bank: FapiParty) -> None:
    assert is_refused(bank, exp=None)


def test_fapi2_message_signing_ensure_request_object_without_nbf_fails(bank: FapiParty) -> None:
    assert is_refused(bank, nbf=None)


def test_fapi2_message_signing_ensure_expired_request_object_fails(
    bank: FapiParty, clock: MovableClock
) -> None:
    assert is_refused(bank, exp=seconds(clock()) - 5 * MINUTE)


def test_fapi2_message_signing_ensure_request_object_with_bad_aud_fails(bank: FapiParty) -> None:
    assert is_refused(bank, aud=f"{BASE}/token")


def test_fapi2_message_signing_ensure_request_object_with_exp_over_60_fails(
    bank: FapiParty, clock: MovableClock
) -> None:
    assert is_refused(bank, exp=seconds(clock()) + 70 * MINUTE)


def test_fapi2_message_signing_ensure_request_object_with_nbf_over_60_fails(
    bank: FapiParty, clock: MovableClock
) -> None:
    assert is_refused(bank, nbf=seconds(clock()) - 70 * MINUTE)


def test_fapi2_message_signing_ensure_signed_request_object_with_RS256_fails(
    parties: Callable[..., FapiParty],
) -> None:
    rsa = parties("rsa", RSA)

    assert push(rsa).status_code == 201
    assert is_refused(rsa, {"alg": "RS256"})


def test_fapi2_message_signing_ensure_request_object_signature_algorithm_is_not_none(
    bank: FapiParty,
) -> None:
    header, payload, _ = bank.object({**bank.request()}, {"alg": "none"}).split(".")

    refused = bank.post("/par", {"request": f"{header}.{payload}."}, "")

    scrutiny.demand_error(refused, "invalid_request_object")


def test_fapi2_message_signing_ensure_request_object_with_invalid_signature_fails(
    bank: FapiParty,
) -> None:
    signed = bank.object({**bank.request()})
    refused = bank.post("/par", {"request": f"{signed[:-4]}AAAA"}, "")

    scrutiny.demand_error(refused, "invalid_request_object")


def test_fapi2_message_signing_ensure_matching_key_in_authorization_request(
    bank: FapiParty, second: FapiParty
) -> None:
    signed = second.object({**bank.request(), "iss": bank.client_id})

    refused = bank.post("/par", {"request": signed}, "")

    scrutiny.demand_error(refused, "invalid_request_object")


def test_fapi2_message_signing_ensure_unsigned_request_at_par_endpoint_fails(
    parties: Callable[..., FapiParty],
) -> None:
    signing = parties("signing", ECKey.generate_key("P-256"), require_signed_request_object=True)

    assert push(signing).status_code == 201
    scrutiny.demand_error(signing.post("/par", signing.request(), ""), "invalid_request")


def test_fapi2_message_signing_par_authorization_request_containing_request_uri(
    bank: FapiParty,
) -> None:
    assert is_refused(bank, request_uri=bank.pushed())
