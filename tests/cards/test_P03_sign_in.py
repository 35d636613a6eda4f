"""Signing in with a card, page and post (P03, B06, T59 to T62)."""

import hashlib
import re
from typing import Any

import msgspec
import pytest

from cardbridge.lab.faults import NAMED
from cardbridge.lab.pki import LabPki
from cardbridge.lab.responder import Responder
from cardbridge.outcomes import Code
from idp.accounts import passwords, status
from idp.accounts.model import State
from idp.authenticators.card import formats, offline
from idp.clock import system_clock
from idp.config import CardsSection, Config
from idp.mail.messages import NewBrowser
from idp.provider import Provider
from idp.secret import new_id
from idp.web.wording.component import CARD_FAILURES, CARD_STATES, HIPKI_STATES
from tests.attacks.test_taken_over import inside
from tests.clock import MovableClock
from tests.http.test_language_switch import switch
from tests.labs import letters
from tests.labs.card_holders import card_of, present, take, token
from tests.labs.signing import claims_of
from tests.people import CONFIG, Browser, Person, answer

pytestmark = pytest.mark.usefixtures("responder")


@pytest.fixture
def config() -> Config:
    section = CardsSection(enabled=True, hosts_also=["127.0.0.1"], deadline_seconds=0.5)
    return msgspec.structs.replace(CONFIG, cards=section)


@pytest.fixture
def clock() -> MovableClock:
    """Stands at this moment: the responder's clock is nobody's to set."""
    return MovableClock(system_clock())


@pytest.fixture(autouse=True)
def taken(provider: Provider, lab: LabPki) -> None:
    take(provider, lab, "moica", "gca")


def open_page(browser: Browser, **asked: str) -> None:
    browser.authorize(**asked)
    assert browser.last is not None
    way = re.search(r'id="way-card" href="([^"]*)"', browser.last.text)
    assert way is not None
    browser.get(way[1].replace("&amp;", "&"))


def is_signed_in(browser: Browser) -> bool:
    browser.authorize(prompt="none")
    return "code" in answer(browser.last)


def page(browser: Browser) -> str:
    assert browser.last is not None
    return browser.last.text


def packages(provider: Provider) -> list[bytes]:
    with provider.database.read() as tx:
        found = [
            provider.card_evidence.find(tx, one) for _, one in provider.card_evidence.recent(tx, 9)
        ]
    return [one for one in found if one]


def test_B06_a_card_signs_in_and_says_how(
    browser: Browser, provider: Provider, lab: LabPki, citizen: Person
) -> None:
    card = card_of(provider, lab, citizen)
    open_page(browser)

    present(browser, card)
    browser.follow()

    tokens: Any = browser.redeem(answer(browser.last)["code"]).json
    claims = claims_of(tokens["id_token"])
    assert claims["sub"] == citizen.sub
    assert claims["acr"] == "urn:portico:acr:card"
    assert claims["amr"] == ["sc", "pin", "mfa"]


def test_where_a_card_was_used_last_its_page_comes_first(
    browser: Browser, provider: Provider, lab: LabPki, citizen: Person
) -> None:
    card = card_of(provider, lab, citizen)
    open_page(browser)
    present(browser, card)
    browser.follow()
    browser.get("/logout")
    browser.post("/logout/confirm", browser.hidden())

    browser.authorize()

    assert browser.trail[-1].startswith("GET /signin/card?")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_page_shows_the_digits_that_the_bridge_computes(browser: Browser) -> None:
    open_page(browser)
    challenge = browser.hidden()["challenge"]

    number = int.from_bytes(hashlib.sha256(challenge.encode()).digest()[:4], "big") % 10_000

    assert f'id="card-code" aria-labelledby="card-code-label">{number:04}<' in page(browser)
    assert 'data-kinds="gca moica"' in page(browser)
    assert 'type="password"' not in page(browser)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_T62_nobody_who_writes_waits_for_the_arithmetic_of_a_strangers_card(
    browser: Browser, provider: Provider, lab: LabPki, citizen: Person, monkeypatch: Any
) -> None:
    proves, wrote = formats.proves, []

    def write_meanwhile(*asked: Any) -> bool:
        with provider.database.write() as tx:
            tx.connection.exec_driver_sql("PRAGMA busy_timeout = 100")
            passwords.disable(tx, new_id(tx.now, provider.entropy))
            wrote.append(tx.now)
        return proves(*asked)

    monkeypatch.setattr(formats, "proves", write_meanwhile)
    card = card_of(provider, lab, citizen)
    open_page(browser)

    present(browser, card)

    assert browser.last is not None
    assert (browser.last.status_code, len(wrote)) == (303, 1)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_page_may_call_the_bridge_and_talk_to_its_window(browser: Browser) -> None:
    open_page(browser)
    assert browser.last is not None
    headers = browser.last.headers

    assert "connect-src 'self' http://127.0.0.1:34961 " in headers["Content-Security-Policy"]
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin-allow-popups"
    browser.get("/signin/password")
    assert browser.last.headers["Cross-Origin-Opener-Policy"] == "same-origin"


@pytest.mark.parametrize(
    "how",
    [
        {"origin": "https://sso.example.evil"},
        {"purpose": "register"},
        {"alg": "RS256"},
        {"signature": "AAAA"},
        {"format": "web-eid:1.0"},
    ],
)
def test_T59_T60_what_was_signed_for_something_else_is_refused(
    browser: Browser, provider: Provider, lab: LabPki, citizen: Person, how: dict[str, str]
) -> None:
    card = card_of(provider, lab, citizen)
    open_page(browser)

    present(browser, card, **how)

    assert browser.last is not None
    assert browser.last.status_code == 422
    assert not is_signed_in(browser)
    assert packages(provider) == []


def test_T60_a_challenge_of_another_browser_is_refused(
    browser: Browser, provider: Provider, lab: LabPki, citizen: Person
) -> None:
    card = card_of(provider, lab, citizen)
    thief = Browser.on(provider)
    open_page(thief)
    open_page(browser)
    stolen = thief.hidden()["challenge"]

    fields = browser.hidden() | {
        "challenge": stolen, "format": "twcard:1", "document": token(card, stolen),
    }  # fmt: skip
    browser.post("/signin/card", fields)

    assert browser.last is not None
    assert browser.last.status_code == 422
    assert not is_signed_in(browser)


def test_T61_a_challenge_is_used_up_by_whatever_comes(
    browser: Browser, provider: Provider, lab: LabPki, citizen: Person
) -> None:
    card = card_of(provider, lab, citizen)
    open_page(browser)
    hidden = browser.hidden()
    browser.post("/signin/card", hidden | {"format": "twcard:1", "document": "{}"})

    signed = {"format": "twcard:1", "document": token(card, hidden["challenge"])}
    browser.post("/signin/card", hidden | signed)

    assert browser.last is not None
    assert browser.last.status_code == 422
    assert not is_signed_in(browser)


@pytest.mark.parametrize(
    ("variant", "sentence"),
    [
        ("revoked", "has been revoked"),
        ("suspended", "is suspended"),
        ("expired", "has expired"),
        ("not_yet_valid", "not valid yet"),
    ],
)
def test_T62_a_card_that_is_no_longer_good_says_why(
    browser: Browser,
    provider: Provider,
    lab: LabPki,
    citizen: Person,
    *,
    variant: str,
    sentence: str,
) -> None:
    card = card_of(provider, lab, citizen, variant)
    open_page(browser)

    present(browser, card)

    assert sentence in page(browser)
    assert "The card was not accepted" in page(browser)
    assert "data-refused" in page(browser), "the card in the reader is not called ready"
    (kept,) = packages(provider)
    assert f'"decision":"{variant}"'.encode() in kept
    assert not is_signed_in(browser)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("variant", "sentence"),
    [
        ("encryption_only", "not for signing in"),
        ("namesake", "not taken here"),
        ("wrong_policy", "level of assurance"),
        ("no_tail", "does not say who its holder is"),
    ],
)
def test_T62_a_certificate_that_is_none_of_the_kinds_is_refused(
    browser: Browser, provider: Provider, lab: LabPki, *, variant: str, sentence: str
) -> None:
    card = card_of(provider, lab, None, variant)
    open_page(browser)

    present(browser, card)

    assert sentence in page(browser)


def test_D13_a_card_that_cannot_be_checked_does_not_sign_in(
    browser: Browser, provider: Provider, lab: LabPki, responder: Responder, citizen: Person
) -> None:
    card = card_of(provider, lab, citizen)
    responder.faults.set("moica", "ocsp", NAMED["silent"])
    responder.faults.set("moica", "crl", NAMED["500"])
    open_page(browser)

    present(browser, card)

    assert "cannot be checked at the moment" in page(browser)
    assert not is_signed_in(browser)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_P06_the_owner_is_told_of_a_browser_that_is_new_to_the_account(
    browser: Browser, provider: Provider, lab: LabPki, citizen: Person
) -> None:
    made = card_of(provider, lab, citizen)
    inside(provider, citizen)
    open_page(browser)

    present(browser, made)
    browser.follow()

    (first,) = letters.messages(provider, citizen.email)
    assert isinstance(first, NewBrowser)
    assert first.method == "card"


def test_the_language_is_switched_without_losing_the_app(browser: Browser) -> None:
    open_page(browser)
    app = re.search(r'id="app-name">([^<]*)<', page(browser))
    assert app is not None

    switched = switch(browser, "zh-Hant")

    assert switched.status_code == 200
    assert 'id="app-name"' in switched.text


def test_B07_a_good_card_without_an_account_leads_to_one(
    browser: Browser, provider: Provider, lab: LabPki
) -> None:
    card = card_of(provider, lab, None)
    open_page(browser)

    present(browser, card)
    browser.follow()

    assert "/register-account/terms" in browser.trail[-1]
    assert 'id="card-led"' in page(browser)
    assert "林美玲" in page(browser)
    assert not is_signed_in(browser)


def test_every_sign_in_leaves_evidence_that_stands_alone(
    browser: Browser, provider: Provider, lab: LabPki, citizen: Person
) -> None:
    card = card_of(provider, lab, citizen)
    open_page(browser)
    present(browser, card)

    (kept,) = packages(provider)

    assert all(line.good for line in offline.examine(kept, lab.issuers["moica"]))
    assert citizen.sub.encode() not in kept


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("part", ["challenge", "origin", "certificate", "document", "authority"])
def test_evidence_with_one_thing_changed_is_none(
    browser: Browser, provider: Provider, lab: LabPki, citizen: Person, part: str
) -> None:
    card = card_of(provider, lab, citizen)
    open_page(browser)
    present(browser, card)
    (kept,) = packages(provider)
    package = msgspec.json.decode(kept)
    other = card_of(provider, lab, None)
    instead = {
        "challenge": "M" * 43,
        "origin": "https://evil.example",
        "certificate": msgspec.json.decode(token(other, "N" * 43))["certificate"],
        "document": token(other, package["challenge"]),
        "authority": package["certificate"],
    }

    lines = offline.examine(msgspec.json.encode(package | {part: instead[part]}))

    assert not all(line.good for line in lines)


def test_a_closed_or_disabled_account_is_not_opened_by_its_card(
    browser: Browser, provider: Provider, lab: LabPki, citizen: Person
) -> None:
    card = card_of(provider, lab, citizen)
    assert citizen.account is not None
    with provider.database.write() as tx:
        status.set_state(tx, citizen.account.id, State.DISABLED)
    open_page(browser)

    present(browser, card)

    assert not is_signed_in(browser)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("field", ["challenge", "format", "document"])
@pytest.mark.parametrize("value", ["", "x" * 100_000, "\x00", "é𠮷", "{}", "[]"])
def test_bad_input_is_answered_with_the_page(browser: Browser, field: str, value: str) -> None:
    open_page(browser)
    fields = browser.hidden() | {"format": "twcard:1", "document": "{}"}

    browser.post("/signin/card", fields | {field: value})

    assert browser.last is not None
    assert browser.last.status_code in {400, 413, 422}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_word_of_the_bridge_has_a_sentence(browser: Browser) -> None:
    open_page(browser)

    for code in Code:
        assert f'data-state="{code}"' in page(browser)


def test_T60_the_same_answer_posted_twice_signs_in_once(
    browser: Browser, provider: Provider, lab: LabPki, citizen: Person
) -> None:
    card = card_of(provider, lab, citizen)
    open_page(browser)
    hidden = browser.hidden()
    posted = hidden | {"format": "twcard:1", "document": token(card, hidden["challenge"])}
    browser.post("/signin/card", posted)
    assert browser.last is not None
    assert browser.last.status_code == 303

    browser.get("/signin/card")
    again = browser.hidden() | {name: posted[name] for name in ("challenge", "format", "document")}
    browser.post("/signin/card", again)

    assert browser.last.status_code == 422


def test_D14_a_worker_that_dies_while_it_checks_leaves_no_sign_in_and_a_fresh_start(
    browser: Browser,
    provider: Provider,
    lab: LabPki,
    citizen: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    card = card_of(provider, lab, citizen)
    open_page(browser)
    with monkeypatch.context() as dying:
        dying.setattr(type(provider.card_holders), "verify", _die)
        with pytest.raises(SystemExit):
            present(browser, card)
    assert not is_signed_in(browser)

    open_page(browser)
    present(browser, card)

    assert is_signed_in(browser)


def _die(*_: Any, **__: Any) -> None:
    """End as a process that is told to: after the challenge was taken, before the card is known."""
    raise SystemExit


def test_P03_the_other_component_is_off_unless_an_operator_wants_it(browser: Browser) -> None:
    open_page(browser)
    assert 'id="card-hipki"' not in page(browser)
    fields = browser.hidden() | {"format": "hipki:pkcs7", "document": "AAAA"}

    assert browser.get("/signin/hipki").status_code == 404
    assert browser.post("/signin/hipki", fields).status_code == 404
    assert browser.post("/signin/card", fields).status_code == 422


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_who_is_signed_in_already_is_told_so(
    browser: Browser, provider: Provider, lab: LabPki, citizen: Person
) -> None:
    assert 'id="signed-in-as"' not in browser.get("/signin/card?ui_locales=en").text
    open_page(browser)
    present(browser, card_of(provider, lab, citizen))

    assert 'id="signed-in-as"' in browser.get("/signin/card?ui_locales=en").text
    assert "Certificate card ·" in browser.get("/").text
    assert 'id="to-cards"' in browser.get("/").text


def test_what_the_page_calls_a_failure_has_a_sentence() -> None:
    assert set(CARD_STATES) | set(HIPKI_STATES) >= CARD_FAILURES
