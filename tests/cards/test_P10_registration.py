"""Opening an account with a card, page by page (P10, P11, B02, B07)."""

import json
import re
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import select, update

from cardbridge.lab.faults import NAMED
from cardbridge.lab.pki import CardFiles, LabPki
from cardbridge.lab.responder import Responder
from idp.accounts import proofs
from idp.accounts.model import Kind, State
from idp.accounts.particulars import Field
from idp.accounts.proofs import Assurance, Attribute
from idp.audit.events.accounts import AccountRegistered
from idp.audit.store import AuditRow
from idp.authenticators.card import authority, index, trust
from idp.authenticators.card.crl import Entry
from idp.authenticators.card.evidence import CardEvidence
from idp.clock import system_clock
from idp.config import CardsSection, Config
from idp.gateways.ics import Said
from idp.mail.messages import AccountOpened, Letter
from idp.provider import Provider
from tests.clock import MovableClock
from tests.http.test_B_registration import DETAILS, accept, confirm, finish, last_code, send
from tests.http.test_language_switch import counted, page_at, switch
from tests.labs import letters
from tests.labs.card_holders import made, present, prove, take, token
from tests.people import CONFIG, Browser, answer

pytestmark = pytest.mark.usefixtures("responder")
ONCE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PERSON = {key: DETAILS[key] for key in DETAILS if key not in {"name", "birth_date"}}
CITIZEN = PERSON | {"national_id": "A234567893"}
COMPANY = PERSON | {"representative": "陳𠮷祥", "representative_title": "董事長"}
AGENCY = COMPANY | {"uniform_number": "12345675"}
TYPED = {"moica": CITIZEN, "moeaca": COMPANY, "xca": AGENCY, "gca": AGENCY}
TRACK = {
    "moica": "citizen",
    "moeaca": "organisation",
    "xca": "organisation",
    "gca": "organisation",
}


@pytest.fixture
def config() -> Config:
    section = CardsSection(
        enabled=True, hosts_also=["127.0.0.1"], deadline_seconds=0.5, crl_grace_hours=2
    )
    return msgspec.structs.replace(CONFIG, cards=section)


@pytest.fixture
def clock() -> MovableClock:
    """Stands at this moment: the responder's clock is nobody's to set."""
    return MovableClock(system_clock())


@pytest.fixture(autouse=True)
def taken(provider: Provider, lab: LabPki) -> None:
    take(provider, lab, *TRACK)


def text(browser: Browser) -> str:
    assert browser.last is not None
    return browser.last.text


def at(browser: Browser) -> str:
    """Say which page is at hand."""
    return browser.trail[-1].partition("?")[0]


def begin(browser: Browser, track: str) -> None:
    """Go to the step of the card."""
    browser.get("/register-account", kind=track)
    browser.post("/register-account", browser.hidden() | {"kind": track})
    browser.follow()
    accept(browser)


def shown(browser: Browser, card: CardFiles, track: str) -> None:
    begin(browser, track)
    prove(browser, card)
    browser.follow()


def describe(browser: Browser, typed: dict[str, str]) -> None:
    browser.post("/register-account/details", browser.hidden() | typed)
    browser.follow()


def to_the_check(browser: Browser, provider: Provider, typed: dict[str, str]) -> None:
    describe(browser, typed)
    send(browser)
    confirm(browser, last_code(provider, typed["email_1"]))


def account(provider: Provider, name: str = "CHEN2026") -> Any:
    with provider.database.read() as tx:
        return provider.accounts.named(tx, name)


def held(provider: Provider, name: str = "CHEN2026") -> tuple[dict[Field, str], Any]:
    with provider.database.read() as tx:
        found = provider.accounts.named(tx, name)
        assert found is not None
        return provider.particulars.of(tx, found.id), proofs.of(tx, found.id)


def signs_in(provider: Provider, card: CardFiles) -> Browser:
    """Have a card sign in from a browser of its own."""
    other = Browser.on(provider)
    other.authorize()
    way = re.search(r'id="way-card" href="([^"]*)"', text(other))
    assert way is not None
    other.get(way[1].replace("&amp;", "&"))
    present(other, card)
    other.follow()
    return other


@pytest.mark.parametrize("kind", TRACK)
def test_P10_P11_a_card_opens_an_account_that_it_signs_in_to(
    browser: Browser, provider: Provider, lab: LabPki, kind: str
) -> None:
    card = made(lab, kind)
    shown(browser, card, TRACK[kind])
    assert card.holder.name in text(browser)

    to_the_check(browser, provider, TYPED[kind])
    finish(browser)

    opened = account(provider)
    assert (opened.kind, opened.state) == (Kind(TRACK[kind]), State.ACTIVE)
    told = letters.messages(provider, "chen@people.example")[-1]
    assert isinstance(told, AccountOpened)
    assert (told.electronic_id, told.kind) == (opened.electronic_id, kind)
    assert opened.profile.name == card.holder.name
    assert "code" in answer(signs_in(provider, card).last)


def test_P10_what_is_proven_is_on_record_with_what_shows_it(
    browser: Browser, provider: Provider, lab: LabPki
) -> None:
    shown(browser, made(lab, "moica"), "citizen")
    to_the_check(browser, provider, CITIZEN)
    finish(browser)

    told, proven = held(provider)

    assert told[Field.NATIONAL_ID] == "A234567893"
    assert {name: one.assurance for name, one in proven.items()} == {
        Attribute.NAME: Assurance.CERTIFICATE,
        Attribute.NATIONAL_ID: Assurance.TAIL_MATCHED,
    }
    assert {one.source for one in proven.values()} == {"moica"}
    (evidence,) = {one.evidence for one in proven.values()}
    with provider.database.read() as tx:
        assert provider.card_evidence.find(tx, evidence.hex()) is not None
        rows = tx.execute(CardEvidence.__table__.select()).all()
        assert [row.account_id for row in rows] == [account(provider).id]
        (event,) = audited(provider, AccountRegistered)
    assert (event["proof"], event["evidence"]) == ("card", evidence.hex())


def audited(provider: Provider, event: type[Any]) -> list[dict[str, Any]]:
    with provider.database.read() as tx:
        rows = tx.execute(select(AuditRow.data).where(AuditRow.event == event.name))
        return [json.loads(row.data) for row in rows]


@pytest.mark.parametrize(
    ("kind", "proven"),
    [
        ("moeaca", {Attribute.NAME, Attribute.UNIFORM_NUMBER}),
        ("xca", {Attribute.NAME, Attribute.ORGANISATION_OID}),
        ("gca", {Attribute.NAME, Attribute.ORGANISATION_OID}),
    ],
)
@ONCE
def test_P11_of_an_organisation_is_proven_what_its_certificate_says(
    browser: Browser, provider: Provider, lab: LabPki, kind: str, proven: set[Attribute]
) -> None:
    card = made(lab, kind)
    shown(browser, card, "organisation")
    to_the_check(browser, provider, TYPED[kind])
    finish(browser)

    told, known = held(provider)

    assert set(known) == proven
    assert told[Field.UNIFORM_NUMBER] == "12345675"
    assert told.get(Field.ORGANISATION_OID, "") == card.holder.organisation_oid
    assert told[Field.REPRESENTATIVE] == "陳𠮷祥"
    assert told[Field.REPRESENTATIVE_TITLE] == "董事長"


@pytest.mark.parametrize(
    ("kind", "sent", "sentence"),
    [
        ("moica", {"name": "別人"}, ""),
        ("moica", {"national_id": "B122334454"}, "not those on your card"),
        ("moica", {"national_id": "A234567890"}, "cannot be right"),
        ("moica", {"national_id": ""}, "Fill in"),
        ("moeaca", {"name": "別的公司"}, ""),
        ("moeaca", {"uniform_number": "04595257"}, "not the number that the card has"),
        ("moeaca", {"uniform_number": "12345675"}, ""),
        ("gca", {"organisation_oid": "2.16.886.1"}, ""),
        ("xca", {"uniform_number": "12345672"}, "cannot be right"),
        ("xca", {"representative": ""}, "Fill in"),
    ],
)
@ONCE
def test_P10_P11_what_the_card_says_cannot_be_typed_over(
    browser: Browser,
    provider: Provider,
    lab: LabPki,
    *,
    kind: str,
    sent: dict[str, str],
    sentence: str,
) -> None:
    card = made(lab, kind)
    shown(browser, card, TRACK[kind])

    if sentence:
        describe(browser, TYPED[kind] | sent)
        assert sentence in text(browser)
        assert at(browser) == "POST /register-account/details"
        return
    to_the_check(browser, provider, TYPED[kind] | sent)
    finish(browser)

    told, _ = held(provider)
    assert account(provider).profile.name == card.holder.name
    assert told.get(Field.UNIFORM_NUMBER, "") == {"moica": ""}.get(kind, "12345675")
    assert told.get(Field.ORGANISATION_OID, "") == card.holder.organisation_oid


@pytest.mark.parametrize(
    ("variant", "sentence"),
    [
        ("revoked", "has been revoked"),
        ("suspended", "is suspended"),
        ("expired", "has expired"),
        ("not_yet_valid", "not valid yet"),
        ("encryption_only", "not for signing in"),
        ("namesake", "not taken here"),
        ("wrong_policy", "level of assurance"),
        ("no_tail", "does not say who its holder is"),
    ],
)
@ONCE
def test_P10_a_card_that_is_not_good_registers_nobody_and_says_why(
    browser: Browser, lab: LabPki, variant: str, sentence: str
) -> None:
    begin(browser, "citizen")

    prove(browser, made(lab, "moica", variant))

    assert browser.last is not None
    assert browser.last.status_code == 422
    assert sentence in text(browser)
    details = browser.get("/register-account/details", flow=browser.hidden()["flow"])
    assert "/register-account/proof" in details.headers["Location"]


@pytest.mark.parametrize(
    ("track", "kind", "right"),
    [("citizen", "moeaca", "organisation"), ("organisation", "moica", "citizen")],
)
@ONCE
def test_P10_P11_a_card_of_another_kind_says_so_and_leads_to_the_right_account(
    browser: Browser, lab: LabPki, track: str, kind: str, right: str
) -> None:
    begin(browser, track)

    prove(browser, made(lab, kind))

    assert "another kind of holder" in text(browser)
    found = re.search(rf'id="other-{right}" href="([^"]+)"', text(browser))
    assert found
    assert f'id="begin-{right}"' in browser.get(found[1].replace("&amp;", "&")).text


@ONCE
def test_P10_the_bridge_is_asked_for_the_right_cards_alone(browser: Browser) -> None:
    begin(browser, "organisation")

    assert 'data-kinds="gca moeaca xca"' in text(browser)
    assert 'data-purpose="register"' in text(browser)
    assert browser.last is not None
    assert "http://127.0.0.1:34961" in browser.last.headers["Content-Security-Policy"]


def keep_list(provider: Provider, lab: LabPki, *revoked: int, good_for: timedelta) -> None:
    """Put a list of the authority of citizens in use."""
    issuer = authority.read(lab.issuers["moica"], "moica")
    with provider.database.write() as tx:
        writing = index.lease(tx, issuer, tx.now + timedelta(hours=1), provider.entropy)
        assert writing is not None
        entries = [Entry(serial, is_suspended=False, revoked_at=tx.now) for serial in revoked]
        index.write(tx, issuer, writing, entries)
        period = {"this_update": tx.now - timedelta(hours=9), "next_update": tx.now + good_for}
        tx.execute(update(index.CardRevocationList).values(list_id=writing, number="1", **period))


@ONCE
def test_D13_a_list_past_its_time_signs_in_and_registers_nobody(
    browser: Browser, provider: Provider, lab: LabPki, responder: Responder
) -> None:
    responder.faults.set("moica", "ocsp", NAMED["500"])
    responder.faults.set("moica", "crl", NAMED["500"])
    keep_list(provider, lab, good_for=timedelta(hours=-1))
    card = made(lab, "moica")
    begin(browser, "citizen")

    prove(browser, card)

    assert "cannot be checked at the moment" in text(browser)
    other = signs_in(provider, card)
    assert 'id="card-unregistered"' in text(other), "nor does B07 carry it over"


@pytest.mark.parametrize(
    "how", [{"purpose": "login"}, {"origin": "https://sso.example.evil"}, {"signature": "AAAA"}]
)
@ONCE
def test_T59_T60_what_was_signed_for_something_else_proves_nothing(
    browser: Browser, lab: LabPki, how: dict[str, str]
) -> None:
    begin(browser, "citizen")

    prove(browser, made(lab, "moica"), **how)

    assert "was used already" in text(browser)


def test_T61_a_challenge_serves_one_registration_once(
    browser: Browser, provider: Provider, lab: LabPki
) -> None:
    card, other = made(lab, "moica"), Browser.on(provider)
    begin(browser, "citizen")
    here = browser.hidden()
    begin(browser, "citizen")
    second = browser.hidden()
    begin(other, "citizen")
    theirs = other.hidden()
    signed = {"format": "twcard:1", "document": token(card, here["challenge"], purpose="register")}

    for who, form in (
        (browser, second | {"challenge": here["challenge"]}),
        (other, theirs | {"challenge": here["challenge"]}),
        (other, here),
    ):
        who.post("/register-account/proof", form | signed)
        assert "/register-account/details" not in who.follow().text
    used_up = browser.post("/register-account/proof", here | signed)
    again = browser.post("/register-account/proof", here | signed)

    assert used_up.status_code == 303, "others' tries do not use up a challenge that is not theirs"
    assert again.status_code == 422


@ONCE
def test_T31_no_step_is_skipped(browser: Browser, lab: LabPki) -> None:
    browser.get("/register-account", kind="citizen")
    browser.post("/register-account", browser.hidden() | {"kind": "citizen"})
    browser.follow()
    flow = browser.hidden()["flow"]

    for page in ("proof", "details", "email", "check"):
        assert "/terms" in browser.get(f"/register-account/{page}", flow=flow).headers["Location"]
    browser.get("/register-account/terms", flow=flow)
    accept(browser)
    for page in ("details", "email", "check"):
        assert "/proof" in browser.get(f"/register-account/{page}", flow=flow).headers["Location"]
    browser.get("/register-account/proof", flow=flow)
    form = browser.hidden()
    for page in ("details", "check"):
        sent = browser.post(f"/register-account/{page}", form | CITIZEN)
        assert "/proof" in sent.headers["Location"]
    prove_again = browser.get("/register-account/proof", flow=flow)
    assert prove_again.status_code == 200
    prove(browser, made(lab, "moica"))
    assert "/details" in browser.follow().request.path


def test_P10_another_card_undoes_what_stood_on_the_first(
    browser: Browser, provider: Provider, lab: LabPki
) -> None:
    shown(browser, made(lab, "moica"), "citizen")
    flow = browser.hidden()["flow"]
    to_the_check(browser, provider, CITIZEN)

    browser.get("/register-account/proof", flow=flow)
    assert 'id="card-proven"' in text(browser)
    prove(browser, made(lab, "moica", name="王大同", subject_number="1001120260000099"))

    assert "王大同" in browser.follow().text
    check = browser.get("/register-account/check", flow=flow)
    assert "/details" in check.headers["Location"]


def have_confirmed(provider: Provider) -> None:
    """Have the authority say that the one national id on record is its holder's."""
    with provider.database.write() as tx:
        (question,) = provider.confirming.questions(tx, 9)
        provider.confirming.settle(tx, question, Said.YES)


class TestAgain:
    """A card, and its holder, open one account."""

    @pytest.fixture(autouse=True)
    def opened(self, provider: Provider, lab: LabPki) -> CardFiles:
        card, first = made(lab, "moica"), Browser.on(provider)
        shown(first, card, "citizen")
        to_the_check(first, provider, CITIZEN)
        finish(first)
        assert account(provider) is not None
        return card

    def test_the_same_card_is_told_to_sign_in(self, browser: Browser, opened: CardFiles) -> None:
        begin(browser, "citizen")

        prove(browser, opened)

        assert "No further account can be opened" in text(browser)
        assert 'id="known-signin" href="/signin/card"' in text(browser)
        assert 'id="known-recovery" href="/recovery"' in text(browser)
        assert "CHEN2026" not in text(browser)

    def test_a_renewed_card_of_the_holder_is_recognised(
        self, browser: Browser, lab: LabPki
    ) -> None:
        begin(browser, "citizen")

        prove(browser, made(lab, "moica"))

        assert "No further account can be opened" in text(browser)

    def test_a_national_id_that_somebody_typed_keeps_its_holder_from_nothing(
        self, browser: Browser, provider: Provider, lab: LabPki
    ) -> None:
        typed = CITIZEN | {"username": "other2026", "email_1": "other@people.example"}
        shown(browser, made(lab, "moica", subject_number="1001120260000098"), "citizen")

        to_the_check(browser, provider, typed)
        finish(browser)

        second = account(provider, "OTHER2026")
        assert second is not None
        with provider.database.read() as tx:
            rows = tx.execute(
                select(AuditRow.subject).where(AuditRow.event == "national_id.shared")
            ).scalars()
            assert list(rows) == [second.subject]

    def test_a_card_of_another_number_does_not_get_round_a_confirmed_national_id(
        self, browser: Browser, provider: Provider, lab: LabPki
    ) -> None:
        have_confirmed(provider)
        typed = CITIZEN | {"username": "other2026", "email_1": "other@people.example"}
        shown(browser, made(lab, "moica", subject_number="1001120260000098"), "citizen")

        to_the_check(browser, provider, typed)
        assert "No further account can be opened" in text(browser)
        finish(browser)

        assert "No further account can be opened" in text(browser)
        assert 'id="known-signin"' in text(browser)
        assert account(provider, "OTHER2026") is None

    @ONCE
    def test_asking_about_other_peoples_numbers_is_counted(
        self, browser: Browser, lab: LabPki
    ) -> None:
        card = made(lab, "moica", subject_number="1001120260000098")
        shown(browser, card, "citizen")
        flow = browser.hidden()["flow"]
        numbers = ("A100037893", "B100127893")
        for turn in range(9):
            browser.get("/register-account/details", flow=flow)
            describe(browser, CITIZEN | {"national_id": numbers[turn % 2]})

        assert "Too many attempts" in text(browser)

    def test_B07_it_signs_in_and_begins_no_second_registration(
        self, provider: Provider, opened: CardFiles
    ) -> None:
        assert "code" in answer(signs_in(provider, opened).last)

    def test_B07_a_renewed_card_leads_to_no_second_account(
        self, provider: Provider, lab: LabPki
    ) -> None:
        led = signs_in(provider, made(lab, "moica"))

        assert "/register-account" not in led.trail[-1]


class TestB07:
    """Right card and PIN, but no account: the application, prefilled, without a second PIN."""

    def test_it_leads_to_the_application_with_the_card_already_shown(
        self, provider: Provider, lab: LabPki
    ) -> None:
        card = made(lab, "moica")
        led = signs_in(provider, card)
        assert at(led) == "GET /register-account/terms"
        assert "林美玲" in text(led)

        accept(led)

        assert at(led) == "GET /register-account/details"
        assert 'id="fact-name">林美玲<' in text(led)
        to_the_check(led, provider, CITIZEN)
        finish(led)
        _, proven = held(provider)
        assert proven[Attribute.NAME].assurance is Assurance.CERTIFICATE
        assert "code" in answer(signs_in(provider, card).last)
        with provider.database.read() as tx:
            (first, *_) = tx.execute(CardEvidence.__table__.select()).all()
        assert proven[Attribute.NAME].evidence == first.digest, "that of the sign-in"

    @pytest.mark.parametrize("kind", ["moeaca", "xca", "gca"])
    @ONCE
    def test_a_card_of_an_organisation_leads_to_its_own_application(
        self, provider: Provider, lab: LabPki, kind: str
    ) -> None:
        led = signs_in(provider, made(lab, kind))
        accept(led)

        assert 'name="representative"' in text(led)
        assert ('name="uniform_number"' in text(led)) == (kind != "moeaca")

    @ONCE
    def test_the_way_back_to_the_app_is_kept(self, provider: Provider, lab: LabPki) -> None:
        card = made(lab, "moica")
        led = signs_in(provider, card)
        accept(led)
        to_the_check(led, provider, CITIZEN)
        finish(led)
        way = re.search(r'id="register-signin" href="([^"]+)"', text(led))
        assert way is not None

        led.get(way[1].replace("&amp;", "&"))
        present(led, card)
        led.follow()

        assert "code" in answer(led.last)

    @ONCE
    def test_it_is_this_browsers_alone(
        self, browser: Browser, provider: Provider, lab: LabPki
    ) -> None:
        led = signs_in(provider, made(lab, "moica"))
        flow = led.hidden()["flow"]

        stolen = browser.get("/register-account/terms", flow=flow)

        assert stolen.status_code == 400
        assert "林美玲" not in stolen.text

    @ONCE
    def test_it_waits_a_quarter_of_an_hour(
        self, provider: Provider, lab: LabPki, clock: MovableClock
    ) -> None:
        led = signs_in(provider, made(lab, "moica"))

        clock.advance(timedelta(minutes=16))
        accept(led)

        assert 'id="error-code">registration_lost' in text(led)

    @ONCE
    def test_the_terms_cannot_be_skipped(self, provider: Provider, lab: LabPki) -> None:
        led = signs_in(provider, made(lab, "moica"))
        flow = led.hidden()["flow"]

        for page in ("proof", "details", "email", "check"):
            sent = led.get(f"/register-account/{page}", flow=flow)
            assert "/register-account/terms" in sent.headers["Location"]


@ONCE
def test_a_proof_is_too_old_after_two_hours_and_what_was_typed_stays(
    browser: Browser, provider: Provider, lab: LabPki, clock: MovableClock
) -> None:
    card = made(lab, "moica")
    shown(browser, card, "citizen")
    clock.advance(timedelta(minutes=90))
    to_the_check(browser, provider, CITIZEN)
    clock.advance(timedelta(minutes=40))

    finish(browser)

    assert at(browser) == "GET /register-account/proof"
    assert 'id="card-again"' in text(browser)
    assert account(provider) is None
    prove(browser, card)
    browser.follow()
    assert 'value="A234567893"' in text(browser)
    assert "chosen a password already" in text(browser)


@ONCE
def test_an_authority_that_is_switched_off_meanwhile_opens_nothing(
    browser: Browser, provider: Provider, lab: LabPki, clock: MovableClock
) -> None:
    shown(browser, made(lab, "moica"), "citizen")
    to_the_check(browser, provider, CITIZEN)
    issuer = authority.read(lab.issuers["moica"], "moica")
    with provider.database.write() as tx:
        trust.switch(tx, issuer.fingerprint, on=False)
    clock.advance(timedelta(seconds=10))

    finish(browser)

    assert account(provider) is None
    assert at(browser) == "GET /register-account/proof"


@ONCE
def test_a_card_that_comes_onto_a_list_meanwhile_opens_nothing(
    browser: Browser, provider: Provider, lab: LabPki
) -> None:
    card = made(lab, "moica")
    shown(browser, card, "citizen")
    to_the_check(browser, provider, CITIZEN)
    keep_list(provider, lab, card.sign.serial, good_for=timedelta(hours=9))

    finish(browser)

    assert account(provider) is None
    prove(browser, card)
    assert "has been revoked" in text(browser)


@pytest.mark.parametrize("locale", ["zh-Hant", "zh-Hans", "en"])
@ONCE
def test_B03_the_mail_with_the_electronic_id_reads_in_each_language(
    provider: Provider, locale: str
) -> None:
    at = system_clock()
    opened = AccountOpened(
        at=at, account_name="CHEN2026", electronic_id="IC0123456789", kind="moeaca"
    )

    told = provider.stationery.render(Letter("chen@people.example", locale, opened))

    for text in (told.text, told.html):
        assert "IC0123456789" in text
        assert "CHEN2026" in text
        assert ("certificate" in text) == (locale == "en")


@pytest.mark.parametrize("locale", ["zh-Hant", "zh-Hans", "en"])
@ONCE
def test_the_pages_speak_every_language(
    browser: Browser, provider: Provider, lab: LabPki, locale: str
) -> None:
    browser.get("/register-account", kind="citizen", lang=locale)
    begin(browser, "citizen")
    lang = {"zh-Hant": "zh-Hant-TW"}.get(locale, locale)
    assert f'<html lang="{lang}"' in text(browser)
    assert {"zh-Hant": "驗證您的憑證卡", "zh-Hans": "验证您的证书卡", "en": "Show your card"}[
        locale
    ] in text(browser)

    prove(browser, made(lab, "moica"))
    browser.follow()

    assert {"zh-Hant": "身分證字號", "zh-Hans": "身份证号", "en": "National id"}[locale] in text(
        browser
    )
    to_the_check(browser, provider, CITIZEN)
    assert {"zh-Hant": "（憑證所載）", "zh-Hans": "（证书所载）", "en": "(from the card)"}[
        locale
    ] in text(browser)
    assert "A••••••893" in text(browser)
    assert "A234567893" not in text(browser)


class TestWhereCardsAreOff:
    @pytest.fixture
    def config(self) -> Config:
        return CONFIG

    @ONCE
    def test_nothing_is_asked_of_a_card(self, browser: Browser) -> None:
        assert browser.get("/register-account/proof", flow="x").status_code == 400
        assert 'id="card-form"' not in text(browser)


@pytest.mark.parametrize("kind", ["moica", "gca"])
@ONCE
def test_what_is_typed_beside_a_card_is_there_in_the_other_language(
    browser: Browser, provider: Provider, lab: LabPki, kind: str
) -> None:
    shown(browser, made(lab, kind), TRACK[kind])
    page, before = page_at(browser), counted(provider)
    facts = re.findall(r'id="(fact-\w+)"', text(browser))

    switched = switch(browser, "zh-Hant")

    assert switched.status_code == 200
    carried = page.carried("zh-Hant")
    asked = {"moica": {"national_id"}, "gca": {"uniform_number", "representative"}}[kind]
    assert asked <= {name for _, name in carried}
    assert page_at(browser).held() == page.held() | carried
    assert re.findall(r'id="(fact-\w+)"', switched.text) == facts != []
    assert counted(provider) == before


@ONCE
def test_a_refused_card_leaves_the_language_switch_on_its_page(
    browser: Browser, lab: LabPki
) -> None:
    begin(browser, "citizen")
    prove(browser, made(lab, "moica", "revoked"))

    switched = switch(browser, "zh-Hans")

    assert switched.status_code == 200
    assert "验证您的证书卡" in switched.text
    prove(browser, made(lab, "moica"))
    assert "/details" in browser.follow().request.path
