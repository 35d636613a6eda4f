"""Modules of FAPI 2.0 about tokens and who may use them (A12)."""

from collections.abc import Callable
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from joserfc.jwk import ECKey, RSAKey
from werkzeug.test import TestResponse

from idp.clock import seconds, system_clock
from tests.clock import MovableClock
from tests.labs import scrutiny
from tests.labs.fapi_party import FapiParty
from tests.people import BASE, VERIFIER, Browser, Person
from tests.protocol.test_dpop import ath

ANOTHER = "a-wrong-verifier-of-forty-three-characters-"
RSA = RSAKey.generate_key(2048)


def test_fapi2_happy_flow(
    bank: FapiParty, second: FapiParty, browser: Browser, citizen: Person, over: str
) -> None:
    first = bank.sign_in(citizen)
    token = first.tokens["access_token"]
    in_query = browser.get("/userinfo", access_token=token)
    replies = [
        bank.userinfo(token, Accept=accept)
        for accept in ("application/json;charset=UTF-8", "application/json, */*;q=0.1")
    ]
    bound = {"dpop_jkt": second.proof_key.thumbprint()} if second.proof_key else {}
    other = second.sign_in(citizen, state="s" * 128, **bound)

    assert in_query.status_code == 400
    assert [reply.status_code for reply in replies] == [200, 200]
    assert first.userinfo == other.userinfo == {"sub": citizen.sub}
    for user, stolen in ((bank, other), (second, first)):
        assert user.userinfo(stolen.tokens["access_token"]).status_code == 401
    if over == "http":
        told = parsedate_to_datetime(replies[0].headers["Date"])
        assert abs(system_clock() - told.astimezone(UTC)) < timedelta(minutes=5)


def test_fapi2_access_token_type_header_case_sensitivity(bank: FapiParty, citizen: Person) -> None:
    token = bank.sign_in(citizen).tokens["access_token"]
    scheme = "bEARER" if bank.certificate else "dPOP"

    assert bank.userinfo(token, scheme=scheme).status_code == 200


@pytest.mark.parametrize("claim", ["nbf", "exp"])
def test_fapi2_check_dpop_proof_nbf_exp(
    bank: FapiParty, citizen: Person, clock: MovableClock, claim: str
) -> None:
    far = seconds(clock()) + (300 if claim == "exp" else -5)

    assert is_good_everywhere(bank, citizen, {claim: far})


def test_fapi2_ensure_dpopproof_with_iat_10seconds_before_succeeds(
    bank: FapiParty, citizen: Person, clock: MovableClock
) -> None:
    assert is_good_everywhere(bank, citizen, {"iat": seconds(clock()) - 10})


def test_fapi2_ensure_dpopproof_with_iat_10seconds_after_succeeds(
    bank: FapiParty, citizen: Person, clock: MovableClock
) -> None:
    assert is_good_everywhere(bank, citizen, {"iat": seconds(clock()) + 10})


def is_good_everywhere(bank: FapiParty, citizen: Person, claims: dict[str, Any]) -> bool:
    """Whether proofs with such claims are taken with a push, for a code and with a token."""
    code = bank.code(citizen, bank.proof("/par", **claims))
    token = bank.bought(code, bank.proof(**claims)).tokens["access_token"]
    proof = bank.proof("/userinfo", "GET", ath=ath(token), **claims)
    return bank.userinfo(token, proof).status_code == 200


def test_fapi2_ensure_dpopproof_at_par_endpoint_binding_success(
    bank: FapiParty, citizen: Person
) -> None:
    code = bank.code(citizen, bank.proof("/par"))

    assert bank.bought(code).tokens


def test_fapi2_ensure_dpop_auth_code_binding_success(bank: FapiParty, citizen: Person) -> None:
    assert bank.proof_key
    code = bank.code(citizen, bank.proof("/par"), dpop_jkt=bank.proof_key.thumbprint())

    assert bank.bought(code).tokens


def test_fapi2_ensure_token_endpoint_fails_with_mismatched_dpop_proof_jkt(
    bank: FapiParty, citizen: Person
) -> None:
    code = bank.code(citizen, bank.proof("/par"))
    bank.proof_key = ECKey.generate_key("P-256")

    scrutiny.demand_error(bank.redeem(code), "invalid_grant")


def test_fapi2_ensure_token_endpoint_fails_with_mismatched_dpop_jkt(
    bank: FapiParty, citizen: Person
) -> None:
    assert bank.proof_key
    code = bank.code(citizen, dpop_jkt=bank.proof_key.thumbprint())
    bank.proof_key = ECKey.generate_key("P-256")

    scrutiny.demand_error(bank.redeem(code), "invalid_grant")


def test_fapi2_ensure_client_id_in_token_endpoint(
    bank: FapiParty, second: FapiParty, citizen: Person
) -> None:
    refused = bank.redeem(bank.code(citizen), client_id=second.client_id)

    scrutiny.demand_error(refused, "invalid_client")


def test_fapi2_ensure_holder_of_key_required(
    bank: FapiParty, browser: Browser, citizen: Person
) -> None:
    code, certificate = bank.code(citizen), bank.certificate
    bank.certificate = None

    if certificate:
        form = {"grant_type": "authorization_code", "code": code, "client_id": bank.client_id}
        scrutiny.demand_error(browser.post("/token", form), "invalid_client")
    else:
        scrutiny.demand_error(bank.redeem(code, ""), "invalid_dpop_proof")
    bank.certificate = certificate
    assert bank.bought(code).tokens


def test_fapi2_ensure_authorization_code_is_bound_to_client(
    bank: FapiParty, second: FapiParty, citizen: Person
) -> None:
    refused = second.redeem(bank.code(citizen), redirect_uri=bank.redirect_uri)

    scrutiny.demand_error(refused, "invalid_grant")


def test_fapi2_attempt_reuse_authorization_code_after_one_second(
    bank: FapiParty, citizen: Person, clock: MovableClock
) -> None:
    code = bank.code(citizen)
    token = bank.bought(code).tokens["access_token"]
    clock.advance(timedelta(seconds=1))

    scrutiny.demand_error(bank.redeem(code), "invalid_grant")
    assert bank.userinfo(token).status_code == 401


def test_fapi2_ensure_token_endpoint_fails_with_expired_auth_code(
    bank: FapiParty, citizen: Person, clock: MovableClock
) -> None:
    code = bank.code(citizen)
    clock.advance(timedelta(seconds=62))

    scrutiny.demand_error(bank.redeem(code), "invalid_grant")


def test_fapi2_ensure_pkce_code_verifier_required(bank: FapiParty, citizen: Person) -> None:
    refused = bank.redeem(bank.code(citizen), code_verifier="")

    scrutiny.demand_error(refused, "invalid_grant")


def test_fapi2_incorrect_pkce_code_verifier_rejected(bank: FapiParty, citizen: Person) -> None:
    refused = bank.redeem(bank.code(citizen), code_verifier=ANOTHER)

    scrutiny.demand_error(refused, "invalid_grant")


def test_fapi2_ensure_signed_client_assertion_with_RS256_fails(
    parties: Callable[..., FapiParty], citizen: Person
) -> None:
    rsa = parties("rsa", RSA)
    code = rsa.code(citizen)

    refused = rsa.redeem(code, client_assertion=rsa.assertion({"alg": "RS256"}))

    scrutiny.demand_error(refused, "invalid_client")
    assert rsa.bought(code).tokens


def test_fapi2_ensure_client_assertion_in_token_endpoint(
    bank: FapiParty, browser: Browser, citizen: Person
) -> None:
    form = {
        "grant_type": "authorization_code",
        "code": bank.code(citizen),
        "redirect_uri": bank.redirect_uri,
        "code_verifier": VERIFIER,
        "client_id": bank.client_id,
    }

    scrutiny.demand_error(browser.post("/token", form, DPoP=bank.proof()), "invalid_client")


def is_refused_at_both(bank: FapiParty, citizen: Person, **claims: Any) -> bool:
    """Whether an assertion with such claims proves nobody, with a push as with a code."""
    pushed = bank.post("/par", bank.request() | {"client_assertion": bank.assertion(**claims)})
    redeemed = bank.redeem(bank.code(citizen), client_assertion=bank.assertion(**claims))
    for reply in (pushed, redeemed):
        scrutiny.demand_error(reply, "invalid_client")
    return True


def test_fapi2_ensure_client_assertion_with_exp_is_5_minutes_in_past_fails(
    bank: FapiParty, citizen: Person, clock: MovableClock
) -> None:
    past = seconds(clock()) - 300

    assert is_refused_at_both(bank, citizen, exp=past, iat=past - 60)


def test_fapi2_ensure_client_assertion_with_wrong_aud_fails(
    bank: FapiParty, citizen: Person
) -> None:
    assert is_refused_at_both(bank, citizen, aud="https://elsewhere.example")


def test_fapi2_ensure_client_assertion_with_no_sub_fails(bank: FapiParty, citizen: Person) -> None:
    assert is_refused_at_both(bank, citizen, sub=None)


def test_fapi2_par_ensure_jwt_client_assertions_nbf_8_seconds_in_the_future_is_accepted(
    bank: FapiParty, clock: MovableClock
) -> None:
    ahead = seconds(clock()) + 8
    assertion = bank.assertion(nbf=ahead, iat=ahead, exp=ahead + 60)
    form = {"request": bank.object(bank.request())} if bank.signs else bank.request()

    assert bank.post("/par", form | {"client_assertion": assertion}).status_code == 201


def test_fapi2_par_ensure_jwt_client_assertions_nbf_over_60_seconds_in_the_future_fails(
    bank: FapiParty, citizen: Person, clock: MovableClock
) -> None:
    ahead = seconds(clock()) + 62

    assert is_refused_at_both(bank, citizen, nbf=ahead, iat=ahead, exp=ahead + 60)


def test_fapi2_par_test_array_as_audience_fails(bank: FapiParty, citizen: Person) -> None:
    assert is_refused_at_both(bank, citizen, aud=[BASE])


def test_fapi2_par_test_par_endpoint_url_as_audience_fails(
    bank: FapiParty, citizen: Person
) -> None:
    assert is_refused_at_both(bank, citizen, aud=f"{BASE}/par")


def test_fapi2_par_test_token_endpoint_url_as_audience_fails(
    bank: FapiParty, citizen: Person
) -> None:
    assert is_refused_at_both(bank, citizen, aud=f"{BASE}/token")


def test_fapi2_dpop_negative_tests(
    bank: FapiParty, browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    token = bank.sign_in(citizen).tokens["access_token"]
    assert bank.proof_key
    now = seconds(clock())

    def use(*, header: dict[str, Any] | None = None, **claims: Any) -> TestResponse:
        usual = {"ath": ath(token), "htu": f"{BASE}/userinfo", "header": header or {}}
        return bank.userinfo(token, bank.proof("/userinfo", "GET", **usual | claims))

    missing: list[dict[str, Any]] = [
        {name: None} for name in ("jti", "htm", "htu", "iat", "ath")
    ] + [{"header": {name: None}} for name in ("typ", "alg", "jwk")]
    wrong: list[dict[str, Any]] = [
        {"header": {"typ": "JWT"}},
        {"header": {"alg": "RS256"}},
        {"header": {"alg": "none"}},
        {"header": {"jwk": bank.proof_key.as_dict(private=True)}},
        {"htm": "POST"},
        {"htu": f"{BASE}/token"},
        {"iat": now - 3600},
        {"iat": now + 3600},
        {"ath": ath("another token")},
    ]
    for changes in (*missing, *wrong):
        assert is_refused(use(**changes)), changes
    for sent in negative_proofs(bank, token):
        assert is_refused(bank.userinfo(token, sent)), sent
    assert is_refused(browser.userinfo(token))
    for htu in ("/userinfo?a=b", "/userinfo#c", "/userinfo"):
        assert use(htu=f"{BASE}{htu}", header={"more": "1"}, more=1).status_code == 200, htu
    for htu in ("HTTPS://SSO.EXAMPLE/userinfo", "https://sso.example:443/userinfo"):
        assert use(htu=htu).status_code == 200, htu
    assert use().status_code == 200


def negative_proofs(bank: FapiParty, token: str) -> list[str]:
    """Proofs of another key, with a bad signature, twice, unreadable, used, and none at all."""
    good = bank.proof("/userinfo", "GET", ath=ath(token))
    other = FapiParty(bank.browser, bank.clock, bank.registration, bank.key, ECKey.generate_key())
    used = bank.proof("/userinfo", "GET", ath=ath(token))
    assert bank.userinfo(token, used).status_code == 200
    return [
        other.proof("/userinfo", "GET", ath=ath(token)),
        f"{good[:-4]}AAAA",
        f"{good}, {good}",
        "no.proof.atall",
        used,
        "",
    ]


def is_refused(reply: TestResponse) -> bool:
    return reply.status_code in {400, 401} and "WWW-Authenticate" in reply.headers


def test_fapi2_refresh_token(
    bank: FapiParty, second: FapiParty, browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    """The token is not rotated: what was refreshed with still works half a minute later."""
    bought = bank.sign_in(citizen, scope="openid offline_access", prompt="consent")
    refresh_token = bought.tokens["refresh_token"]
    if bank.proof_key:
        bank.proof_key = ECKey.generate_key("P-256")

    first = scrutiny.demand_tokens(bank.refresh(refresh_token))
    clock.advance(timedelta(seconds=30))
    again = scrutiny.demand_tokens(bank.refresh(refresh_token))

    assert len({one["access_token"] for one in (bought.tokens, first, again)}) == 3
    assert bank.userinfo(again["access_token"]).status_code == 200
    scrutiny.demand_error(second.refresh(refresh_token), "invalid_grant")
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    nobody = browser.post("/token", form | {"client_id": bank.client_id})
    scrutiny.demand_error(nobody, "invalid_client")
    if bank.proof_key:
        scrutiny.demand_error(bank.refresh(refresh_token, ""), "invalid_dpop_proof")
