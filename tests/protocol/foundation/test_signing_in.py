"""Modules about the sign-in itself (A1 to A4), each in every flow of the plans that run it."""

from datetime import timedelta

from tests.clock import MovableClock
from tests.labs.relying_party import RelyingParty
from tests.people import CHALLENGE, VERIFIER, Browser, Person

WHILE = timedelta(seconds=2)


def test_oidcc_server(party: RelyingParty, citizen: Person) -> None:
    outcome = party.sign_in(citizen)

    assert outcome.asked_to_sign_in
    assert outcome.claims["sub"] == citizen.sub
    assert not outcome.unasked


def test_oidcc_response_type_missing(party: RelyingParty) -> None:
    found = party.error(response_type="")

    assert found["error"] in {"unsupported_response_type", "invalid_request"}


def test_oidcc_ensure_request_without_nonce_succeeds_for_code_flow(
    party: RelyingParty, citizen: Person
) -> None:
    outcome = party.sign_in(citizen, nonce="")

    assert "nonce" not in outcome.claims


def test_oidcc_ensure_request_without_nonce_fails(party: RelyingParty) -> None:
    assert party.error(nonce="")["error"] == "invalid_request"


def test_oidcc_alternate_happy_flow(party: RelyingParty, browser: Browser, citizen: Person) -> None:
    request = party.request(scope="email openid")
    backwards = {name: request[name] for name in reversed(list(request))}

    browser.get(party.endpoint("authorization_endpoint"), **backwards)
    browser.follow()

    assert "email" in party.arrive(citizen).told


def test_oidcc_display_page(party: RelyingParty, citizen: Person) -> None:
    assert party.sign_in(citizen, display="page").asked_to_sign_in


def test_oidcc_display_popup(party: RelyingParty, citizen: Person) -> None:
    assert party.sign_in(citizen, display="popup").asked_to_sign_in


def test_oidcc_prompt_login(party: RelyingParty, citizen: Person, clock: MovableClock) -> None:
    first = party.sign_in(citizen)
    clock.advance(WHILE)

    second = party.sign_in(citizen, prompt="login")

    assert second.asked_to_sign_in
    assert first.claims["auth_time"] < second.claims["auth_time"]


def test_oidcc_prompt_none_not_logged_in(party: RelyingParty) -> None:
    found = party.error(prompt="none", state="s" * 128)

    assert found["error"] == "login_required"


def test_oidcc_prompt_none_logged_in(
    party: RelyingParty, citizen: Person, clock: MovableClock
) -> None:
    first = party.sign_in(citizen)
    clock.advance(WHILE)

    second = party.sign_in(citizen, prompt="none")

    assert is_the_same_sign_in(first.claims, second.claims)


def test_oidcc_max_age_1(party: RelyingParty, citizen: Person, clock: MovableClock) -> None:
    first = party.sign_in(citizen)
    clock.advance(WHILE)

    second = party.sign_in(citizen, max_age="1")

    assert second.asked_to_sign_in
    assert first.claims["auth_time"] < second.claims["auth_time"]


def test_oidcc_max_age_10000(party: RelyingParty, citizen: Person, clock: MovableClock) -> None:
    first = party.sign_in(citizen, max_age="15000")
    clock.advance(WHILE)

    second = party.sign_in(citizen, max_age="10000")

    assert not second.asked_to_sign_in
    assert is_the_same_sign_in(first.claims, second.claims)


def is_the_same_sign_in(first: dict[str, object], second: dict[str, object]) -> bool:
    return all(first[name] == second[name] for name in ("sub", "auth_time"))


def test_oidcc_ensure_request_with_unknown_parameter_succeeds(
    party: RelyingParty, citizen: Person
) -> None:
    assert party.sign_in(citizen, extra="foobar").asked_to_sign_in


def test_oidcc_id_token_hint(party: RelyingParty, citizen: Person, clock: MovableClock) -> None:
    first = party.sign_in(citizen)
    clock.advance(WHILE)

    second = party.sign_in(citizen, prompt="none", id_token_hint=first.id_token)

    assert is_the_same_sign_in(first.claims, second.claims)


def test_oidcc_login_hint(party: RelyingParty, citizen: Person) -> None:
    page = party.ask(login_hint="buffy@sso.example")

    assert 'value="buffy@sso.example"' in page.text
    assert party.arrive(citizen).asked_to_sign_in


def test_oidcc_ui_locales(party: RelyingParty, citizen: Person) -> None:
    assert party.sign_in(citizen, ui_locales="se").asked_to_sign_in


def test_oidcc_claims_locales(party: RelyingParty, citizen: Person) -> None:
    assert party.sign_in(citizen, claims_locales="se").asked_to_sign_in


def test_oidcc_ensure_request_with_acr_values_succeeds(
    party: RelyingParty, citizen: Person
) -> None:
    offered = party.metadata["acr_values_supported"]

    outcome = party.sign_in(citizen, acr_values=" ".join(offered))

    assert outcome.claims["acr"] in offered


def test_oidcc_ensure_registered_redirect_uri(party: RelyingParty) -> None:
    assert party.is_refused_on_a_page(redirect_uri=f"{party.redirect_uri}/uC5tGDcL")


def test_oidcc_ensure_post_request_succeeds(
    party: RelyingParty, browser: Browser, citizen: Person
) -> None:
    """From another site: no cookie comes along, and none was there before."""
    browser.post(party.endpoint("authorization_endpoint"), party.request())
    browser.follow(until=party.redirect_uri)

    assert party.arrive(citizen).asked_to_sign_in


def test_oidcc_ensure_request_with_valid_pkce_succeeds(
    party: RelyingParty, citizen: Person
) -> None:
    party.verifier = VERIFIER

    assert party.sign_in(citizen, code_challenge=CHALLENGE, code_challenge_method="S256").tokens
