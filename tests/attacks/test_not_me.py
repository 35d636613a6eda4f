"""The link by which an owner says "this was not me", in the owner's hands and in a thief's."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from idp.accounts import emails, status
from idp.accounts.model import Email, SecondFactor, State
from idp.accounts.removed import RemovedEmail
from idp.authenticators import passkey
from idp.mail.messages import (
    AccountClosed,
    EmailsChanged,
    NewBrowser,
    Notice,
    PasswordChanged,
    Recovery,
    SecondFactorChanged,
)
from idp.provider import Provider
from idp.signin.notices import NoticeLink
from tests import factors
from tests.attacks.test_T73_canary import everything_kept
from tests.attacks.test_taken_over import (
    EVIL,
    account_of,
    factor_of,
    inside,
    is_in,
    links,
    make_first,
    prove,
)
from tests.clock import MovableClock
from tests.factors import SoftKey
from tests.http.test_P15_recovery import ask, set_new
from tests.http.test_P31_account_pages import NEW, held, post
from tests.labs import letters
from tests.people import LAWYER, PASSWORD, Browser, Person, add

WEEK = timedelta(days=7)
SECOND = "second@people.example"


def tokens(provider: Provider, kind: type[Notice] = Notice) -> dict[str, str]:
    """Take the newest notice of a kind for each address; gives its token, or an empty one."""
    return {
        letter.recipient: letter.message.token
        for letter in letters.waiting(provider)
        if isinstance(letter.message, kind)
    }


def click(provider: Provider, token: str, browser: Browser | None = None) -> TestResponse:
    """Open a link of a notice in any browser, and press the button."""
    browser = browser or Browser.on(provider)
    browser.get("/not-me", token=token)
    return browser.post("/not-me", browser.hidden())


def was_heard(answer: TestResponse) -> bool:
    return answer.status_code == 303


def a_week_later(provider: Provider, clock: MovableClock) -> None:
    """Let the account be older than anything that is suspected."""
    clock.advance(WEEK + timedelta(days=1))
    letters.waiting(provider)


def test_the_factor_that_a_thief_added_days_ago_is_gone_by_the_link_of_its_notice(
    provider: Provider, citizen: Person, clock: MovableClock
) -> None:
    a_week_later(provider, clock)
    thief = inside(provider, citizen)
    factors.add_passkey(thief, SoftKey())
    found = tokens(provider, SecondFactorChanged)
    clock.advance(timedelta(days=3))
    assert factor_of(provider, citizen) is SecondFactor.ALWAYS

    assert was_heard(click(provider, found[citizen.email]))

    assert factor_of(provider, citizen) is SecondFactor.NONE
    assert thief.get("/account").status_code == 303, "signed out"
    reset = links(provider)
    assert list(reset) == [citizen.email]
    owner = Browser.on(provider)
    owner.get("/signin/password")
    owner.sign_in(citizen)
    assert not is_in(owner), "the password is off"
    set_new(owner, reset[citizen.email])
    owner.get("/signin/password")
    owner.sign_in(citizen, NEW)
    assert is_in(owner)


def test_tokens_die_as_well(provider: Provider, citizen: Person) -> None:
    browser = Browser.on(provider)
    code = browser.code(citizen, scope="openid offline_access")
    bought = browser.redeem(code).json
    assert bought is not None

    click(provider, tokens(provider, NewBrowser)[citizen.email])

    assert browser.userinfo(bought["access_token"]).status_code == 401
    form = {"grant_type": "refresh_token", "refresh_token": bought["refresh_token"]}
    assert browser.token("app", **form).status_code == 400


def test_opening_the_link_does_nothing_however_often(provider: Provider, citizen: Person) -> None:
    owner = Browser.on(provider)
    owner.get("/signin/password")
    owner.sign_in(citizen)
    token = tokens(provider)[citizen.email]
    scanner = Browser.on(provider)
    for _ in range(5):
        assert scanner.get("/not-me", token=token).status_code == 200
        scanner.client.head("/not-me", query_string={"token": token})

    assert owner.get("/account").status_code == 200
    assert was_heard(click(provider, token))


def test_the_page_looks_alike_for_every_link_and_tells_nothing(
    provider: Provider, citizen: Person, clock: MovableClock
) -> None:
    inside(provider, citizen)
    over = notice(provider, citizen)
    clock.advance(WEEK)
    used, good = notice(provider, citizen), notice(provider, citizen)
    click(provider, used)
    stranger = Browser.on(provider)
    pages = []
    for token in (good, used, over, "", "null", "pnl_x", good[:-1], good + "x"):
        shown = stranger.get("/not-me", token=token)
        pages.append((shown.status_code, without_token(shown)))
        for told in (citizen.account_name, citizen.email, "王小明"):
            assert told not in shown.text

    assert len(set(pages)) == 1
    answers = {
        (answer.status_code, without_token(answer))
        for answer in (click(provider, token) for token in (used, over, "", "null", good[:-1]))
    }
    assert len(answers) == 1
    assert answers.pop()[0] == 410


def without_token(page: TestResponse) -> str:
    return re.sub(r'value="[^"]*"|href="[^"]*lang=[^"]*"', "", page.text)


def notice(provider: Provider, person: Person) -> str:
    """Sign in from a browser of its own; gives the token of the notice."""
    letters.waiting(provider)
    browser = Browser.on(provider)
    browser.get("/signin/password")
    browser.sign_in(person)
    return tokens(provider, NewBrowser)[person.email]


def test_it_signs_nobody_in_and_names_nobody(provider: Provider, citizen: Person) -> None:
    token = notice(provider, citizen)
    stranger = Browser.on(provider)

    answer = click(provider, token, stranger)

    assert not [one for one in answer.headers.getlist("Set-Cookie") if "session=" in one]
    told = stranger.follow().text
    assert 'id="disowned"' in told
    assert citizen.account_name not in told
    assert citizen.email not in told
    assert stranger.get("/account").status_code == 303


def test_somebody_else_who_is_signed_in_there_stays_so(provider: Provider, citizen: Person) -> None:
    token = notice(provider, citizen)
    lawyer = inside(provider, add(provider, LAWYER))

    assert was_heard(click(provider, token, lawyer))

    assert lawyer.get("/account").status_code == 200


def test_T33_a_link_is_good_once_for_a_week_and_for_nothing_else(
    provider: Provider, citizen: Person, clock: MovableClock
) -> None:
    token, late = notice(provider, citizen), notice(provider, citizen)
    browser = Browser.on(provider)
    assert browser.get("/recovery/new", token=token).status_code == 410
    assert set_new(browser, token).status_code == 410
    browser.get("/activate", token=token)
    assert browser.post("/activate", browser.hidden()).status_code == 410
    ask(browser, citizen.account_name, citizen.email)
    assert click(provider, links(provider)[citizen.email]).status_code == 410

    clock.advance(WEEK - timedelta(seconds=1))
    assert was_heard(click(provider, token))
    assert click(provider, token).status_code == 410
    clock.advance(timedelta(seconds=1))
    assert click(provider, late).status_code == 410


def test_two_tokens_in_one_form_are_refused(provider: Provider, citizen: Person) -> None:
    token = notice(provider, citizen)
    browser = Browser.on(provider)
    browser.get("/not-me", token=token)
    twice = browser.client.post(
        "/not-me",
        data={**browser.hidden(), "token": ["x", token]},
        base_url="https://sso.example",
    )

    assert twice.status_code == 400


def test_only_hashes_are_kept(provider: Provider, citizen: Person) -> None:
    token = notice(provider, citizen)
    assert token

    assert token not in everything_kept(provider)


def test_T44_trying_links_is_slowed_down(provider: Provider, citizen: Person) -> None:
    good = notice(provider, citizen)
    said = [click(provider, f"pnl_{number}").status_code for number in range(25)]

    assert said[0] == 410
    assert said[-1] == 429
    elsewhere = Browser.on(provider)
    elsewhere.client.environ_base["REMOTE_ADDR"] = "198.51.100.9"
    assert was_heard(click(provider, good, elsewhere)), "the owner is somewhere else"


@pytest.mark.parametrize("state", [State.DISABLED, State.CLOSED])
def test_T49_the_link_of_an_account_that_is_off_does_nothing(
    provider: Provider, citizen: Person, state: State
) -> None:
    token = notice(provider, citizen)
    with provider.database.write() as tx:
        status.set_state(tx, account_of(citizen).id, state)

    assert click(provider, token).status_code == 410
    assert links(provider) == {}


def with_second_address(provider: Provider, citizen: Person, clock: MovableClock) -> None:
    """Give the account another address, for longer than a week."""
    clock.advance(timedelta(minutes=1))
    prove(provider, inside(provider, citizen), SECOND)
    a_week_later(provider, clock)


def test_every_notice_goes_to_every_proven_address_with_a_link_of_its_own(
    provider: Provider, citizen: Person, clock: MovableClock
) -> None:
    with_second_address(provider, citizen, clock)
    everywhere = {citizen.email, SECOND}
    browser = Browser.on(provider)
    browser.get("/signin/password")
    browser.sign_in(citizen)
    seen = [tokens(provider, NewBrowser)]
    factors.set_up_app(browser, provider)
    seen.append(tokens(provider, SecondFactorChanged))
    make_first(browser, SECOND)
    seen.append(tokens(provider, EmailsChanged))
    fields = {"current": PASSWORD, "password": NEW, "password_again": NEW}
    post(browser, "/account/password", "/account/password", **fields)
    seen.append(tokens(provider, PasswordChanged))
    ask(browser, citizen.account_name, citizen.email)
    set_new(browser, links(provider)[citizen.email], PASSWORD)
    seen.append(tokens(provider, PasswordChanged))

    assert [set(one) for one in seen] == [everywhere] * 5
    every = [token for one in seen for token in one.values()]
    assert all(every)
    assert len(set(every)) == 10


def test_the_end_of_an_account_is_told_to_every_address(
    provider: Provider, citizen: Person, clock: MovableClock
) -> None:
    with_second_address(provider, citizen, clock)
    browser = inside(provider, citizen)
    post(browser, "/account/data", "/account/data/close", username="citizen1")

    found = [one for one in letters.waiting(provider) if isinstance(one.message, AccountClosed)]
    assert {one.recipient for one in found} == {citizen.email, SECOND}


def test_with_the_account_links_and_removed_addresses_are_deleted(
    provider: Provider, citizen: Person, clock: MovableClock
) -> None:
    with_second_address(provider, citizen, clock)
    browser = inside(provider, citizen)
    gone = {"address": SECOND, "action": "remove"}
    post(browser, "/account/emails", "/account/emails/change", **gone)

    post(browser, "/account/data", "/account/data/close", username="citizen1")

    with provider.database.read() as tx:
        for table in (NoticeLink, RemovedEmail):
            assert tx.scalar(select(func.count()).select_from(table)) == 0


def test_a_passkey_in_a_new_browser_is_told_too(provider: Provider, citizen: Person) -> None:
    key = SoftKey()
    factors.add_passkey(inside(provider, citizen), key)
    letters.waiting(provider)
    elsewhere = Browser.on(provider)
    elsewhere.get("/signin/password")
    factors.sign_in_by(elsewhere, key)
    assert is_in(elsewhere)

    (told,) = [
        one for one in letters.messages(provider, citizen.email) if isinstance(one, NewBrowser)
    ]
    assert told.method == "passkey"


def test_a_thiefs_new_address_is_told_of_everything_and_can_do_nothing(
    provider: Provider, citizen: Person, clock: MovableClock
) -> None:
    a_week_later(provider, clock)
    thief = inside(provider, citizen)
    prove(provider, thief, EVIL)
    make_first(thief, EVIL)

    for kind, found in (
        (EmailsChanged, tokens(provider, EmailsChanged)),
        (NewBrowser, told_of_new_browser(provider, citizen)),
    ):
        assert set(found) == {citizen.email, EVIL}, kind
        assert found[citizen.email]
        assert found[EVIL] == ""


def told_of_new_browser(provider: Provider, person: Person) -> dict[str, str]:
    browser = Browser.on(provider)
    browser.get("/signin/password")
    browser.sign_in(person)
    return tokens(provider, NewBrowser)


def test_a_thiefs_new_address_goes_by_the_owners_link_and_recovers_nothing_more(
    provider: Provider, citizen: Person, clock: MovableClock
) -> None:
    a_week_later(provider, clock)
    thief = inside(provider, citizen)
    prove(provider, thief, EVIL)
    make_first(thief, EVIL)
    clock.advance(timedelta(days=2))
    token = told_of_new_browser(provider, citizen)[citizen.email]

    click(provider, token)

    assert held(provider, citizen) == [Email(citizen.email, verified=True)]
    assert list(links(provider)) == [citizen.email]
    ask(Browser.on(provider), citizen.account_name, EVIL)
    assert links(provider) == {}


def taken_for_a_week(provider: Provider, citizen: Person, clock: MovableClock) -> Browser:
    """Let a thief's address be there for a week, unnoticed; gives the thief's browser."""
    a_week_later(provider, clock)
    prove(provider, inside(provider, citizen), EVIL)
    a_week_later(provider, clock)
    return inside(provider, citizen)


def test_a_thiefs_older_address_takes_neither_factor_nor_address_from_the_owner(
    provider: Provider, citizen: Person, clock: MovableClock
) -> None:
    taken_for_a_week(provider, citizen, clock)
    app = factors.with_app(provider, citizen)
    evil = tokens(provider, SecondFactorChanged)
    clock.advance(timedelta(minutes=1))

    assert was_heard(click(provider, evil[EVIL]))

    assert factor_of(provider, citizen) is SecondFactor.ALWAYS
    assert Email(citizen.email, verified=True) in held(provider, citizen)
    reset = links(provider)
    assert citizen.email in reset, "who was there before gets a link as well"
    owner = Browser.on(provider)
    set_new(owner, reset[citizen.email])
    owner.get("/signin/password")
    owner.sign_in(citizen, NEW)
    factors.show_code(owner, app.code(clock()))
    assert is_in(owner)
    post(owner, "/account/emails", "/account/emails/change", address=EVIL, action="remove")
    assert held(provider, citizen) == [Email(citizen.email, verified=True)]


def test_what_a_thiefs_older_address_did_leaves_the_owners_link_good(
    provider: Provider, citizen: Person, clock: MovableClock
) -> None:
    thief = taken_for_a_week(provider, citizen, clock)
    factors.add_passkey(thief, SoftKey())
    found = tokens(provider, SecondFactorChanged)
    assert was_heard(click(provider, found[EVIL]))
    letters.waiting(provider)

    assert was_heard(click(provider, found[citizen.email]))

    assert factor_of(provider, citizen) is SecondFactor.NONE
    assert list(links(provider)) == [citizen.email], "and none to the younger address"


def test_an_address_that_was_removed_has_no_power_left_unless_it_was_the_oldest(
    provider: Provider, citizen: Person, clock: MovableClock
) -> None:
    taken_for_a_week(provider, citizen, clock)
    before = told_of_new_browser(provider, citizen)
    assert before[EVIL]
    owner = inside(provider, citizen)
    post(owner, "/account/emails", "/account/emails/change", address=EVIL, action="remove")

    removal = tokens(provider, EmailsChanged)
    assert removal[EVIL] == "", "told once more, that it is gone"
    assert click(provider, before[EVIL]).status_code == 410
    assert set(told_of_new_browser(provider, citizen)) == {citizen.email}
    assert owner.get("/account").status_code == 200


def test_the_oldest_address_comes_back_by_its_own_link(
    provider: Provider, citizen: Person, clock: MovableClock
) -> None:
    thief = taken_for_a_week(provider, citizen, clock)
    gone = {"address": citizen.email, "action": "remove"}
    assert post(thief, "/account/emails", "/account/emails/change", **gone).status_code == 303
    assert held(provider, citizen) == [Email(EVIL, verified=True)]
    letters.waiting(provider)
    clock.advance(timedelta(days=5))
    later = told_of_new_browser(provider, citizen)
    assert later[citizen.email], "for a week it hears of everything"

    assert was_heard(click(provider, later[citizen.email]))

    assert Email(citizen.email, verified=True) in held(provider, citizen)
    reset = links(provider)
    assert list(reset) == [citizen.email]
    assert set_new(Browser.on(provider), reset[citizen.email]).status_code == 200
    with provider.database.read() as tx:
        (oldest, _) = emails.proven_of(tx, account_of(citizen).id)
    assert oldest.address == citizen.email, "as old as it was"


def test_after_a_week_a_removed_address_is_forgotten(
    provider: Provider, citizen: Person, clock: MovableClock
) -> None:
    thief = taken_for_a_week(provider, citizen, clock)
    gone = {"address": citizen.email, "action": "remove"}
    post(thief, "/account/emails", "/account/emails/change", **gone)
    token = tokens(provider, EmailsChanged)[citizen.email]
    assert token
    clock.advance(WEEK)

    assert set(told_of_new_browser(provider, citizen)) == {EVIL}
    assert click(provider, token).status_code == 410


def test_a_removed_address_that_somebody_else_has_proven_since_is_theirs(
    provider: Provider, citizen: Person, clock: MovableClock
) -> None:
    thief = taken_for_a_week(provider, citizen, clock)
    gone = {"address": citizen.email, "action": "remove"}
    post(thief, "/account/emails", "/account/emails/change", **gone)
    token = tokens(provider, EmailsChanged)[citizen.email]
    other = add(provider, LAWYER)
    with provider.database.write() as tx:
        both = [Email(LAWYER.email, verified=True), Email(citizen.email, verified=True)]
        emails.replace(tx, account_of(other).id, both)

    assert click(provider, token).status_code == 410
    assert set(told_of_new_browser(provider, citizen)) == {EVIL}


def test_a_factor_of_before_stays(provider: Provider, citizen: Person, clock: MovableClock) -> None:
    a_week_later(provider, clock)
    app = factors.with_app(provider, citizen)
    clock.advance(timedelta(days=1))
    thief = inside(provider, citizen)
    factors.show_code(thief, app.code(clock()))
    letters.waiting(provider)
    factors.add_passkey(thief, SoftKey())
    token = tokens(provider, SecondFactorChanged)[citizen.email]

    click(provider, token)

    assert factor_of(provider, citizen) is SecondFactor.ALWAYS
    with provider.database.read() as tx:
        assert passkey.of_account(tx, account_of(citizen).id) == []
        assert provider.totp.in_use(tx, account_of(citizen).id)


def test_T36_who_reads_the_mail_alone_takes_nothing_from_an_account_that_was_protected(
    provider: Provider, citizen: Person, clock: MovableClock
) -> None:
    a_week_later(provider, clock)
    app = factors.with_app(provider, citizen)
    clock.advance(timedelta(days=30))
    owner = inside(provider, citizen)
    factors.show_code(owner, app.code(clock()))
    reader = told_of_new_browser(provider, citizen)[citizen.email]
    clock.advance(timedelta(minutes=1))
    factors.add_passkey(owner, SoftKey())
    owner.get("/account/totp")
    owner.post("/account/totp", owner.hidden() | {"action": "remove"})

    assert was_heard(click(provider, reader))

    assert factor_of(provider, citizen) is SecondFactor.ALWAYS
    set_new(Browser.on(provider), links(provider)[citizen.email])
    thief = Browser.on(provider)
    thief.get("/signin/password")
    thief.sign_in(citizen, NEW)
    assert not is_in(thief)


def test_one_link_covers_what_came_after_it_and_not_what_was_before(
    provider: Provider, citizen: Person, clock: MovableClock
) -> None:
    found = []
    for _ in range(3):
        found.append(notice(provider, citizen))
        clock.advance(timedelta(minutes=1))
    before, used, after = found

    assert was_heard(click(provider, used))
    assert click(provider, after).status_code == 410
    assert was_heard(click(provider, before))


def test_what_follows_from_the_link_carries_no_link(
    provider: Provider, citizen: Person, clock: MovableClock
) -> None:
    a_week_later(provider, clock)
    thief = inside(provider, citizen)
    factors.add_passkey(thief, SoftKey())
    prove(provider, thief, EVIL)
    token = told_of_new_browser(provider, citizen)[citizen.email]
    clock.advance(timedelta(minutes=1))

    click(provider, token)

    sent = letters.waiting(provider)
    assert {one.recipient for one in sent} == {citizen.email}
    notices = [one.message for one in sent if isinstance(one.message, Notice)]
    assert notices
    assert {one.token for one in notices} == {""}
    (alarm,) = [one.message for one in sent if isinstance(one.message, Recovery)]
    assert alarm.alarm


def test_the_owner_finds_in_the_history_who_said_so(provider: Provider, citizen: Person) -> None:
    token = notice(provider, citizen)
    elsewhere = Browser.on(provider)
    elsewhere.client.environ_base["REMOTE_ADDR"] = "198.51.100.9"
    click(provider, token, elsewhere)
    set_new(elsewhere, links(provider)[citizen.email])
    owner = Browser.on(provider)
    owner.get("/signin/password")
    owner.sign_in(citizen, NEW)

    page = owner.get("/account/history?show=changes").text

    assert "The link of a mail told us that it was not you" in page
    assert "198.51.100.9" in page
