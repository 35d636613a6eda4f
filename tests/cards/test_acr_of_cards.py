"""What apps ask of cards: ``acr``, step-up (RFC 9470), and what discovery says (P03, D13)."""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from sqlalchemy import insert

from cardbridge.lab.faults import NAMED
from cardbridge.lab.pki import CardFiles, LabPki
from cardbridge.lab.responder import Responder
from idp.authenticators.card import authority
from idp.authenticators.card.index import CardRevocationList
from idp.clock import system_clock
from idp.config import CardsSection, Config
from idp.oidc.vocabulary import ACR_MFA, ACR_PASSWORD
from idp.provider import Provider
from tests.clock import MovableClock
from tests.labs.card_holders import card_of, present, take
from tests.labs.signing import claims_of
from tests.people import CONFIG, Browser, Person, answer

CARD, UNCHECKED = "urn:portico:acr:card", "urn:portico:acr:card-unchecked"
pytestmark = [
    pytest.mark.usefixtures("responder"),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]


def essential(*values: str) -> str:
    return json.dumps({"id_token": {"acr": {"essential": True, "values": list(values)}}})


@pytest.fixture
def config() -> Config:
    section = CardsSection(
        enabled=True,
        hosts_also=["127.0.0.1"],
        deadline_seconds=0.5,
        ocsp_cached_seconds=0,
        crl_grace_hours=24 * 365,
    )
    return msgspec.structs.replace(CONFIG, cards=section)


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(system_clock())


@pytest.fixture
def card(provider: Provider, lab: LabPki, citizen: Person) -> CardFiles:
    take(provider, lab, "moica")
    return card_of(provider, lab, citizen)


@pytest.fixture
def inside(browser: Browser, citizen: Person, clock: MovableClock) -> Browser:
    """Signed in by password, a second ago."""
    browser.get("/signin/password")
    browser.sign_in(citizen)
    clock.advance(timedelta(seconds=1))
    return browser


def claims(browser: Browser) -> dict[str, Any]:
    tokens: Any = browser.redeem(answer(browser.last)["code"]).json
    return claims_of(tokens["id_token"])


def at(browser: Browser, path: str) -> bool:
    return browser.trail[-1].partition("?")[0].endswith(path)


@pytest.mark.parametrize("wish", [{"acr_values": CARD}, {"claims": essential(CARD)}])
def test_a_password_session_is_led_to_the_card_and_back(
    inside: Browser, card: CardFiles, wish: dict[str, str]
) -> None:
    inside.authorize(**wish)
    assert at(inside, "/signin/card")

    present(inside, card)
    inside.follow()

    told = claims(inside)
    assert (told["acr"], told["amr"]) == (CARD, ["sc", "pin", "mfa"])
    inside.authorize(**wish)
    assert claims(inside)["acr"] == CARD


def test_RFC9470_a_resource_that_wants_the_card_gets_a_token_that_says_so(
    inside: Browser, citizen: Person, card: CardFiles, clock: MovableClock
) -> None:
    before = token_claims(inside, citizen)
    clock.advance(timedelta(seconds=30))
    challenge = {"acr_values": CARD, "max_age": "10"}

    inside.authorize(**challenge)
    assert at(inside, "/signin/card")
    present(inside, card)
    inside.follow()
    tokens: Any = inside.redeem(answer(inside.last)["code"]).json

    after = claims_of(tokens["access_token"])
    assert before["acr"] == ACR_PASSWORD
    assert after["acr"] == CARD
    assert after["auth_time"] > before["auth_time"]
    told: Any = inside.client.post(
        "/introspect",
        data={"token": tokens["access_token"]},
        auth=("app", "the-app-keeps-this-to-itself"),
        base_url="https://sso.example",
    ).json
    assert (told["active"], told["acr"]) == (True, CARD)


def token_claims(browser: Browser, person: Person) -> dict[str, Any]:
    tokens: Any = browser.redeem(browser.code(person)).json
    return claims_of(tokens["access_token"])


@pytest.mark.usefixtures("card")
def test_who_is_not_signed_in_is_led_to_the_card_at_once(browser: Browser) -> None:
    browser.authorize(claims=essential(CARD))

    assert at(browser, "/signin/card")


@pytest.mark.usefixtures("card")
def test_a_wish_for_a_card_lets_people_take_another_way(browser: Browser, citizen: Person) -> None:
    browser.authorize(acr_values=CARD)
    journey = browser.hidden()["journey"]

    browser.get("/signin/password", journey=journey)
    browser.sign_in(citizen)

    assert claims(browser)["acr"] == ACR_PASSWORD


@pytest.mark.usefixtures("card")
def test_without_a_page_a_card_cannot_be_asked_for(inside: Browser) -> None:
    inside.authorize(claims=essential(CARD), prompt="none")
    assert answer(inside.last)["error"] == "login_required"


def test_who_has_no_card_is_told_that_the_app_wants_more(
    inside: Browser, provider: Provider, lab: LabPki
) -> None:
    take(provider, lab, "moica")

    refused = inside.authorize(claims=essential(CARD))

    assert "stronger way to sign in" in refused.text
    inside.authorize(claims=essential(CARD), prompt="none")
    assert answer(inside.last)["error"] == "unmet_authentication_requirements"


def test_a_card_stands_for_two_factors(browser: Browser, card: CardFiles) -> None:
    browser.authorize(claims=essential(CARD))
    present(browser, card)
    browser.follow()

    for asked in (ACR_MFA, ACR_PASSWORD):
        browser.authorize(claims=essential(asked))
        assert claims(browser)["acr"] == asked
    browser.authorize(claims=essential(ACR_PASSWORD, UNCHECKED, ACR_MFA))
    assert claims(browser)["acr"] == UNCHECKED


def test_D13_a_card_that_could_not_be_checked_never_stands_for_one_that_was(
    inside: Browser,
    provider: Provider,
    lab: LabPki,
    *,
    responder: Responder,
    card: CardFiles,
    clock: MovableClock,
) -> None:
    keep_a_list_of_yesterday(provider, lab)
    responder.faults.set("moica", "ocsp", NAMED["silent"])
    responder.faults.set("moica", "crl", NAMED["500"])
    inside.authorize(claims=essential(CARD))

    present(inside, card)
    refused = inside.follow()

    assert "stronger way to sign in" in refused.text
    inside.authorize()
    assert claims(inside)["acr"] == UNCHECKED
    inside.authorize(claims=essential(CARD, UNCHECKED))
    assert claims(inside)["acr"] == UNCHECKED
    clock.advance(timedelta(seconds=1))
    inside.authorize(claims=essential(ACR_MFA), prompt="none")
    assert answer(inside.last)["error"] == "login_required"


def keep_a_list_of_yesterday(provider: Provider, lab: LabPki) -> None:
    """Have a whole list on record whose time is over."""
    moica, now = authority.read(lab.issuers["moica"], "moica"), system_clock()
    row = {
        "issuer": moica.fingerprint,
        "list_id": uuid4(),
        "number": "1",
        "this_update": now - timedelta(days=1),
        "next_update": now - timedelta(hours=1),
        "entries": 0,
        "due_at": now,
        "trouble": "",
    }
    with provider.database.write() as tx:
        tx.execute(insert(CardRevocationList), [row])


def test_discovery_says_what_cards_reach(browser: Browser) -> None:
    document: Any = browser.get("/.well-known/openid-configuration").json

    assert document["acr_values_supported"] == [ACR_PASSWORD, ACR_MFA, CARD, UNCHECKED]
