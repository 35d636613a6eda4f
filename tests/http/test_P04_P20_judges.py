"""Judges sign in with their directory's account, and have one here from the first time on."""

import html
import itertools
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from idp.accounts import offices, passwords
from idp.accounts.model import Account, Kind, SecondFactor, State
from idp.accounts.offices import AccountOffice
from idp.accounts.tables import AccountRow
from idp.audit.store import AuditRow
from idp.authenticators.directory.model import Standing
from idp.cli import doctor
from idp.database.columns import Table
from idp.mail.messages import Code, NewBrowser
from idp.provider import Provider
from idp.secret import Secret
from idp.signin import store
from idp.signin.directory import TRIES, rest
from idp.web.wording.ways import STANDINGS
from tests.clock import MovableClock
from tests.conftest import Enrol
from tests.http.test_B_registration import accept, confirm, finish, send
from tests.labs import letters
from tests.labs.paper_directory import (
    COURTS,
    PASSWORD,
    SECTION,
    WANG,
    PaperDirectory,
    with_directory,
)
from tests.people import Browser, answer

MAIL = "wang@judges.example"
CSP = "Content-Security-Policy"
STATES = sorted(set(Standing) - {Standing.GOOD, Standing.WRONG_CREDENTIALS, Standing.NOBODY})


@pytest.fixture
def judge(court: Provider) -> Browser:
    """The browser of a judge."""
    return Browser.on(court)


def sign_in(browser: Browser, login: str = "wang.dm", password: str = PASSWORD) -> TestResponse:
    """Fill in the form at hand."""
    assert browser.last is not None
    if "directory-form" not in browser.last.text:
        browser.get("/signin/directory", journey=browser.hidden().get("journey", ""))
    form = browser.hidden() | {"username": login, "password": password}
    browser.post("/signin/directory", form)
    return browser.follow()


def open_form(browser: Browser) -> None:
    browser.get("/signin/directory")


def describe(browser: Browser, mails: str = MAIL, **more: str) -> TestResponse:
    browser.post("/register-account/details", browser.hidden() | {"email_list": mails} | more)
    return browser.follow()


def register(browser: Browser, portico: Provider, mails: str = MAIL, **more: str) -> TestResponse:
    """Go from the terms to the end."""
    accept(browser)
    describe(browser, mails, **more)
    send(browser)
    codes = letters.messages(portico, re.split(" *; *", mails)[0])
    confirm(browser, next(one.code for one in codes if isinstance(one, Code)))
    return finish(browser)


def registered(browser: Browser, portico: Provider) -> None:
    """Sign in for the first time, and out again."""
    open_form(browser)
    sign_in(browser)
    register(browser, portico)
    letters.waiting(portico)
    sign_out(browser)


def sign_out(browser: Browser) -> None:
    browser.get("/logout")
    browser.post("/logout/confirm", browser.hidden())
    browser.follow()


def cookies_of(browser: Browser) -> dict[Any, Any]:
    """Give a browser's cookies, to be put back."""
    held = browser.client._cookies  # noqa: SLF001 - there is no other way to put them back
    assert held is not None
    return held


def page(browser: Browser) -> str:
    assert browser.last is not None
    return browser.last.text


def of_wang(portico: Provider, name: str = "WANG.DM@COURT") -> Account:
    with portico.database.read() as tx:
        found = portico.accounts.named(tx, name)
    assert found is not None
    return found


def events(portico: Provider, name: str) -> list[dict[str, Any]]:
    """Read what the audit log says of an event, the oldest first."""
    with portico.database.read() as tx:
        rows = tx.execute(
            select(AuditRow.data).where(AuditRow.event == name).order_by(AuditRow.at, AuditRow.seq)
        )
        return [msgspec.json.decode(row.data) for row in rows]


def test_P20_the_first_sign_in_leads_through_a_registration_straight_into_the_app(
    judge: Browser, court: Provider
) -> None:
    judge.authorize(scope="openid profile email")
    sign_in(judge)
    assert "/register-account/terms" in judge.trail[-1]
    assert "王大明𠮷 法官" in page(judge)
    accept(judge)
    assert 'id="fact-name">王大明𠮷 法官<' in page(judge)
    assert 'id="fact-ad_account">wang.dm<' in page(judge)
    assert f'id="fact-court">{COURTS["TPD"]}<' in page(judge)
    assert 'value="wang.dm@court.test"' in page(judge)
    assert 'name="username"' not in page(judge)
    assert 'type="password"' not in page(judge)
    describe(judge, f"{MAIL}; second@judges.example;third@judges.example")
    send(judge)
    confirm(judge, next(one.code for one in letters.messages(court, MAIL) if isinstance(one, Code)))
    assert judge.last is not None
    # Browsers hold a form's redirects to this as well.
    assert "form-action 'self' https://app.example;" in judge.last.headers[CSP] + ";"
    ended = finish(judge)

    assert answer(ended)["code"]
    account = of_wang(court)
    assert (account.kind, account.state) == (Kind.JUDGE, State.ACTIVE)
    assert (account.profile.name, account.profile.preferred_username) == ("王大明𠮷", "wang.dm")
    assert account.email is not None
    assert (account.email.address, account.email.verified) == (MAIL, True)


def test_P04_later_sign_ins_go_straight_through_and_write_no_office(
    judge: Browser, court: Provider, clock: MovableClock
) -> None:
    registered(judge, court)
    clock.advance(timedelta(hours=1))
    with court.database.read() as tx:
        before = tx.scalar(select(AccountOffice.changed_at))

    judge.authorize()
    ended = sign_in(judge)

    assert answer(ended)["code"]
    with court.database.read() as tx:
        assert tx.scalar(select(AccountOffice.changed_at)) == before


def test_the_tab_is_there_and_says_that_no_directory_is_configured(browser: Browser) -> None:
    assert 'id="way-directory"' in browser.get("/signin/password").text
    shown = browser.get("/signin/directory")

    assert 'id="directory-none"' in shown.text
    assert "<form" not in shown.text.split("<main")[1].split("</main>")[0]


def test_without_a_directory_the_tab_leads_to_the_other_ways_and_back_to_the_app(
    browser: Browser,
) -> None:
    browser.authorize()
    journey = browser.hidden()["journey"]

    shown = browser.get("/signin/directory", journey=journey)
    assert f'id="instead-password" href="/signin/password?journey={journey}"' in shown.text
    browser.post("/signin/directory", browser.hidden() | {"action": "cancel"})

    assert answer(browser.follow())["error"] == "access_denied"


def test_without_a_directory_a_form_that_is_sent_all_the_same_comes_to_nothing(
    browser: Browser,
) -> None:
    browser.get("/signin/password")
    form = browser.hidden() | {"username": "wang.dm", "password": PASSWORD}

    assert browser.post("/signin/directory", form).status_code == 422


@pytest.mark.parametrize(
    ("login", "password"),
    [("", PASSWORD), ("   ", PASSWORD), ("wang.dm", "")],
    ids=["no account", "blanks", "no password"],
)
def test_T66_what_is_empty_is_never_asked_about(
    judge: Browser, paper: PaperDirectory, login: str, password: str
) -> None:
    open_form(judge)

    assert sign_in(judge, login, password).status_code == 422
    assert paper.asked == []


def test_unknown_people_and_wrong_passwords_read_the_same(judge: Browser, court: Provider) -> None:
    registered(judge, court)
    answers = []
    for login in ("wang.dm", "nobody"):
        fresh = Browser.on(court)
        open_form(fresh)
        sign_in(fresh, login, "not this")
        answers.append(page(fresh).split("<main")[1])
        assert fresh.last is not None
        assert fresh.last.status_code == 422

    scrubbed = [re.sub(r'value="[^"]*"', "", one) for one in answers]
    assert scrubbed[0] == scrubbed[1]
    reasons = [one["reason"] for one in events(court, "signin.refused")]
    assert reasons[-2:] == ["wrong_password", "directory_nobody"]


@pytest.mark.parametrize("standing", STATES)
def test_each_state_has_its_own_sentence_and_stands_in_the_history(
    judge: Browser, court: Provider, paper: PaperDirectory, standing: Standing
) -> None:
    registered(judge, court)
    paper.standings["wang.dm"] = standing
    open_form(judge)

    shown = sign_in(judge)

    assert str(STANDINGS[standing]) in html.unescape(shown.text)
    waits = {
        Standing.BUSY,
        Standing.UNREACHABLE,
        Standing.UNANSWERED,
        Standing.MISCONFIGURED,
    }
    assert shown.status_code == (503 if standing in waits else 422)
    with court.database.read() as tx:
        tried = {(one.method, one.refused_for) for one in store.history(tx, of_wang(court).id, 9)}
    assert tried == {("directory", None), ("directory", f"directory_{standing}")}
    assert events(court, "signin.refused")[-1]["reason"] == f"directory_{standing}"


def test_the_form_shows_the_forms_of_a_name_and_nobody_s_own(judge: Browser) -> None:
    open_form(judge)

    hint = judge.get("/signin/directory", lang="en").text

    assert "\\account" in hint
    assert "wang.dm" not in hint


@pytest.mark.parametrize("lang", ["zh-Hant", "zh-Hans", "en"])
def test_over_what_nobody_can_correct_stands_another_heading_than_over_a_wrong_password(
    judge: Browser, court: Provider, paper: PaperDirectory, clock: MovableClock, lang: str
) -> None:
    def heading(standing: Standing) -> str:
        clock.advance(rest(court.config) + timedelta(minutes=1))
        paper.standings["wang.dm"] = standing
        judge.get("/signin/directory", lang=lang)
        found = re.search(r'<h2 id="error-summary-title">(.*?)</h2>', sign_in(judge).text)
        assert found is not None
        return html.unescape(found[1])

    wrong = heading(Standing.WRONG_CREDENTIALS)
    headings = {standing: heading(standing) for standing in STATES}

    assert wrong not in headings.values()
    assert headings[Standing.DISABLED] == headings[Standing.LOCKED]
    assert len(set(headings.values())) == 4
    judge.get("/signin/directory", lang=lang)
    for _ in range(TRIES + 1):
        sign_in(judge, "nobody", "wrong")
    assert headings[Standing.BUSY] in page(judge), "too many tries"


def test_T44_nobody_locks_an_account_of_the_directory_through_us(
    court: Provider, paper: PaperDirectory, clock: MovableClock
) -> None:
    """From ever new browsers and networks, for a day; AD forgets after half an hour of rest."""
    statuses, worst, last = [], 0, clock()
    for number in range(96):
        stranger = Browser.on(court)
        stranger.client.environ_base["REMOTE_ADDR"] = f"198.51.{number}.9"
        open_form(stranger)
        before = len(paper.asked)
        sign_in(stranger, ("wang.dm", "COURT\\wang.dm", "WANG.DM@court.test")[number % 3], "guess")
        assert stranger.last is not None
        statuses.append(stranger.last.status_code)
        if len(paper.asked) > before:
            if clock() - last > timedelta(minutes=30):
                paper.wrong["wang.dm"] = 1
            last = clock()
            worst = max(worst, paper.wrong["wang.dm"])
        clock.advance(timedelta(minutes=15))

    assert worst <= TRIES
    assert 2 * TRIES < 5, "with as many slips of the holder, still below the least threshold in use"
    assert statuses.count(429) == 96 - 2 * 12, "two tries, then a rest that does not grow"


def test_T44_a_browser_that_its_holder_has_used_is_not_hit_by_strangers(
    judge: Browser, court: Provider, clock: MovableClock
) -> None:
    registered(judge, court)
    stranger = Browser.on(court)
    for _ in range(TRIES + 1):
        stranger = Browser.on(court)
        open_form(stranger)
        sign_in(stranger, password="guess")
    assert stranger.last is not None
    assert stranger.last.status_code == 429

    judge.authorize()
    ended = sign_in(judge)

    assert answer(ended)["code"]
    clock.advance(rest(court.config))
    open_form(stranger)
    assert sign_in(stranger, password="guess").status_code == 422


def test_a_slip_and_then_the_right_password_leaves_nothing_counted(
    judge: Browser, court: Provider
) -> None:
    registered(judge, court)
    for _ in range(3):
        open_form(judge)
        sign_in(judge, password="a slip")
        sign_in(judge)
        sign_out(judge)

    open_form(judge)
    assert sign_in(judge).status_code == 200


def test_whoever_uses_another_of_their_names_is_known_by_it(
    judge: Browser, court: Provider, paper: PaperDirectory
) -> None:
    claims = paper.claims
    paper.claims = lambda login: "court:dm" if login == "dm@judicial.test" else claims(login)  # type: ignore[method-assign]
    paper.people["dm"] = WANG
    registered(judge, court)
    open_form(judge)
    sign_in(judge, "dm@judicial.test")
    sign_out(judge)
    stranger = Browser.on(court)
    for _ in range(TRIES + 1):
        open_form(stranger)
        sign_in(stranger, "wang.dm", "guess")

    open_form(stranger)
    assert sign_in(stranger, "dm@judicial.test", "guess").status_code == 429, "one count for both"
    open_form(judge)
    assert sign_in(judge, "dm@judicial.test").status_code == 200


def test_P06_a_new_browser_is_told_of_by_mail(judge: Browser, court: Provider) -> None:
    registered(judge, court)
    other = Browser.on(court)
    open_form(other)
    sign_in(other)

    told = [one for one in letters.messages(court, MAIL) if isinstance(one, NewBrowser)]

    assert [one.method for one in told] == ["directory"]
    assert told[0].of_directory, "it must not promise a link for a new password"


def test_who_follows_the_link_of_that_mail_is_not_told_that_the_password_is_off(
    judge: Browser, court: Provider
) -> None:
    registered(judge, court)
    other = Browser.on(court)
    open_form(other)
    sign_in(other)
    (told,) = [one for one in letters.messages(court, MAIL) if isinstance(one, NewBrowser)]
    asked = judge.get("/not-me", token=told.token, lang="en").text
    assert "A password of this site no longer works" in asked

    judge.post("/not-me", judge.hidden() | {"token": told.token})
    said = judge.follow().text

    assert 'id="directory-password"' in said
    assert "The old password no longer works" not in said


def test_of_the_registration_itself_no_new_browser_is_told(judge: Browser, court: Provider) -> None:
    open_form(judge)
    sign_in(judge)
    register(judge, court)

    assert not [one for one in letters.messages(court, MAIL) if isinstance(one, NewBrowser)]


def test_a_court_that_has_changed_is_on_record_with_both(
    judge: Browser, court: Provider, paper: PaperDirectory
) -> None:
    registered(judge, court)
    paper.write(replace(WANG, court="TPH", court_name=COURTS["TPH"], department="刑事庭"))
    open_form(judge)
    sign_in(judge)

    (moved,) = events(court, "court.changed")
    assert moved == {
        "by": "directory",
        "before": "TPD",
        "before_name": COURTS["TPD"],
        "after": "TPH",
        "after_name": COURTS["TPH"],
    }
    assert events(court, "office.changed")[-1]["fields"] == ["court", "court_name", "department"]
    assert COURTS["TPH"] in judge.get("/account").text
    assert "another court" in judge.get("/account/history").text


def test_a_renamed_account_is_the_same_person(
    judge: Browser, court: Provider, paper: PaperDirectory
) -> None:
    registered(judge, court)
    paper.write(replace(WANG, account="wang.daming", name="王大銘"))
    open_form(judge)

    sign_in(judge, "wang.daming")

    account = of_wang(court)
    assert (account.profile.name, account.profile.preferred_username) == ("王大銘", "wang.daming")
    assert judge.get("/account").status_code == 200


def test_a_recreated_account_is_another_person_and_the_old_one_signs_in_nobody(
    judge: Browser, court: Provider, paper: PaperDirectory
) -> None:
    registered(judge, court)
    paper.recreate("wang.dm")
    successor = Browser.on(court)
    open_form(successor)
    sign_in(successor)
    assert "/register-account/terms" in successor.trail[-1]
    register(successor, court, "successor@judges.example")

    assert of_wang(court).id != of_wang(court, "WANG.DM@COURT-2").id
    with court.database.read() as tx:
        assert tx.scalar(select(func.count()).select_from(AccountOffice)) == 2
        tried = store.history(tx, of_wang(court).id, 9)
    assert len([one for one in tried if one.refused_for is None]) == 1


def test_a_court_that_the_directory_does_not_name_is_chosen_from_the_list(
    judge: Browser, court: Provider, paper: PaperDirectory
) -> None:
    paper.write(replace(WANG, court="", court_name="不存在的法院"))
    open_form(judge)
    sign_in(judge)
    accept(judge)
    assert "不存在的法院" not in page(judge)
    assert describe(judge).status_code == 422
    assert describe(judge, court="ELSEWHERE").status_code == 422
    describe(judge, court="TPH")
    send(judge)
    confirm(judge, next(one.code for one in letters.messages(court, MAIL) if isinstance(one, Code)))
    assert COURTS["TPH"] in page(judge)
    finish(judge)

    with court.database.read() as tx:
        held = offices.of(tx, of_wang(court).id)
    assert held is not None
    assert (held.court, held.court_name, held.court_is_chosen) == ("TPH", COURTS["TPH"], True)

    sign_out(judge)
    open_form(judge)
    sign_in(judge)
    with court.database.read() as tx:
        assert offices.of(tx, of_wang(court).id) == held, "what was chosen stays"
    paper.write(WANG)
    sign_out(judge)
    open_form(judge)
    sign_in(judge)
    with court.database.read() as tx:
        now = offices.of(tx, of_wang(court).id)
    assert now is not None
    assert (now.court, now.court_is_chosen) == ("TPD", False), "the directory's word counts"


@pytest.fixture
def of_no_court(judge: Browser, court: Provider, paper: PaperDirectory) -> Browser:
    """A judge whose court the directory does not name, and who chose one; signed in."""
    paper.write(replace(WANG, court="", court_name=""))
    open_form(judge)
    sign_in(judge)
    register(judge, court, court="TPH")
    return judge


def test_a_court_that_was_chosen_is_changed_by_its_holder_and_the_audit_has_both(
    of_no_court: Browser, court: Provider
) -> None:
    of_no_court.get("/account")
    assert 'id="court-change"' in page(of_no_court)
    of_no_court.get("/account/court")
    assert '<option value="TPH" selected>' in page(of_no_court)
    refused = of_no_court.post("/account/court", of_no_court.hidden() | {"court": "ELSEWHERE"})
    assert refused.status_code == 422
    of_no_court.post("/account/court", of_no_court.hidden() | {"court": "TPD"})
    of_no_court.follow()

    assert COURTS["TPD"] in page(of_no_court)
    (changed,) = events(court, "court.changed")
    assert (changed["by"], changed["before"], changed["after"]) == ("holder", "TPH", "TPD")
    assert (changed["before_name"], changed["after_name"]) == (COURTS["TPH"], COURTS["TPD"])
    assert "You chose another court." in of_no_court.get("/account/history", lang="en").text
    assert of_wang(court).updated_at


def test_the_same_court_chosen_again_is_no_change(of_no_court: Browser, court: Provider) -> None:
    of_no_court.get("/account/court")
    of_no_court.post("/account/court", of_no_court.hidden() | {"court": "TPH"})

    assert events(court, "court.changed") == []


def test_a_court_is_changed_after_a_recent_sign_in_alone(
    of_no_court: Browser, court: Provider, clock: MovableClock
) -> None:
    of_no_court.get("/account/court")
    form = of_no_court.hidden() | {"court": "TPD"}
    clock.advance(timedelta(minutes=court.config.sessions.recent_minutes, seconds=1))

    of_no_court.post("/account/court", form)
    assert "/signin/directory" in of_no_court.follow().text + of_no_court.trail[-1]
    assert events(court, "court.changed") == []


def test_whose_court_the_directory_names_cannot_change_it(
    of_no_court: Browser, court: Provider, paper: PaperDirectory
) -> None:
    of_no_court.get("/account/court")
    form = of_no_court.hidden() | {"court": "TPD"}
    paper.write(replace(WANG, court="TPH", court_name=COURTS["TPH"]))
    other = Browser.on(court)
    open_form(other)
    sign_in(other)

    of_no_court.post("/account/court", form)

    assert 'id="court-change"' not in of_no_court.get("/account").text
    assert events(court, "court.changed") == []
    with court.database.read() as tx:
        held = offices.of(tx, of_wang(court).id)
    assert held is not None
    assert (held.court, held.court_is_chosen) == ("TPH", False)


UNKNOWN = "<b>南投</b>地方法院"
SHOWN = "&lt;b&gt;南投&lt;/b&gt;地方法院"


@pytest.fixture
def of_unknown_court(judge: Browser, court: Provider, paper: PaperDirectory) -> Browser:
    """A judge whose court is not in the configuration, and who chose one; signed in."""
    paper.write(replace(WANG, court="", court_name="", court_told=UNKNOWN))
    open_form(judge)
    sign_in(judge)
    register(judge, court, court="TPH")
    return judge


def test_P20_a_court_that_is_not_known_here_is_named_and_one_is_chosen(
    judge: Browser, paper: PaperDirectory
) -> None:
    paper.write(replace(WANG, court="", court_name="", court_told=UNKNOWN))
    open_form(judge)
    sign_in(judge)

    accept(judge)

    assert f"names “{SHOWN}” as your court" in page(judge)
    assert "does not say which court" not in page(judge)
    assert '<option value="TPH"' in page(judge)


def test_a_court_that_is_not_known_here_is_on_the_account_page_and_in_the_audit(
    of_unknown_court: Browser, court: Provider
) -> None:
    shown = of_unknown_court.get("/account", lang="en").text

    assert f"names “{SHOWN}” as your court" in shown
    assert COURTS["TPH"] in shown
    assert f"names “{SHOWN}” as your court" in of_unknown_court.get("/account/court").text
    (told,) = events(court, "court.unknown")
    assert (told["directory"], told["told"]) == ("court", UNKNOWN)
    assert "a court that this site does not know" in of_unknown_court.get("/account/history").text


def test_a_court_that_is_not_known_here_reaches_no_app(
    judge: Browser, court: Provider, paper: PaperDirectory, enrol: Enrol
) -> None:
    enrol("petitions", scope="openid judiciary")
    registered(judge, court)
    paper.write(replace(WANG, court="", court_name="", court_told="NTD"))
    judge.authorize("petitions", scope="openid judiciary")
    sign_in(judge)
    tokens = judge.redeem(answer(judge.last)["code"], "petitions").get_json()

    told = judge.userinfo(tokens["access_token"])

    assert "department" in told.get_json()
    assert "court" not in told.get_json()
    assert "NTD" not in told.text
    assert len(events(court, "court.unknown")) == 1


def test_a_court_that_has_become_known_is_the_court(
    of_unknown_court: Browser, paper: PaperDirectory
) -> None:
    paper.write(WANG)
    sign_out(of_unknown_court)
    open_form(of_unknown_court)
    sign_in(of_unknown_court)

    shown = of_unknown_court.get("/account").text

    assert "court-unknown" not in shown
    assert COURTS["TPD"] in shown
    assert 'id="court-change"' not in shown


def test_where_no_court_is_listed_the_page_says_what_the_directory_names(
    provider: Provider, paper: PaperDirectory
) -> None:
    bare = with_directory(provider, paper, msgspec.structs.replace(SECTION, courts={}))
    paper.write(replace(WANG, court="", court_name="", court_told="NTD"))
    browser = Browser.on(bare)
    open_form(browser)
    sign_in(browser)
    register(browser, bare)

    assert "names “NTD” as your court" in browser.get("/account").text
    assert "no app learns of it" in page(browser)
    assert 'id="court-change"' not in page(browser)


@pytest.mark.usefixtures("of_unknown_court")
def test_the_doctor_names_courts_that_are_not_known_until_they_are(court: Provider) -> None:
    courts = dict(court.config.directories[0].courts) | {"NTD": UNKNOWN}
    wider = msgspec.structs.replace(court.config.directories[0], courts=courts)
    config = msgspec.structs.replace(court.config, directories=[wider])

    said = doctor.look_at_directories("directories", court)
    mended = doctor.look_at_directories("directories", replace(court, config=config))

    assert said.result == doctor.WARN
    assert f"court has “{UNKNOWN}”" in said.advice
    assert mended.result == doctor.GOOD


@pytest.mark.parametrize("numbers", [True, False])
def test_the_guide_says_what_is_taken_from_the_directory(
    provider: Provider, paper: PaperDirectory, numbers: bool
) -> None:
    section = msgspec.structs.replace(SECTION, employee_numbers=numbers)
    shown = Browser.on(with_directory(provider, paper, section)).get("/guide").text

    assert "court, department and title are taken from the directory" in shown
    assert 'id="link-directory" href="/signin/directory"' in shown
    assert 'href="/terms/privacy"' in shown
    assert ("The staff number is taken as well." in shown) is numbers
    assert "without typing anything" not in shown


def test_the_guide_of_a_site_without_a_directory_says_so(provider: Provider) -> None:
    shown = Browser.on(provider).get("/guide").text

    assert "not connected with any yet" in shown
    assert 'id="judges-data"' not in shown


def test_the_history_has_the_newest_first_also_of_one_moment(
    provider: Provider, paper: PaperDirectory
) -> None:
    """Chance only goes down here: an order that rested on it would be the wrong one."""
    drawn = itertools.count(1)
    falling = replace(
        provider,
        entropy=lambda size: (256**size - next(drawn)).to_bytes(size, "big"),
    )
    court = with_directory(falling, paper)
    browser = Browser.on(court)
    open_form(browser)
    sign_in(browser)
    register(browser, court)

    shown = browser.get("/account/history", lang="en").text

    assert 0 < shown.index(">Signed in<") < shown.index("Your account was opened.")


def test_the_name_of_the_account_is_explained(of_no_court: Browser) -> None:
    assert "Name of the account on this site" in of_no_court.get("/account", lang="en").text
    assert 'id="name-here"' in page(of_no_court)
    assert "Name of the account on this site" in of_no_court.get("/", lang="en").text


@pytest.mark.parametrize(
    ("mails", "then"),
    [
        ("a@j.example;b@j.example;c@j.example;d@j.example", 422),
        ("a@j.example, b@j.example", 422),
        ("a@j.example;A@j.example", 422),
        (" ; ", 422),
        ("a@j.example\uff1bb@j.example ;", 200),
    ],
    ids=["four", "commas", "twice the same", "none", "full-width, and one too many"],
)
def test_P20_addresses_are_separated_by_semicolons(judge: Browser, mails: str, then: int) -> None:
    open_form(judge)
    sign_in(judge)
    accept(judge)

    assert describe(judge, mails).status_code == then


def test_P20_sent_twice_the_account_is_opened_once(judge: Browser, court: Provider) -> None:
    open_form(judge)
    sign_in(judge)
    accept(judge)
    describe(judge)
    send(judge)
    confirm(judge, next(one.code for one in letters.messages(court, MAIL) if isinstance(one, Code)))
    form, jar = judge.hidden(), dict(cookies_of(judge))  # the second is sent at the same moment
    first = judge.post("/register-account/check", form)
    cookies_of(judge).clear()
    cookies_of(judge).update(jar)
    second = judge.post("/register-account/check", form)

    assert (first.status_code, second.status_code) == (303, 303)
    assert first.headers["Location"] == second.headers["Location"] == "/"
    with court.database.read() as tx:
        assert tx.scalar(select(func.count()).select_from(AccountOffice)) == 1


@pytest.mark.parametrize("standing", [Standing.DISABLED, Standing.UNREACHABLE])
def test_P20_who_is_switched_off_meanwhile_gets_no_account(
    judge: Browser, court: Provider, paper: PaperDirectory, standing: Standing
) -> None:
    open_form(judge)
    sign_in(judge)
    paper.standings["wang.dm"] = standing

    ended = register(judge, court)

    assert ended.status_code in {422, 503}
    with court.database.read() as tx:
        assert tx.scalar(select(func.count()).select_from(AccountOffice)) == 0


def test_P20_the_proof_holds_for_two_hours(
    judge: Browser, court: Provider, clock: MovableClock
) -> None:
    open_form(judge)
    sign_in(judge)
    accept(judge)
    clock.advance(timedelta(hours=1, minutes=50))
    describe(judge)
    send(judge)
    confirm(judge, next(one.code for one in letters.messages(court, MAIL) if isinstance(one, Code)))
    clock.advance(timedelta(minutes=20))

    finish(judge)

    assert "/signin/directory" in judge.trail[-1]


def test_P20_a_registration_of_a_judge_begins_with_the_sign_in(judge: Browser) -> None:
    judge.get("/register-account", kind="judge")
    judge.post("/register-account", judge.hidden() | {"kind": "judge"})

    judge.follow()

    assert "/signin/directory" in judge.trail[-1]


def test_a_judge_has_no_password_here_and_is_told_where(judge: Browser, court: Provider) -> None:
    registered(judge, court)
    open_form(judge)
    sign_in(judge)

    shown = judge.get("/account/password").text
    assert 'id="password-elsewhere"' in shown
    assert 'type="password"' not in shown
    overview = judge.get("/account").text
    assert 'id="office"' in overview
    assert "民事庭" in overview
    assert 'id="details-change"' not in overview


def test_no_password_of_ours_opens_what_a_directory_opens(judge: Browser, court: Provider) -> None:
    registered(judge, court)
    account = of_wang(court)
    with court.database.write() as tx:
        passwords.add_all(tx, {account.id: court.password.hash(Secret("one of ours, by mistake"))})
    judge.get("/signin/password")
    fields = {"username": account.account_name, "password": "one of ours, by mistake"}

    judge.post("/signin/password", judge.hidden() | fields)

    assert judge.last is not None
    assert judge.last.status_code == 422


def test_an_account_that_is_switched_off_here_reads_like_a_wrong_password(
    judge: Browser, court: Provider
) -> None:
    registered(judge, court)
    with court.database.write() as tx:
        change = {"state": State.DISABLED}
        tx.execute(update(AccountRow).where(AccountRow.id == of_wang(court).id).values(**change))
    open_form(judge)

    assert "The account or the password is not right." in sign_in(judge).text


def test_a_second_factor_that_its_owner_wants_asked_for_is_asked_for(
    judge: Browser, court: Provider
) -> None:
    registered(judge, court)
    with court.database.write() as tx:
        change = {"second_factor": SecondFactor.ALWAYS}
        tx.execute(update(AccountRow).where(AccountRow.id == of_wang(court).id).values(**change))
    open_form(judge)
    sign_in(judge)

    assert "/signin/second-factor" in judge.trail[-1]


def test_a_change_asks_a_judge_again_on_their_own_page(
    judge: Browser, court: Provider, clock: MovableClock
) -> None:
    registered(judge, court)
    open_form(judge)
    sign_in(judge)
    clock.advance(timedelta(minutes=20))

    judge.get("/account/emails")
    judge.follow()

    assert "/signin/directory" in judge.trail[-1]


def test_T73_the_password_is_in_no_row(judge: Browser, court: Provider) -> None:
    registered(judge, court)
    open_form(judge)
    sign_in(judge, password=PASSWORD + "!")
    with court.database.read() as tx:
        rows = "".join(
            repr(row) for table in Table.metadata.sorted_tables for row in tx.execute(select(table))
        )

    assert PASSWORD not in rows
    assert "Pass-of-the-judge" not in rows


def test_who_says_that_it_was_not_them_is_told_who_changes_the_password(
    judge: Browser, court: Provider
) -> None:
    registered(judge, court)
    open_form(judge)
    sign_in(judge)
    assert 'id="directory-password"' in judge.get("/account/history").text

    judge.post("/account/history/not-me", judge.hidden())
    said = judge.follow().text

    assert 'id="directory-password"' in said
    assert "The old password no longer works" not in said
    assert letters.messages(court, MAIL) == []


def test_nobody_offers_a_judge_a_card(provider: Provider, paper: PaperDirectory) -> None:
    cards = msgspec.structs.replace(provider.config.cards, enabled=True)
    config = msgspec.structs.replace(provider.config, cards=cards)
    court = with_directory(replace(provider, config=config), paper)
    judge = Browser.on(court)
    registered(judge, court)
    open_form(judge)
    sign_in(judge)

    for path in ("/", "/account", "/account/passkeys", "/links"):
        shown = judge.get(path)
        assert shown.status_code == 200
        assert 'href="/account/cards"' not in shown.text
