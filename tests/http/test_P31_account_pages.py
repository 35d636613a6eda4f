"""The account pages: details, addresses, password, browsers, apps, history, data (P31, P06)."""

import json
import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from joserfc import jws
from joserfc.jwk import KeySet
from werkzeug.test import TestResponse

from idp.accounts import emails, proofs
from idp.accounts import store as accounts
from idp.accounts.model import Email, Kind, Profile, State
from idp.accounts.particulars import Field
from idp.accounts.proofs import Assurance, Attribute, Proof
from idp.linking import store as links
from idp.linking.store import Link
from idp.mail.messages import (
    AccountClosed,
    AlreadyRegistered,
    Code,
    EmailsChanged,
    PasswordChanged,
    Recovery,
)
from idp.provider import Provider
from tests.clock import MovableClock
from tests.factors import SoftKey, options_on, set_up_app
from tests.labs import letters
from tests.people import LAWYER, PASSWORD, Browser, Person, add

NEW = "seven quiet boats at anchor"
PAGES = (
    "/account", "/account/details", "/account/emails", "/account/password",
    "/account/sessions", "/account/apps", "/account/history", "/account/data",
)  # fmt: skip


@pytest.fixture
def inside(browser: Browser, provider: Provider, citizen: Person) -> Browser:
    """Somebody who has just signed in to the portal."""
    browser.get("/signin/password")
    browser.sign_in(citizen)
    letters.waiting(provider)
    return browser


def form(browser: Browser, page: str, /, **fields: str) -> dict[str, str]:
    browser.get(page)
    return {"csrf_token": browser.hidden()["csrf_token"]} | fields


def post(browser: Browser, page: str, to: str, /, **fields: str) -> TestResponse:
    return browser.post(to, form(browser, page, **fields))


@pytest.mark.parametrize("page", PAGES)
def test_a_stranger_is_asked_to_sign_in_and_comes_back(
    browser: Browser, citizen: Person, page: str
) -> None:
    browser.get(page)
    browser.follow()
    back = browser.sign_in(citizen)

    assert back.status_code == 200
    assert browser.trail[-1] == f"GET {page}"


def test_numbers_are_masked_until_one_proves_who_one_is(
    inside: Browser, clock: MovableClock, citizen: Person
) -> None:
    overview = inside.get("/account")
    assert not re.search("912.?345.?678", overview.text)
    assert "信義路四段六號" not in overview.text
    assert "王小明𠮷" in overview.text

    clock.advance(timedelta(minutes=11))
    assert "/signin/password?journey=details" in inside.get("/account/details").headers["Location"]
    inside.follow()
    shown = inside.sign_in(citizen)
    assert 'value="0912-345-678"' in shown.text


@pytest.mark.parametrize(
    ("birthdate", "locale", "then"),
    [
        ("1972-12-18", "zh-Hant", "0611218"),
        ("1972-12-18", "en", "1972-12-18"),
        ("1972", "en", "1972"),
    ],
)
def test_a_birth_date_is_shown_as_it_is_typed(
    browser: Browser, provider: Provider, birthdate: str, locale: str, then: str
) -> None:
    born = Person("PLAIN1", Kind.UNCERTIFIED, Profile(name="林安", birthdate=birthdate))
    browser.get("/signin/password", journey="details")
    browser.sign_in(add(provider, born))

    assert f'value="{then}"' in browser.get("/account/details", lang=locale).text


ADDRESS = {"postal_code": "100", "region": "臺北市", "street": "中正區重慶南路一段124號"}


def test_a_number_is_taken_as_it_is_shown_and_in_any_other_form(
    inside: Browser, provider: Provider, citizen: Person
) -> None:
    page = "/account/details"
    for mobile in ("0912-345-678", "+886912345678", "+886 912 345 678", "0912345678"):
        kept = post(inside, page, page, mobile=mobile, phone="02-2311-3456", **ADDRESS)

        assert kept.status_code == 303, mobile
        assert citizen.account is not None
        with provider.database.read() as tx:
            held = provider.particulars.of(tx, citizen.account.id)
        assert held[Field.MOBILE] == "+886912345678"


@pytest.mark.parametrize("page", ["/account/emails", "/account/details", "/account/data"])
def test_sensitive_pages_ask_again_after_ten_minutes(
    inside: Browser, clock: MovableClock, page: str
) -> None:
    assert inside.get(page).status_code == 200
    fields = form(inside, page)
    clock.advance(timedelta(minutes=11))

    assert inside.get(page).status_code == 303
    actions = {
        "/account/emails": "/account/emails/change",
        "/account/details": "/account/details",
        "/account/data": "/account/data/close",
    }
    refused = inside.post(actions[page], fields | {"username": "CITIZEN1"})
    assert "/signin/password" in refused.headers["Location"]


def test_B05_details_are_changed_and_mistakes_lose_nothing(
    inside: Browser, provider: Provider, citizen: Person
) -> None:
    fields = {
        "birth_date": "民國61年12月18日", "phone": "02-2311-3456#7", "mobile": "0987654321",
        "postal_code": "100", "region": "台北市", "street": "中正區重慶南路一段124號",
    }  # fmt: skip
    wrong = post(inside, "/account/details", "/account/details", **fields | {"phone": "1"})
    assert wrong.status_code == 422
    assert 'id="phone-error"' in wrong.text
    assert "中正區重慶南路一段124號" in wrong.text

    kept = post(inside, "/account/details", "/account/details", **fields)

    assert kept.status_code == 303
    assert 'id="saved"' in inside.follow().text
    assert citizen.account is not None
    with provider.database.read() as tx:
        profile = provider.accounts.find(tx, citizen.account.id).profile  # type: ignore[union-attr]
        told = provider.particulars.of(tx, citizen.account.id)
    assert profile.phone_number == "+886987654321"
    assert told[Field.PHONE] == "+886223113456;ext=7"
    assert profile.address.region == "臺北市"  # type: ignore[union-attr]
    assert profile.name == "王小明𠮷", "a name that a card has proven is not changed by hand"
    assert profile.nickname == "小明", "what the form does not ask for stays"


def test_an_address_is_added_by_its_code_and_made_the_first(
    inside: Browser, provider: Provider, citizen: Person
) -> None:
    post(inside, "/account/emails", "/account/emails/add", email="new@people.example")
    (code,) = letters.messages(provider, "new@people.example")
    assert isinstance(code, Code)
    assert held(provider, citizen) == [Email(citizen.email, verified=True)]

    post(inside, "/account/emails", "/account/emails/code", code=code.code)
    told = letters.messages(provider, citizen.email)
    assert [type(one) for one in told] == [EmailsChanged]
    post(
        inside,
        "/account/emails",
        "/account/emails/change",
        address="new@people.example",
        action="first",
    )
    first = Email("new@people.example", verified=True)
    assert held(provider, citizen) == [first, Email(citizen.email, verified=True)]

    post(
        inside, "/account/emails", "/account/emails/change", address=citizen.email, action="remove"
    )
    assert held(provider, citizen) == [first]
    last = post(
        inside,
        "/account/emails",
        "/account/emails/change",
        address="new@people.example",
        action="remove",
    )
    assert last.status_code == 422
    assert held(provider, citizen) == [first]


def held(provider: Provider, person: Person) -> list[Email]:
    assert person.account is not None
    with provider.database.read() as tx:
        return emails.of_account(tx, person.account.id)


def test_T34_of_two_changes_only_the_address_a_code_was_sent_to_is_proven(
    inside: Browser, provider: Provider, citizen: Person, clock: MovableClock
) -> None:
    post(inside, "/account/emails", "/account/emails/add", email="mine@people.example")
    (mine,) = letters.messages(provider, "mine@people.example")
    clock.advance(timedelta(seconds=31))
    post(inside, "/account/emails", "/account/emails/add", email="victim@people.example")
    assert isinstance(mine, Code)

    refused = post(inside, "/account/emails", "/account/emails/code", code=mine.code)

    assert refused.status_code == 422
    assert held(provider, citizen) == [Email(citizen.email, verified=True)]


def test_T38_who_proves_an_address_frees_it_from_who_only_typed_it(
    inside: Browser, provider: Provider, citizen: Person
) -> None:
    squatter = add(provider, LAWYER)
    assert squatter.account is not None
    unproven = [Email(LAWYER.email, verified=True), Email("new@people.example", verified=False)]
    with provider.database.write() as tx:
        emails.replace(tx, squatter.account.id, unproven)

    post(inside, "/account/emails", "/account/emails/add", email="new@people.example")
    (code,) = letters.messages(provider, "new@people.example")
    assert isinstance(code, Code)
    post(inside, "/account/emails", "/account/emails/code", code=code.code)

    assert held(provider, squatter) == unproven[:1]
    assert len(held(provider, citizen)) == 2


def test_T37_the_address_of_somebody_else_cannot_be_taken(
    inside: Browser, provider: Provider, citizen: Person
) -> None:
    add(provider, LAWYER)
    shown = post(inside, "/account/emails", "/account/emails/add", email=LAWYER.email)
    assert shown.status_code == 303

    assert [type(one.message) for one in letters.waiting(provider)] == [AlreadyRegistered]
    for code in ("000000", "123456"):
        post(inside, "/account/emails", "/account/emails/code", code=code)
    assert len(held(provider, citizen)) == 1


def test_P31_the_password_is_changed_and_everything_signs_in_anew(
    inside: Browser, provider: Provider, citizen: Person
) -> None:
    tokens: Any = inside.redeem(inside.code(citizen, scope="openid offline_access")).json
    fields = {"current": PASSWORD, "password": NEW, "password_again": NEW}
    changed = post(inside, "/account/password", "/account/password", **fields)

    assert "/signin/password" in changed.headers["Location"]
    assert inside.get("/account").status_code == 303
    assert inside.userinfo(tokens["access_token"]).status_code == 401
    told = letters.messages(provider, citizen.email)
    assert [type(one) for one in told] == [PasswordChanged]
    inside.get("/signin/password")
    inside.sign_in(citizen, NEW)
    assert 'id="sign-out"' in inside.last.text  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"current": "wrong one"}, "not your current password"),
        ({"password": PASSWORD, "password_again": PASSWORD}, "used this password before"),
        ({"password_again": "another sentence of words"}, "not the same"),
        ({"password": "", "password_again": ""}, "Choose a password"),
    ],
)
def test_a_bad_change_of_password_changes_nothing(
    inside: Browser, fields: dict[str, str], words: str
) -> None:
    whole = {"current": PASSWORD, "password": NEW, "password_again": NEW} | fields

    refused = post(inside, "/account/password", "/account/password", **whole)

    assert refused.status_code == 422
    assert words in refused.text
    assert NEW not in refused.text
    assert inside.get("/account").status_code == 200


def test_T44_the_old_password_cannot_be_guessed_at_the_change_page(inside: Browser) -> None:
    fields = {"current": "wrong", "password": NEW, "password_again": NEW}
    for _ in range(6):
        post(inside, "/account/password", "/account/password", **fields)

    right = post(inside, "/account/password", "/account/password", **fields | {"current": PASSWORD})
    assert "Too many attempts" in right.text


def test_an_old_password_that_was_not_typed_is_no_try(inside: Browser) -> None:
    refused = post(inside, "/account/password", "/account/password", current="", password=NEW)

    assert refused.status_code == 422
    assert 'id="current-error"' in refused.text
    assert "Wrong password" not in inside.get("/account/history").text


def test_one_browser_is_signed_out_from_another(
    inside: Browser, provider: Provider, citizen: Person
) -> None:
    other = Browser.on(provider)
    other.get("/signin/password")
    other.sign_in(citizen)
    page = inside.get("/account/sessions")
    assert page.text.count('name="session" value="') >= 3
    others = re.findall(r'name="session" value="([0-9a-f-]{36})"', page.text)
    this = page.text.index("this-browser")
    theirs = next(one for one in others if abs(page.text.index(one) - this) > 600)

    post(inside, "/account/sessions", "/account/sessions", session=theirs)

    assert other.get("/account").status_code == 303
    assert inside.get("/account").status_code == 200


def test_T55_the_session_of_another_person_cannot_be_ended(
    inside: Browser, provider: Provider
) -> None:
    lawyer = add(provider, LAWYER)
    other = Browser.on(provider)
    other.get("/signin/password")
    other.sign_in(lawyer)
    shown = other.get("/account/sessions").text
    (theirs,) = set(re.findall(r'name="session" value="([0-9a-f-]{36})"', shown))

    post(inside, "/account/sessions", "/account/sessions", session=theirs)

    assert other.get("/account").status_code == 200


@pytest.mark.parametrize("which", ["others", "all"])
def test_all_others_or_all_are_signed_out(
    inside: Browser, provider: Provider, citizen: Person, which: str
) -> None:
    other = Browser.on(provider)
    other.get("/signin/password")
    other.sign_in(citizen)

    post(inside, "/account/sessions", "/account/sessions", session=which)

    assert other.get("/account").status_code == 303
    assert inside.get("/account").status_code == (200 if which == "others" else 303)


def test_access_is_taken_back_from_an_app(inside: Browser, citizen: Person) -> None:
    code = inside.code(citizen, "stranger", scope="openid email offline_access")
    redirect_uri = "https://stranger.example/callback"
    tokens: Any = inside.redeem(code, "stranger", redirect_uri=redirect_uri).json
    listed = inside.get("/account/apps")
    assert "App stranger" in listed.text
    assert "Your e-mail address" in listed.text

    post(inside, "/account/apps", "/account/apps", client="stranger")

    assert inside.userinfo(tokens["access_token"]).status_code == 401
    assert 'id="no-apps"' in inside.get("/account/apps").text
    inside.authorize("stranger")
    assert "/signin/consent" in inside.trail[-1], "it has to ask again"


def test_P06_the_history_names_apps_as_people_know_them(
    browser: Browser, provider: Provider, citizen: Person
) -> None:
    browser.authorize("stranger")
    browser.sign_in(citizen)

    shown = browser.get("/account/history").text
    with provider.database.read() as tx:
        client = provider.clients.find(tx, "stranger")
    assert client is not None
    assert f"· {client.name('en')}<" in shown.replace("&#39;", "'")


def test_P06_this_was_not_me_ends_everything_and_sends_a_link(
    inside: Browser, provider: Provider, citizen: Person
) -> None:
    history = inside.get("/account/history")
    assert "Signed in" in history.text
    assert "203.0.113.7" in history.text

    post(inside, "/account/history", "/account/history/not-me")
    told = inside.follow()

    assert 'id="disowned"' in told.text
    assert "is on its way to the e-mail address" in told.text
    assert inside.get("/account").status_code == 303
    inside.get("/signin/password")
    assert 'id="sign-out"' not in inside.sign_in(citizen).text
    (mail,) = [
        one for one in letters.messages(provider, citizen.email) if isinstance(one, Recovery)
    ]
    assert mail.alarm
    assert inside.get("/recovery/new", token=mail.token).status_code == 200


def test_the_data_is_taken_along_signed(inside: Browser, citizen: Person) -> None:
    answer = post(inside, "/account/data", "/account/data/export")
    found = json.loads(answer.text)
    keys = KeySet.import_key_set(inside.get("/jwks").json)  # type: ignore[arg-type]
    checked = jws.deserialize_compact(found["jws"], keys)

    assert "attachment" in answer.headers["Content-Disposition"]
    assert json.loads(checked.payload) == found["document"]
    assert checked.protected["typ"] == "account-export+jwt"
    document = found["document"]
    assert document["profile"]["name"] == "王小明𠮷"
    assert document["emails"] == [{"address": citizen.email, "verified": True}]
    assert document["authenticator_app"]["is_set_up"] is False
    assert [one["address"] for one in document["open_sessions"]] == ["203.0.113.7"]
    assert (document["passkeys"], document["linked_accounts"]) == ([], [])
    assert "argon2" not in answer.text


def test_the_data_names_what_apps_hold(inside: Browser, citizen: Person) -> None:
    inside.redeem(inside.code(citizen, scope="openid offline_access"))

    answer = post(inside, "/account/data", "/account/data/export")

    (app,) = json.loads(answer.text)["document"]["apps"]
    assert app["scope"] == "offline_access openid"
    assert app["has_access"]


def test_the_data_says_what_is_proven_and_by_what(
    inside: Browser, provider: Provider, citizen: Person
) -> None:
    with provider.database.write() as tx:
        assert citizen.account is not None
        proof = Proof(
            Attribute.NAME, Assurance.CERTIFICATE, "moica", "0000", b"v" * 32, b"e" * 32, tx.now
        )
        proofs.put(tx, citizen.account.id, [proof])

    answer = post(inside, "/account/data", "/account/data/export")

    assert json.loads(answer.text)["document"]["proofs"] == [
        {
            "attribute": "name",
            "assurance": "certificate",
            "source": "moica",
            "number": "0000",
            "evidence_sha256": "65" * 32,
            "proven_at": proof.proven_at.isoformat(),
        }
    ]


def losses_on(browser: Browser) -> dict[str, str]:
    listed = re.findall(r'<li id="lost-(\w+)">(.*?)</li>', browser.get("/account/data").text)
    return {name: re.sub("(<[^>]+>)+", " ", told).strip() for name, told in listed}


def test_what_goes_with_an_account_is_told_before_it_is_closed(
    inside: Browser, provider: Provider, citizen: Person
) -> None:
    assert losses_on(inside) == {
        "browsers": "1 browser is signed out: this one.",
        "emails": "1 e-mail address is deleted; you can use it for another account.",
    }

    inside.code(citizen, "stranger", scope="openid profile")
    inside.redeem(inside.code(citizen, scope="openid offline_access"))
    other = Browser.on(provider)
    other.get("/signin/password", journey="account")
    other.sign_in(citizen)
    link_somewhere(provider, citizen)
    passkey = SoftKey()
    inside.get("/account/passkeys")
    made = passkey.make(options_on(inside))
    inside.post(
        "/account/passkeys",
        inside.hidden() | {"action": "add", "credential": made, "name": "My <key>"},
    )
    set_up_app(inside, provider)

    assert losses_on(inside) == {
        "apps": "2 apps lose their access to your data. App app, App stranger",
        "links": "1 account that you have linked is linked no more; it stays in its own system. "
        "App app",
        "passkeys": "1 passkey opens nothing here any more. My &lt;key&gt;",
        "app": "Your authenticator app shows codes in vain.",
        "codes": "10 recovery codes are worthless.",
        "browsers": "2 browsers are signed out, this one too.",
        "emails": "1 e-mail address is deleted; you can use it for another account.",
    }


def link_somewhere(provider: Provider, person: Person) -> None:
    assert person.account is not None
    attempt = uuid4()
    link = Link(person.account.id, "app", person.sub, "OLDER1", attempt, links.State.PENDING, None)
    with provider.database.write() as tx:
        assert links.begin(tx, uuid4(), link)
        assert links.confirm(tx, attempt, "OLDER1")


def test_a_closed_account_is_gone_and_its_name_is_never_given_again(
    inside: Browser, provider: Provider, citizen: Person
) -> None:
    tokens: Any = inside.redeem(inside.code(citizen, scope="openid offline_access")).json
    wrong = post(inside, "/account/data", "/account/data/close", username="somebody")
    assert wrong.status_code == 422

    post(inside, "/account/data", "/account/data/close", username="citizen1")
    told = inside.follow()

    assert 'id="account-closed"' in told.text
    assert inside.get("/account").status_code == 303
    assert inside.userinfo(tokens["access_token"]).status_code == 401
    assert [type(one) for one in letters.messages(provider, citizen.email)] == [AccountClosed]
    with provider.database.read() as tx:
        left = provider.accounts.named(tx, citizen.account_name)
        assert accounts.is_taken(tx, citizen.account_name)
    assert left is not None
    assert left.state is State.CLOSED
    assert left.profile.name == ""
    assert left.email is None
    inside.get("/signin/password")
    assert 'id="sign-out"' not in inside.sign_in(citizen).text


@pytest.mark.parametrize(
    "action",
    [
        "/account/details", "/account/emails/add", "/account/emails/code",
        "/account/emails/change", "/account/password", "/account/sessions", "/account/apps",
        "/account/history/not-me", "/account/data/export", "/account/data/close",
    ],
)  # fmt: skip
def test_no_other_site_can_send_an_account_form(inside: Browser, action: str) -> None:
    assert inside.post(action, {"csrf_token": "x"}).status_code == 403
    fields = form(inside, "/account/emails")
    assert inside.post(action, fields, **{"Sec-Fetch-Site": "cross-site"}).status_code == 403
