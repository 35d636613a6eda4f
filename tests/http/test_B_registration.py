"""Opening an account without a certificate, page by page (B01 to B03, P10, P14, P15)."""

import re
from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from idp.accounts.model import State
from idp.accounts.particulars import Field
from idp.mail.messages import Activation, AlreadyRegistered, Code
from idp.provider import Provider
from tests.clock import MovableClock
from tests.labs import letters
from tests.people import Browser, Person

SECRET_WORDS = "blue heron over quiet water"
DETAILS = {
    "name": "陳𠮷祥",
    "username": "chen2026",
    "password": SECRET_WORDS,
    "password_again": SECRET_WORDS,
    "birth_date": "0611218",
    "phone": "02-2311-3456#123",
    "mobile": "0912-345-678",
    "postal_code": "106",
    "region": "臺北市",
    "street": "大安區信義路四段六號9F",
    "email_1": "chen@people.example",
    "email_2": "",
    "email_3": "",
}


def begin(browser: Browser, journey: str = "") -> None:
    browser.get("/register-account", journey=journey)
    browser.post("/register-account", browser.hidden() | {"kind": "uncertified"})
    browser.follow()


def accept(browser: Browser) -> None:
    browser.post("/register-account/terms", browser.hidden() | {"accept": "1"})
    browser.follow()


def describe(browser: Browser, **changes: str) -> TestResponse:
    browser.post("/register-account/details", browser.hidden() | DETAILS | changes)
    return browser.follow()


def send(browser: Browser) -> TestResponse:
    browser.post("/register-account/email/send", browser.hidden())
    return browser.follow()


def confirm(browser: Browser, code: str) -> TestResponse:
    browser.post("/register-account/email", browser.hidden() | {"code": code})
    return browser.follow()


def finish(browser: Browser) -> TestResponse:
    browser.post("/register-account/check", browser.hidden())
    return browser.follow()


def last_code(provider: Provider, address: str = "chen@people.example") -> str:
    found = [one for one in letters.messages(provider, address) if isinstance(one, Code)]
    return found[-1].code


def to_the_check(browser: Browser, provider: Provider, **changes: str) -> None:
    begin(browser)
    accept(browser)
    describe(browser, **changes)
    send(browser)
    confirm(browser, last_code(provider, changes.get("email_1", DETAILS["email_1"])))


def heading(browser: Browser) -> str:
    assert browser.last is not None
    found = re.search(r"<h1[^>]*>(.*?)</h1>", browser.last.text)
    assert found, browser.last.text[:500]
    return found[1]


def registered(provider: Provider, name: str = "CHEN2026") -> Any:
    with provider.database.read() as tx:
        return provider.accounts.named(tx, name)


def test_B02_B03_from_the_sign_in_page_to_a_first_sign_in(
    browser: Browser, provider: Provider, clock: MovableClock
) -> None:
    page = browser.get("/signin/password")
    assert 'id="link-register" href="/register-account"' in page.text

    to_the_check(browser, provider)
    assert "大安區信義路四段六號9F" in page_text(browser)
    finish(browser)
    assert "register-done" in page_text(browser)
    assert registered(provider).state is State.PENDING

    clock.advance(timedelta(minutes=5))
    browser.get("/signin/password")
    refused = browser.sign_in(Person("CHEN2026", password=SECRET_WORDS))
    assert "not activated yet" in refused.text
    mails = [
        one
        for one in letters.messages(provider, "chen@people.example")
        if isinstance(one, Activation)
    ]
    assert [one.account_name for one in mails] == ["CHEN2026", "CHEN2026"]
    assert re.fullmatch(r"IC\d{10}", mails[0].electronic_id)

    assert activate(browser, mails[0].token).status_code == 410, "a newer one was sent"
    assert 'id="activated"' in activate(browser, mails[1].token).text
    assert 'id="activated"' in browser.get(browser.trail[-1].removeprefix("GET ")).text
    assert activate(browser, mails[1].token).status_code == 410
    browser.get("/signin/password")
    browser.sign_in(Person("CHEN2026", password=SECRET_WORDS))
    assert "陳𠮷祥" in page_text(browser)


def activate(browser: Browser, token: str) -> TestResponse:
    browser.get("/activate", token=token)
    browser.post("/activate", browser.hidden())
    return browser.follow()


def page_text(browser: Browser) -> str:
    assert browser.last is not None
    return browser.last.text


def test_what_was_told_is_on_record_in_its_normal_form_and_sealed(
    browser: Browser, provider: Provider
) -> None:
    to_the_check(browser, provider)
    finish(browser)
    account = registered(provider)

    assert account.profile.name == "陳𠮷祥"
    assert account.profile.birthdate == "1972-12-18"
    assert account.profile.phone_number == "+886912345678"
    assert account.profile.address.postal_code == "106"
    assert account.email.address == "chen@people.example"
    assert account.email.verified
    with provider.database.read() as tx:
        told = provider.particulars.of(tx, account.id)
        found = provider.particulars.holders(tx, Field.PHONE, "+886223113456;ext=123")
        raw = tx.execute(all_particulars()).all()
    assert told[Field.PHONE] == "+886223113456;ext=123"
    assert found == [account.id]
    assert b"2311" not in repr(raw).encode()


def all_particulars() -> Any:
    from sqlalchemy import select

    from idp.accounts.particulars import Particular

    return select(Particular.sealed, Particular.blind_index)


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("name", "", "Fill in this field"),
        ("name", "<b>x</b>", "cannot be used"),
        ("name", "{{7*7}}", "cannot be used"),
        ("name", "王\u202e明", "cannot be seen"),
        ("name", "王😀", "no other signs"),
        ("username", "A123456789", "national id"),
        ("username", "x", "too short"),
        ("username", "CHEN-2026", "A to Z"),
        ("password", "short", "at least 15 characters"),
        ("password", "password1234567890", "attackers"),
        ("password_again", "another sentence of words", "not the same"),
        ("birth_date", "1350101", "not come yet"),
        ("birth_date", "0610230", "Write the date"),
        ("phone", "12", "area code"),
        ("mobile", "02-2311-3456", "mobile number"),
        ("mobile", "12", "Mobile phone: This is no mobile number"),
        ("street", "", "street together"),
        ("postal_code", "1", "postal code"),
        ("region", "東京都", "county or city"),
        ("email_1", "nobody", "no e-mail address"),
        ("email_2", "CHEN@people.example", "Second address: This address is there already"),
    ],
)
def test_a_wrong_field_is_told_at_the_field_and_on_top_and_nothing_typed_is_lost(
    browser: Browser, field: str, typed: str, words: str
) -> None:
    begin(browser)
    accept(browser)

    refused = describe(browser, **{field: typed})

    assert refused.status_code == 422
    assert f'id="{field}-error"' in refused.text
    assert f'href="#{field}"' in refused.text
    assert words in refused.text
    if field != "street":
        assert 'value="大安區信義路四段六號9F"' in refused.text
    assert SECRET_WORDS not in refused.text
    assert "<b>x</b>" not in refused.text


def test_full_width_is_the_same_as_half_width(browser: Browser, provider: Provider) -> None:
    to_the_check(browser, provider, username="ＣＨＥＮ２０２６", mobile="０９１２３４５６７８")
    finish(browser)

    assert registered(provider).profile.phone_number == "+886912345678"


def test_T31_steps_cannot_be_skipped_mixed_or_taken_by_another_browser(
    browser: Browser, provider: Provider
) -> None:
    begin(browser)
    flow = browser.hidden()

    for step in ("details", "email", "email/send", "check"):
        answer = browser.post(f"/register-account/{step}", flow | DETAILS | {"code": "000000"})
        assert answer.status_code == 303
        assert "/register-account/terms" in answer.headers["Location"]

    other = Browser.on(provider)
    other.get("/register-account")
    stolen = other.hidden() | {"flow": flow["flow"], "accept": "1"}
    assert other.post("/register-account/terms", stolen).status_code == 400
    assert letters.waiting(provider) == []


def test_another_first_address_has_to_be_proven_anew(browser: Browser, provider: Provider) -> None:
    to_the_check(browser, provider)
    flow = browser.hidden()["flow"]

    browser.get("/register-account/details", flow=flow)
    assert 'value="chen2026"' in page_text(browser)
    describe(browser, email_1="other@people.example", password="", password_again="")

    assert "/register-account/email" in browser.trail[-1]
    browser.post("/register-account/check", browser.hidden() | {"flow": flow})
    assert "/register-account/email" in browser.last.headers["Location"]  # type: ignore[union-attr]
    assert registered(provider) is None


def test_changing_something_else_keeps_the_proof(browser: Browser, provider: Provider) -> None:
    to_the_check(browser, provider)
    flow = browser.hidden()["flow"]

    browser.get("/register-account/details", flow=flow)
    describe(browser, username="CHEN77", password="", password_again="")

    assert "/register-account/check" in browser.trail[-1]
    finish(browser)
    assert registered(provider, "CHEN77") is not None


def test_a_code_is_wrong_five_times_and_then_over(browser: Browser, provider: Provider) -> None:
    begin(browser)
    accept(browser)
    describe(browser)
    send(browser)
    right = last_code(provider)
    wrong = f"{(int(right) + 1) % 10**6:06}"

    said = [confirm(browser, wrong).status_code for _ in range(5)]
    assert said == [422] * 5
    assert confirm(browser, right).status_code == 422
    assert "Send" in page_text(browser)


def test_codes_are_not_sent_in_a_flood(
    browser: Browser, provider: Provider, clock: MovableClock
) -> None:
    begin(browser)
    accept(browser)
    describe(browser)
    send(browser)
    assert send(browser).status_code == 429
    sent = 1
    for _ in range(9):
        clock.advance(timedelta(seconds=31))
        sent += send(browser).status_code == 200

    assert sent <= 5
    assert len(letters.waiting(provider)) == sent


def test_a_newer_code_replaces_the_older(
    browser: Browser, provider: Provider, clock: MovableClock
) -> None:
    begin(browser)
    accept(browser)
    describe(browser)
    send(browser)
    older = last_code(provider)
    clock.advance(timedelta(seconds=31))
    send(browser)
    newer = last_code(provider)

    if older != newer:
        assert confirm(browser, older).status_code == 422
    confirm(browser, newer)
    assert "/register-account/check" in browser.trail[-1]


def test_sent_twice_the_account_is_opened_once(browser: Browser, provider: Provider) -> None:
    to_the_check(browser, provider)
    form = browser.hidden()

    browser.post("/register-account/check", form)
    again = browser.post("/register-account/check", form)

    assert "/register-account/done" in again.headers["Location"]
    assert len(letters.waiting(provider)) == 1


def test_a_taken_name_is_told_to_who_has_proven_a_mailbox_only(
    browser: Browser, provider: Provider, citizen: Person
) -> None:
    begin(browser)
    accept(browser)
    assert describe(browser, username=citizen.account_name).status_code == 200
    send(browser)
    told = confirm(browser, last_code(provider))

    assert "is taken" in told.text
    assert finish(browser).status_code == 422


def test_T43_an_address_of_somebody_gets_a_mail_and_the_stranger_no_sign(
    browser: Browser, provider: Provider, citizen: Person
) -> None:
    begin(browser)
    accept(browser)
    describe(browser, email_1=citizen.email.upper())
    theirs = send(browser)
    mails = [one.message for one in letters.waiting(provider)]
    assert [type(one) for one in mails] == [AlreadyRegistered]

    other = Browser.on(provider)
    begin(other)
    accept(other)
    describe(other, email_1="free.address@people.example")
    free = send(other)

    def bare(page: str) -> str:
        changing = r'value="[^"]*"|flow=[^"&]*|[\w.]+@\w+\.\w+'
        return re.sub(changing, "", page, flags=re.IGNORECASE)

    assert theirs.status_code == free.status_code == 200
    assert bare(theirs.text) == bare(free.text)


def test_cancelling_forgets_what_was_typed(browser: Browser) -> None:
    begin(browser)
    accept(browser)
    describe(browser)
    flow = browser.hidden()

    browser.post("/register-account/cancel", flow)
    lost = browser.get("/register-account/email", flow=flow["flow"])

    assert lost.status_code == 400
    assert "no longer open" in lost.text


def test_too_late_is_told_and_leads_to_the_beginning(browser: Browser, clock: MovableClock) -> None:
    begin(browser)
    accept(browser)
    form = browser.hidden()
    clock.advance(timedelta(hours=3))

    lost = browser.post("/register-account/details", form | DETAILS)

    assert lost.status_code == 400
    assert "no longer open" in lost.text


def test_the_terms_have_to_be_ticked(browser: Browser) -> None:
    begin(browser)

    refused = browser.post("/register-account/terms", browser.hidden())

    assert refused.status_code == 422
    assert 'id="accept-error"' in refused.text


def test_a_kind_that_waits_for_its_proof_cannot_be_begun(browser: Browser) -> None:
    page = browser.get("/register-account")
    assert 'value="citizen"' not in page.text

    for kind in ("citizen", "judge", "staff", ""):
        refused = browser.post("/register-account", browser.hidden() | {"kind": kind})
        assert refused.status_code == 422


def test_old_versions_of_the_documents_stay_readable(browser: Browser) -> None:
    now = browser.get("/terms/privacy")
    before = browser.get("/terms/privacy", version="2025-01-02")

    assert "15 November 2026" in now.text
    assert "1 November 2026" in browser.get("/terms/privacy", version="2026-11-01").text
    assert "2 January 2025" in before.text
    assert "earlier version" in before.text
    assert browser.get("/terms/privacy", version="2024-01-01").status_code == 404
    assert browser.get("/terms/../config").status_code == 404
