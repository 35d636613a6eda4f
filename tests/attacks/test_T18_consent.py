"""A client never has more of a person than was registered, shown and allowed."""

import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from idp.config import ClientSection
from idp.oidc import clients
from idp.provider import Provider
from tests.clock import MovableClock
from tests.conftest import Enrol
from tests.labs.signing import claims_of
from tests.people import LAWYER, Browser, Person, add, answer, request_of

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
BINDING = "__Host-portico_browser"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


def asking(*names: str) -> str:
    """Write a ``claims`` parameter that asks in both places."""
    each = dict.fromkeys(names)
    return json.dumps({"userinfo": each, "id_token": each})


def at_consent(browser: Browser) -> bool:
    return "/signin/consent" in browser.trail[-1]


def told(browser: Browser, access_token: str) -> Any:
    return browser.userinfo(access_token).json


def test_single_claims_reach_no_further_than_the_registered_scope(
    browser: Browser, citizen: Person, enrol: Enrol
) -> None:
    enrol("lean", scope="openid", trusted=False)
    browser.authorize("lean", claims=asking("email", "phone_number", "address", "birthdate"))
    browser.sign_in(citizen)
    browser.consent()

    tokens: Any = browser.redeem(answer(browser.last)["code"], "lean").json

    assert told(browser, tokens["access_token"]) == {"sub": citizen.sub}
    assert not {"email", "phone_number"} & claims_of(tokens["id_token"]).keys()


def test_single_claims_are_shown_and_remembered_as_the_scopes_they_belong_to(
    browser: Browser, citizen: Person, enrol: Enrol
) -> None:
    enrol("third", trusted=False)
    browser.authorize("third")
    browser.sign_in(citizen)
    browser.consent()

    browser.authorize("third", prompt="none", claims=asking("email"))
    silently = answer(browser.last)
    browser.authorize("third", claims=asking("email"))
    page = browser.last
    assert page is not None
    browser.consent()
    tokens: Any = browser.redeem(answer(browser.last)["code"], "third").json
    browser.authorize("third", prompt="none", claims=asking("email"))
    remembered = answer(browser.last)

    assert silently["error"] == "consent_required"
    assert "Your e-mail address" in page.text
    assert told(browser, tokens["access_token"]) == {"sub": citizen.sub, "email": citizen.email}
    assert claims_of(tokens["id_token"])["email"] == citizen.email
    assert "code" in remembered


def test_a_narrowed_or_exchanged_token_says_no_more_than_its_scope(
    browser: Browser, citizen: Person, enrol: Enrol
) -> None:
    machine: dict[str, Any] = {"redirect_uris": [], "grant_types": [EXCHANGE], "introspects": True}
    enrol("service", scope="openid", **machine)
    code = browser.code(citizen, scope="openid email", claims=asking("address"))
    tokens: Any = browser.redeem(code).json
    whole = told(browser, tokens["access_token"])

    handed = {"subject_token": tokens["access_token"], "subject_token_type": ACCESS_TOKEN}
    exchanged: Any = browser.token("service", grant_type=EXCHANGE, **handed).json
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    narrowed: Any = browser.token(**refresh, scope="openid").json

    assert whole.keys() == {"sub", "email", "email_verified", "address"}
    assert told(browser, exchanged["access_token"]) == {"sub": citizen.sub}
    assert told(browser, narrowed["access_token"]) == {"sub": citizen.sub}


WIDE = "openid email phone address profile offline_access"


def wider(provider: Provider, registered: ClientSection) -> None:
    """Change a registration, as a client does that manages its own (RFC 7592)."""
    with provider.database.write() as tx:
        clients.change(tx, msgspec.structs.replace(registered, scope=WIDE))
    provider.clients.forget()


@pytest.mark.parametrize("when", ["the page is open", "it was allowed"])
def test_a_registration_that_changes_on_the_way_is_asked_about_again(
    browser: Browser, citizen: Person, provider: Provider, enrol: Enrol, when: str
) -> None:
    registered = enrol("third", trusted=False, scope="openid")
    browser.get("/authorize", **request_of("third", scope=WIDE))
    browser.follow()
    browser.sign_in(citizen)
    first = browser.last
    fields = browser.hidden() | {"decision": "allow"}
    if when == "the page is open":
        wider(provider, registered)
        browser.post("/signin/consent", fields)
    else:
        browser.post("/signin/consent", fields)
        wider(provider, registered)

    again = browser.follow()
    asked_again = at_consent(browser)
    browser.consent()
    tokens: Any = browser.redeem(answer(browser.last)["code"], "third").json

    assert first is not None
    assert "Your e-mail address" not in first.text
    assert asked_again
    assert "Your e-mail address" in again.text
    assert tokens["scope"] == " ".join(sorted(WIDE.split()))


def test_a_form_that_does_not_say_what_it_showed_allows_nothing(
    browser: Browser, citizen: Person, enrol: Enrol
) -> None:
    enrol("third", trusted=False)
    browser.authorize("third")
    browser.sign_in(citizen)
    fields = browser.hidden() | {"decision": "allow"}

    for shown in ("", "x"):
        browser.post("/signin/consent", fields | {"shown": shown})
        browser.follow()
        assert at_consent(browser)


def consented_by_somebody_else(browser: Browser, provider: Provider, enrol: Enrol) -> str:
    """Let a lawyer say yes and go no further; gives the way on."""
    enrol("third", trusted=False)
    lawyer = add(provider, LAWYER)
    browser.get("/authorize", **request_of("third", scope="openid email"))
    browser.follow()
    browser.sign_in(lawyer)
    browser.post("/signin/consent", browser.hidden() | {"decision": "allow"})
    assert browser.last is not None
    return browser.last.headers["Location"]


def test_nobody_goes_on_with_what_somebody_else_has_allowed(
    browser: Browser, citizen: Person, provider: Provider, enrol: Enrol, clock: MovableClock
) -> None:
    onward = consented_by_somebody_else(browser, provider, enrol)
    clock.advance(timedelta(minutes=1))
    binding = browser.client.get_cookie(BINDING, "sso.example")
    assert binding is not None
    browser.get("/signin/password")
    browser.sign_in(citizen)
    browser.client.set_cookie(BINDING, binding.value, domain="sso.example")

    browser.get(onward)
    browser.follow()

    assert at_consent(browser)


@pytest.mark.parametrize("ends", ["sign-in", "sign-out"])
def test_a_journey_under_way_is_lost_to_the_next_person_at_the_browser(
    browser: Browser, citizen: Person, provider: Provider, enrol: Enrol, ends: str
) -> None:
    onward = consented_by_somebody_else(browser, provider, enrol)
    if ends == "sign-out":
        browser.get("/")
        browser.post("/signout", browser.hidden())
    else:
        browser.get("/signin/password")
        browser.sign_in(citizen)

    lost = browser.get(onward)

    assert "journey_lost" in lost.text


def test_a_resource_is_shown_and_remembered_like_a_scope(
    browser: Browser, citizen: Person, enrol: Enrol
) -> None:
    cases, taxes = "https://cases.example/api", "https://tax.example/api"
    enrol("third", trusted=False, resources=[cases, taxes])
    browser.authorize("third", resource=cases)
    page = browser.sign_in(citizen)
    browser.consent()

    browser.authorize("third", resource=cases, prompt="none")
    remembered = answer(browser.last)
    browser.authorize("third", resource=taxes, prompt="none")
    silently = answer(browser.last)
    browser.authorize("third", resource=taxes)
    browser.consent()
    browser.authorize("third", resource=cases, prompt="none")
    both = answer(browser.last)

    assert cases in page.text
    assert taxes not in page.text
    assert "code" in remembered
    assert silently["error"] == "consent_required"
    assert "code" in both
