"""What an account's owner finds of sign-ins and changes: told, filtered, paged, exported (P06)."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape

import msgspec
import pytest
from sqlalchemy import func, select

from idp import worker
from idp.audit.events.accounts import DataExported
from idp.audit.events.passwords import PasswordChanged
from idp.audit.history import AccountEvent
from idp.config import Config, ThrottleSection
from idp.mail.messages import Code
from idp.provider import Provider
from idp.worker.origin import WORKER
from tests import factors
from tests.clock import MovableClock
from tests.factors import SoftKey
from tests.http.test_P15_recovery import ask, link, set_new
from tests.http.test_P31_account_pages import NEW, post
from tests.labs import letters
from tests.people import CONFIG, LAWYER, PASSWORD, Browser, Person, add

pytestmark = pytest.mark.usefixtures("citizen")
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:147.0) Gecko/20100101 Firefox/147.0"


@pytest.fixture
def config() -> Config:
    """Three wrong passwords in a row switch it off."""
    return msgspec.structs.replace(CONFIG, throttle=ThrottleSection(password_failures=3))


@pytest.fixture
def inside(browser: Browser, citizen: Person) -> Browser:
    """Somebody who has just signed in to the portal, with Firefox."""
    browser.client.environ_base["HTTP_USER_AGENT"] = FIREFOX
    browser.get("/signin/password")
    browser.sign_in(citizen)
    return browser


def lines(browser: Browser, address: str = "/account/history") -> list[str]:
    """Read the lines of a history page, without markup."""
    page = browser.get(address).text
    listed = page.partition('id="happened"')[2].partition("</ul>")[0]
    found = re.findall(r"<li>(.*?)</li>", listed, re.DOTALL)
    return [unescape(re.sub(r"<[^>]+>", " ", one)) for one in found]


def changes(browser: Browser) -> list[str]:
    return lines(browser, "/account/history?show=changes")


def follow(browser: Browser, page: str, link: str) -> str:
    """Find where a link of a page leads."""
    found = re.search(rf'id="{link}" href="([^"]+)"', browser.get(page).text)
    return unescape(found[1]) if found else ""


def add_address(inside: Browser, provider: Provider) -> None:
    letters.waiting(provider)
    post(inside, "/account/emails", "/account/emails/add", email="second@people.example")
    (code,) = letters.messages(provider, "second@people.example")
    assert isinstance(code, Code)
    post(inside, "/account/emails", "/account/emails/code", code=code.code)


def change_addresses(inside: Browser, provider: Provider) -> None:
    add_address(inside, provider)
    for action in ("first", "remove"):
        fields = {"address": "second@people.example", "action": action}
        post(inside, "/account/emails", "/account/emails/change", **fields)


def change_details(inside: Browser, _provider: Provider) -> None:
    fields = {
        "birth_date": "民國61年12月18日", "phone": "02-2311-3456#7", "mobile": "0987654321",
        "postal_code": "100", "region": "臺北市", "street": "中正區重慶南路一段124號",
    }  # fmt: skip
    post(inside, "/account/details", "/account/details", **fields)


def use_factors(inside: Browser, provider: Provider) -> None:
    factors.set_up_app(inside, provider)
    factors.add_passkey(inside, SoftKey())
    for page, action in (
        ("passkeys", "rename"), ("totp", "on_demand"), ("totp", "always"), ("totp", "renew"),
        ("passkeys", "remove"), ("totp", "remove"),
    ):  # fmt: skip
        inside.get(f"/account/{page}")
        fields = inside.hidden() | {"action": action, "name": "Key <of> mine"}
        inside.post(f"/account/{page}", fields)


def let_an_app_in_and_out(inside: Browser, _provider: Provider) -> None:
    inside.authorize("stranger", scope="openid email")
    inside.consent()
    post(inside, "/account/apps", "/account/apps", client="stranger")


def sign_browsers_out(inside: Browser, provider: Provider) -> None:
    another = Browser.on(provider)
    another.get("/signin/password")
    another.sign_in(Person("CITIZEN1"))
    post(inside, "/account/sessions", "/account/sessions", session="others")


def take_data_along(inside: Browser, _provider: Provider) -> None:
    post(inside, "/account/data", "/account/data/export")


@pytest.mark.parametrize(
    ("act", "told"),
    [
        pytest.param(
            change_addresses,
            [
                "An e-mail address of your account was removed",
                "Another e-mail address became the first",
                "An e-mail address was added",
            ],
            id="addresses",
        ),
        pytest.param(change_details, ["The details of your account were changed"], id="details"),
        pytest.param(
            use_factors,
            [
                "The authenticator app of your account was removed",
                "A passkey of your account was removed",
                "New recovery codes were made",
                "Every sign-in to your account now asks for a second factor",
                "Your password alone now opens your account",
                "given another name",
                "A passkey was added",
                "An authenticator app was added",
            ],
            id="second factors",
        ),
        pytest.param(
            let_an_app_in_and_out,
            ["The access of an app was taken back", "An app was allowed to receive data"],
            id="apps",
        ),
        pytest.param(sign_browsers_out, ["All other browsers were signed out"], id="browsers"),
        pytest.param(take_data_along, ["Your data was downloaded"], id="data"),
    ],
)
def test_what_was_changed_is_told_with_its_time_place_and_browser(
    inside: Browser,
    provider: Provider,
    clock: MovableClock,
    act: Callable[[Browser, Provider], None],
    told: list[str],
) -> None:
    act(inside, provider)

    found = changes(inside)
    assert len(found) == len(told), found
    for sentence in told:
        assert any(sentence in line for line in found), (sentence, found)
    for line in found:
        assert "203.0.113.7" in line
        assert "Firefox, Linux" in line
        assert clock().strftime("%Y-%m-%d") in line


def test_what_it_was_about_is_told_in_part(inside: Browser, provider: Provider) -> None:
    change_addresses(inside, provider)
    use_factors(inside, provider)
    let_an_app_in_and_out(inside, provider)
    change_details(inside, provider)

    page = inside.get("/account/history?show=changes").text
    found = changes(inside)

    assert any("s•••@people.example" in line for line in found)
    assert "second@people.example" not in page
    assert any("Key <of> mine" in line for line in found)
    assert "Key <of> mine" not in page, "a name is written by whoever was in"
    assert any("App stranger" in line for line in found)
    (details,) = [line for line in found if "details of your account" in line]
    assert "Telephone" in details
    assert "Postal address" in details
    assert "987654321" not in page


def test_a_password_and_its_recovery_are_told_and_who_asked(
    inside: Browser, provider: Provider, citizen: Person, clock: MovableClock
) -> None:
    fields = {"current": PASSWORD, "password": NEW, "password_again": NEW}
    post(inside, "/account/password", "/account/password", **fields)
    letters.waiting(provider)
    other = Browser.on(provider)
    other.client.environ_base["REMOTE_ADDR"] = "198.51.100.9"
    clock.advance(timedelta(seconds=1))
    ask(other, citizen.account_name, citizen.email)
    token = link(provider, citizen)
    clock.advance(timedelta(seconds=1))
    set_new(other, token, PASSWORD + " more")
    inside.get("/signin/password")
    inside.sign_in(citizen, PASSWORD + " more")

    reset, asked, changed = changes(inside)

    assert "A new password was set by the link of a mail" in reset
    assert "198.51.100.9" in reset
    assert "A link to set a new password was sent" in asked
    assert "198.51.100.9" in asked, "though the worker looked it up"
    assert "Your password was changed" in changed
    assert "203.0.113.7" in changed


def test_what_operators_do_is_told_without_a_place(
    inside: Browser, provider: Provider, citizen: Person, clock: MovableClock
) -> None:
    factors.set_up_app(inside, provider)
    clock.advance(timedelta(seconds=1))
    assert citizen.account is not None
    with provider.database.write(WORKER) as tx:
        provider.factors.forget(tx, citizen.account)
    inside.get("/signin/password")
    inside.sign_in(citizen)

    first = changes(inside)[0]

    assert "The help desk removed all second factors" in first
    assert "?" not in first
    assert "203.0.113.7" not in first


def test_a_password_switched_off_by_guessing_is_told_to_its_owner(
    provider: Provider, inside: Browser, citizen: Person
) -> None:
    guesser = Browser.on(provider)
    for _ in range(3):
        guesser.get("/signin/password")
        guesser.sign_in(citizen, "wrong")

    first = changes(inside)[0]

    assert "Your password was switched off" in first


def test_signins_and_changes_can_be_looked_at_apart(
    inside: Browser, provider: Provider, clock: MovableClock
) -> None:
    clock.advance(timedelta(seconds=1))
    take_data_along(inside, provider)

    both, only_in, only_changes = (
        lines(inside),
        lines(inside, "/account/history?show=signins"),
        changes(inside),
    )

    assert len(only_in) == len(only_changes) == 1
    assert both == [*only_changes, *only_in]
    assert "Signed in" in only_in[0]
    assert lines(inside, "/account/history?show=whatever") == both
    assert 'id="show-changes" href="/account/history?show=changes" aria-current="page"' in (
        inside.get("/account/history?show=changes").text
    )


def test_a_list_of_nothing_says_so(inside: Browser) -> None:
    assert 'id="nothing-happened"' in inside.get("/account/history?show=changes").text


def test_going_back_page_by_page_misses_nothing_and_repeats_nothing(
    inside: Browser, provider: Provider, citizen: Person, clock: MovableClock
) -> None:
    assert citizen.account is not None
    for number in range(60):
        with provider.database.write() as tx:  # two rows of one instant each time
            happened = PasswordChanged(subject=citizen.account.subject, how="change")
            provider.trail.append(tx, happened, about=f"number {number} a")
            provider.trail.append(tx, happened, about=f"number {number} b")
        if number % 3 == 0:
            clock.advance(timedelta(seconds=1))

    page, seen = "/account/history", []
    for _ in range(5):
        seen += lines(inside, page)
        page = follow(inside, page, "older")
        if not page:
            break

    assert page == ""
    assert len(seen) == 121
    assert len({re.search(r"number \d+ [ab]|Signed in", line)[0] for line in seen}) == 121  # type: ignore[index]
    second = follow(inside, "/account/history", "older")
    assert follow(inside, second, "newest") == "/account/history"


@pytest.mark.parametrize(
    "mark", ["x", "0", "-", "1-2", "9" * 17 + "-" + "f" * 31, "1'--", "٣-" + "0" * 32, "9" * 40]
)
def test_a_mark_that_is_none_begins_at_the_newest(inside: Browser, mark: str) -> None:
    page = inside.get("/account/history", before=mark)

    assert page.status_code == 200
    assert "Signed in" in page.text


def test_nobody_sees_what_happened_to_another(inside: Browser, provider: Provider) -> None:
    take_data_along(inside, provider)
    lawyer = add(provider, LAWYER)
    other = Browser.on(provider)
    other.get("/signin/password")
    other.sign_in(lawyer)

    assert changes(other) == []
    assert len(lines(other)) == 1


def test_changes_are_part_of_what_is_taken_along(inside: Browser, provider: Provider) -> None:
    change_addresses(inside, provider)
    answer = post(inside, "/account/data", "/account/data/export")

    found = json.loads(answer.text)["document"]["changes"]

    assert [one["what"] for one in found] == ["emails.changed"] * 3
    assert {one["act"] for one in found} == {"added", "first", "removed"}
    assert {one["about"] for one in found} == {"s•••@people.example"}
    assert {one["address"] for one in found} == {"203.0.113.7"}
    assert {one["browser"] for one in found} == {FIREFOX}


def kept(provider: Provider) -> int:
    with provider.database.read() as tx:
        return int(tx.scalar(select(func.count()).select_from(AccountEvent)))


def test_with_the_account_its_history_is_deleted(inside: Browser, provider: Provider) -> None:
    take_data_along(inside, provider)
    assert kept(provider)

    post(inside, "/account/data", "/account/data/close", username="citizen1")

    assert kept(provider) == 0


def test_changes_are_forgotten_after_two_years(
    inside: Browser, provider: Provider, clock: MovableClock
) -> None:
    take_data_along(inside, provider)
    clock.advance(timedelta(days=729))
    worker.sweep(provider)
    assert kept(provider) == 1

    clock.advance(timedelta(days=2))
    worker.sweep(provider)
    assert kept(provider) == 0


def test_what_did_not_happen_is_not_told(provider: Provider, citizen: Person) -> None:
    assert citizen.account is not None

    class Trouble(Exception):
        pass

    with pytest.raises(Trouble), provider.database.write() as tx:
        provider.trail.append(tx, DataExported(subject=citizen.account.subject))
        raise Trouble

    assert kept(provider) == 0
