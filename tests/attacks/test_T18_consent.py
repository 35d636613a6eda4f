"""A client never has more of a person than was registered, shown and allowed."""

import json
from typing import Any

from tests.conftest import Enrol
from tests.labs.signing import claims_of
from tests.people import Browser, Person, answer

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
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
