"""What apps are told of proven accounts: ``verified_claims``, scopes, confirmation."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import update

from cardbridge.lab.holders import CITIZEN
from cardbridge.lab.pki import LabPki
from idp import worker
from idp.accounts import proofs
from idp.accounts.model import Kind, Profile
from idp.accounts.particulars import Field
from idp.accounts.proofs import AccountProof, Assurance, Attribute, Proof
from idp.authenticators.card import cards
from idp.clock import system_clock
from idp.config import CardsSection, Config
from idp.gateways.ics import ClientKey, Said
from idp.oidc.identity_assurance import NATIONAL_ID_CLAIM
from idp.provider import Provider
from tests import people
from tests.cards.test_P41_account_cards import add, audit, card, held
from tests.clock import MovableClock
from tests.conftest import Enrol
from tests.labs import ics
from tests.labs.card_holders import give, take
from tests.labs.ics import Authority
from tests.labs.signing import claims_of
from tests.people import CONFIG, Browser, Person

pytestmark = pytest.mark.usefixtures("responder")
LIN = Person("LIN1", profile=Profile(name=CITIZEN.name), email="lin@people.example")
WHOLE = "openid profile verified_identity national_id"
WANTED = {"verification": {"trust_framework": None, "assurance_process": {"procedure": None}}}


@pytest.fixture
def config() -> Config:
    section = CardsSection(enabled=True, hosts_also=["127.0.0.1"], deadline_seconds=0.5)
    return msgspec.structs.replace(CONFIG, cards=section)


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(system_clock())


@pytest.fixture
def lin(provider: Provider, lab: LabPki) -> Person:
    """She has typed her national id, and added her card since."""
    take(provider, lab, "moica")
    person = people.add(provider, LIN)
    assert person.account is not None
    with provider.database.write() as tx:
        known = {Field.NATIONAL_ID: CITIZEN.national_id}
        provider.particulars.put(tx, person.account.id, person.kind, known)
    browser = Browser.on(provider)
    browser.get("/signin/password")
    browser.sign_in(person)
    assert 'id="saved"' in add(browser, card(lab))
    return person


def tokens(browser: Browser, person: Person, app: str, **asked: str) -> Any:
    return browser.redeem(browser.code(person, app, **asked), app).json


def told(browser: Browser, person: Person, app: str, **asked: str) -> Any:
    found = tokens(browser, person, app, **asked)
    return (browser.userinfo(found["access_token"]).json or {}).get("verified_claims")


def procedures(found: Any) -> dict[str, str]:
    return {
        name: one["verification"]["assurance_process"]["procedure"]
        for one in found
        for name in one["claims"]
    }


def test_scopes_tell_what_a_card_has_shown_and_how_surely(
    browser: Browser, lin: Person, enrol: Enrol
) -> None:
    enrol("court", scope=WHOLE)

    found = told(browser, lin, "court", scope=WHOLE)

    assert procedures(found) == {"name": "certificate", NATIONAL_ID_CLAIM: "tail_matched"}
    assert {one["verification"]["trust_framework"] for one in found} == {"tw_gpki"}
    assert found[0]["claims"]["name"] == CITIZEN.name
    assert all("evidence" not in one["verification"] for one in found)


def test_P33_an_app_gets_no_more_than_it_is_registered_for(
    browser: Browser, lin: Person, enrol: Enrol
) -> None:
    enrol("plain", scope="openid profile")
    enrol("names", scope="openid verified_identity")
    asked = {"userinfo": {"verified_claims": WANTED | {"claims": {NATIONAL_ID_CLAIM: None}}}}

    assert told(browser, lin, "plain", scope=WHOLE) is None
    assert procedures(told(browser, lin, "names", scope=WHOLE)) == {"name": "certificate"}
    assert told(browser, lin, "names", scope="openid", claims=json.dumps(asked)) is None


def test_a_request_tells_what_it_names_with_the_evidence_that_it_names(
    browser: Browser, lin: Person, enrol: Enrol
) -> None:
    enrol("court", scope=WHOLE)
    wanted: dict[str, Any] = {
        "verification": {"trust_framework": None, "evidence": [{"type": None, "issuer": None}]},
        "claims": {"name": None},
    }
    asked = json.dumps({"userinfo": {"verified_claims": wanted}})

    (found,) = told(browser, lin, "court", scope="openid", claims=asked)

    (signed,) = found["verification"]["evidence"]
    assert signed["type"] == "electronic_signature"
    assert "OU=" in signed["issuer"]
    assert set(found["verification"]) == {"trust_framework", "evidence"}
    assert found["claims"] == {"name": CITIZEN.name}


def test_the_id_token_tells_it_where_it_is_asked_for_there(
    browser: Browser, lin: Person, enrol: Enrol
) -> None:
    enrol("court", scope=WHOLE)
    wanted = WANTED | {"claims": {"name": None}}
    asked = json.dumps({"id_token": {"verified_claims": [wanted]}})

    found = tokens(browser, lin, "court", scope="openid", claims=asked)

    told_there = claims_of(found["id_token"])["verified_claims"]
    assert procedures(told_there) == {"name": "certificate"}
    assert "verified_claims" not in (browser.userinfo(found["access_token"]).json or {})


def test_a_bound_that_is_not_kept_leaves_the_claim_out(
    browser: Browser, lin: Person, enrol: Enrol
) -> None:
    enrol("court", scope=WHOLE)
    sure = {"trust_framework": None, "assurance_process": {"procedure": {"value": "confirmed"}}}
    wanted = {"verification": sure, "claims": {NATIONAL_ID_CLAIM: None}}
    asked = json.dumps({"userinfo": {"verified_claims": wanted}})

    assert told(browser, lin, "court", scope="openid", claims=asked) is None
    assert lin.account is not None


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("wanted", [None, {}, [], {"claims": {}}, {"verification": {}}])
def test_a_malformed_request_is_refused_at_once(
    browser: Browser, provider: Provider, wanted: Any
) -> None:
    del provider
    asked = json.dumps({"userinfo": {"verified_claims": wanted}})

    browser.authorize(claims=asked)

    assert people.answer(browser.last)["error"] == "invalid_request"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_account_without_proof_has_no_verified_claims(
    browser: Browser, citizen: Person, enrol: Enrol
) -> None:
    enrol("court", scope=WHOLE)

    assert told(browser, citizen, "court", scope=WHOLE) is None


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_discovery_says_what_is_verified_where_cards_are_taken(
    browser: Browser, provider: Provider
) -> None:
    document: Any = browser.get("/.well-known/openid-configuration").json
    plain = msgspec.structs.replace(provider.config, cards=CardsSection())
    without: Any = (
        Browser.on(replace(provider, config=plain)).get("/.well-known/openid-configuration").json
    )

    assert document["verified_claims_supported"] is True
    assert document["trust_frameworks_supported"] == ["tw_gpki"]
    assert document["evidence_supported"] == ["electronic_signature"]
    assert NATIONAL_ID_CLAIM in document["claims_in_verified_claims_supported"]
    assert "verified_claims_supported" not in without


@pytest.fixture(scope="module")
def ours() -> ClientKey:
    return ics.new_key()


@pytest.fixture
def authority(ours: ClientKey) -> Iterator[Authority]:
    """The service, which knows her whole number."""
    with ics.authority(ours, {CITIZEN.subject_number: CITIZEN.national_id}) as server:
        yield server


@pytest.fixture
def confirming(provider: Provider, authority: Authority, ours: ClientKey) -> Provider:
    return replace(provider, ics=ics.asking(authority, ours))


def proven(provider: Provider, person: Person) -> dict[Attribute, Assurance]:
    assert person.account is not None
    with provider.database.read() as tx:
        return {name: one.assurance for name, one in proofs.of(tx, person.account.id).items()}


def test_what_the_authority_confirms_is_told_so(
    browser: Browser, confirming: Provider, authority: Authority, lin: Person, enrol: Enrol
) -> None:
    enrol("court", scope=WHOLE)

    assert worker.confirm_national_ids(confirming) == 1

    found = told(browser, lin, "court", scope=WHOLE)
    assert procedures(found)[NATIONAL_ID_CLAIM] == "confirmed"
    worker.confirm_national_ids(confirming)
    assert authority.asked == 1
    assert audit(confirming, "national_id.asked") == [{"said": "yes"}]


def test_what_the_authority_denies_is_told_no_longer(
    browser: Browser, confirming: Provider, authority: Authority, lin: Person, enrol: Enrol
) -> None:
    enrol("court", scope=WHOLE)
    authority.holders.clear()

    worker.confirm_national_ids(confirming)

    assert procedures(told(browser, lin, "court", scope=WHOLE)) == {"name": "certificate"}
    assert audit(confirming, "national_id.asked") == [{"said": "no"}]
    assert lin.account is not None
    with confirming.database.read() as tx:
        assert confirming.particulars.of(tx, lin.account.id) == {}


@pytest.mark.parametrize("code", ["999", "2"])
def test_no_answer_is_not_a_no(
    confirming: Provider, authority: Authority, lin: Person, clock: MovableClock, code: str
) -> None:
    authority.instead = lambda question: ics.reply(question, code)
    worker.confirm_national_ids(confirming)
    assert proven(confirming, lin)[Attribute.NATIONAL_ID] is Assurance.TAIL_MATCHED
    worker.confirm_national_ids(confirming)
    assert authority.asked == 1

    authority.instead = None
    clock.advance(timedelta(days=1, seconds=1))
    worker.confirm_national_ids(confirming)

    assert proven(confirming, lin)[Attribute.NATIONAL_ID] is Assurance.CONFIRMED


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_answer_about_a_proof_that_was_replaced_counts_for_nothing(
    provider: Provider, lin: Person
) -> None:
    with provider.database.read() as tx:
        (question,) = provider.confirming.questions(tx, 9)
    with provider.database.write() as tx:
        tx.execute(update(AccountProof).values(evidence=b"\x02" * 32))

    with provider.database.write() as tx:
        provider.confirming.settle(tx, question, Said.NO)

    assert proven(provider, lin)[Attribute.NATIONAL_ID] is Assurance.TAIL_MATCHED


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_without_the_service_nobody_is_asked(provider: Provider, lin: Person) -> None:
    assert worker.confirm_national_ids(provider) == 0
    assert proven(provider, lin)[Attribute.NATIONAL_ID] is Assurance.TAIL_MATCHED


ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@ONE_DATABASE
def test_a_name_is_told_as_proven_only_while_it_is_the_one_that_was(
    browser: Browser, provider: Provider, lin: Person, enrol: Enrol
) -> None:
    enrol("court", scope=WHOLE)
    assert lin.account is not None
    other = msgspec.structs.replace(lin.account.profile, name="王大法官")

    with provider.database.write() as tx:
        provider.accounts.describe(tx, lin.account.id, other)

    assert procedures(told(browser, lin, "court", scope=WHOLE)) == {
        NATIONAL_ID_CLAIM: "tail_matched"
    }


@ONE_DATABASE
def test_what_a_card_has_proven_goes_with_the_last_card_of_its_holder(
    browser: Browser, provider: Provider, lab: LabPki, lin: Person, enrol: Enrol
) -> None:
    enrol("court", scope=WHOLE)
    give(provider, lin, card(lab))
    first, second = held(provider, lin)
    account = lin.account
    assert account is not None

    with provider.database.write() as tx:
        cards.remove(tx, account.id, first.id)
        assert set(proofs.of(tx, account.id)) == {Attribute.NAME, Attribute.NATIONAL_ID}
        cards.remove(tx, account.id, second.id)

    assert told(browser, lin, "court", scope=WHOLE) is None


@ONE_DATABASE
def test_who_changes_their_name_has_not_proven_it(browser: Browser, provider: Provider) -> None:
    typed = Person("TYPED1", kind=Kind.UNCERTIFIED, profile=Profile(name=CITIZEN.name))
    account = people.add(provider, typed).account
    assert account is not None
    shown = Proof(Attribute.NAME, Assurance.CERTIFICATE, "moica", "1", b"v", b"e", system_clock())
    with provider.database.write() as tx:
        proofs.put(tx, account.id, [shown])
    browser.get("/signin/password")
    browser.sign_in(typed)
    browser.get("/account/details")

    details = {"name": "王大法官", "phone": "02-2311-3456"}
    assert browser.post("/account/details", browser.hidden() | details).status_code == 303

    with provider.database.read() as tx:
        assert proofs.of(tx, account.id) == {}
