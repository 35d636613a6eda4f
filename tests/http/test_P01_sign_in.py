"""P01, P05, P06, P30: the hosted pages, over WSGI."""

import re
from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import select

from idp.accounts import passwords, status
from idp.accounts.model import State
from idp.config import CaptchaSection, Config, PasswordSection
from idp.outbox.store import OutboxRow
from idp.provider import Provider
from idp.signin.store import SignInAttempt
from tests.clock import MovableClock
from tests.factors import without_challenge
from tests.people import CONFIG, PASSWORD, Browser, Person


def sign_in_page(browser: Browser) -> Browser:
    browser.get("/signin/password")
    return browser


def test_P01_wrong_password_and_unknown_account_read_the_same_and_are_both_recorded(
    browser: Browser, citizen: Person, provider: Provider
) -> None:
    pages = []
    for name in ("citizen1", "citizen9"):
        sign_in_page(browser)
        page = browser.post(
            "/signin/password", browser.hidden() | {"username": name, "password": "a guess"}
        )
        pages.append((page.status_code, without_challenge(page.text).replace(name, "")))

    assert pages[0] == pages[1]
    assert pages[0][0] == 422
    assert "The account or the password is not right." in pages[0][1]
    with provider.database.read() as tx:
        attempts = tx.execute(select(SignInAttempt.account_id, SignInAttempt.refused_for)).all()
    assert citizen.account is not None
    assert sorted(attempts, key=lambda row: row[1]) == [
        (None, "unknown_account"),
        (citizen.account.id, "wrong_password"),
    ]


@pytest.mark.usefixtures("citizen")
@pytest.mark.parametrize("typed", ["citizen1", " CITIZEN1 ", "ＣＩＴＩＺＥＮ１"])
def test_an_account_is_found_however_it_is_typed(browser: Browser, typed: str) -> None:
    sign_in_page(browser)

    done = browser.post(
        "/signin/password", browser.hidden() | {"username": typed, "password": PASSWORD}
    )

    assert done.status_code == 303


@pytest.mark.usefixtures("citizen")
@pytest.mark.parametrize(
    "fields",
    [
        {"username": "", "password": PASSWORD},
        {"username": "CITIZEN1", "password": ""},
        {"username": "CITIZEN1"},
        {},
    ],
)
def test_T31_an_empty_form_passes_nothing(browser: Browser, fields: dict[str, str]) -> None:
    sign_in_page(browser)

    page = browser.post("/signin/password", browser.hidden() | fields)

    assert page.status_code == 422
    assert 'id="error-summary"' in page.text


def test_what_was_typed_is_kept_but_the_password_is_not(browser: Browser, citizen: Person) -> None:
    sign_in_page(browser)

    page = browser.post(
        "/signin/password",
        browser.hidden() | {"username": citizen.account_name, "password": "my-wrong-secret"},
    )

    assert 'value="CITIZEN1"' in page.text
    assert "my-wrong-secret" not in page.text


def test_T50_the_session_is_new_at_each_sign_in(
    browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    browser.code(citizen)
    clock.advance(timedelta(seconds=1))
    first = browser.client.get_cookie("__Host-portico_session", "sso.example")
    browser.authorize(prompt="login")
    browser.sign_in(citizen)
    second = browser.client.get_cookie("__Host-portico_session", "sso.example")

    assert first is not None
    assert second is not None
    assert first.value != second.value
    assert second.http_only
    assert second.secure


def test_sessions_end_by_idleness_and_in_any_case(
    browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    browser.code(citizen)
    clock.advance(timedelta(minutes=59))
    browser.authorize(prompt="none")
    assert browser.last is not None
    assert "code=" in browser.last.headers["Location"]

    clock.advance(timedelta(minutes=59))
    browser.authorize(prompt="none")
    assert "code=" in browser.last.headers["Location"]

    clock.advance(timedelta(minutes=61))
    browser.authorize(prompt="none")
    assert "login_required" in browser.last.headers["Location"]


def test_the_absolute_limit_holds_however_busy_one_is(
    browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    browser.code(citizen)
    for _ in range(24):
        clock.advance(timedelta(minutes=30))
        browser.authorize(prompt="none")

    assert browser.last is not None
    assert "login_required" in browser.last.headers["Location"]


@pytest.mark.parametrize("state", [State.DISABLED, State.CLOSED])
def test_T49_a_disabled_account_is_out_within_the_same_second(
    browser: Browser, citizen: Person, provider: Provider, state: State
) -> None:
    tokens = browser.redeem(browser.code(citizen)).json
    code = browser.code(citizen)
    assert tokens is not None
    assert citizen.account is not None

    with provider.database.write() as tx:
        status.set_state(tx, citizen.account.id, state)

    assert browser.redeem(code).status_code == 400
    assert browser.userinfo(tokens["access_token"]).status_code == 401
    refreshed = browser.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert refreshed.status_code == 400
    browser.authorize(prompt="none")
    assert browser.last is not None
    assert "login_required" in browser.last.headers["Location"]
    browser.authorize()
    assert browser.sign_in(citizen).status_code == 422


def test_raising_the_epoch_ends_everything_at_once(
    browser: Browser, citizen: Person, provider: Provider
) -> None:
    tokens = browser.redeem(browser.code(citizen, scope="openid offline_access")).json
    assert tokens is not None
    assert citizen.account is not None

    with provider.database.write() as tx:
        provider.ending.end_all(tx, citizen.account.id, {}, subject=citizen.sub, why="test")

    assert browser.userinfo(tokens["access_token"]).status_code == 401
    refreshed = browser.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert refreshed.status_code == 400


def test_P30_P06_the_front_page_shows_who_and_what_happened(
    browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    browser.code(citizen)
    clock.advance(timedelta(hours=1))
    browser.authorize(prompt="login")
    browser.sign_in(citizen, "wrong")
    clock.advance(timedelta(minutes=1))
    browser.authorize(prompt="login")
    browser.sign_in(citizen)

    page = browser.get("/", lang="zh-Hant").text

    assert "王小明𠮷" in page
    assert "自然人" in page
    assert '<span class="p-whole">民國 115年 11月20日</span> 星期五 14:27' in page
    assert "密碼錯誤" in page
    assert '<dd id="failures-since" class="p-bad">1</dd>' in page
    assert "https://app.example/" in page


@pytest.mark.parametrize("path", ["/", "/requests", "/device", "/logout"])
def test_P30_every_page_names_the_person_alike(
    browser: Browser, citizen: Person, path: str
) -> None:
    browser.code(citizen)

    assert '<div class="p-who"><span>王小明𠮷</span>' in browser.get(path).text


def test_P06_a_first_sign_in_has_no_time_since_which_others_failed(
    browser: Browser, citizen: Person
) -> None:
    browser.code(citizen)

    page = browser.get("/").text

    assert "Failed so far" in page
    assert "Failed since then" not in page


def test_who_is_signed_in_already_is_told_so(browser: Browser, citizen: Person) -> None:
    assert "signed-in-as" not in browser.get("/signin/password").text
    browser.code(citizen)

    page = browser.get("/signin/password").text

    assert "You are signed in as 王小明𠮷." in page


def test_P05_signing_out_here_leaves_nobody_signed_in(browser: Browser, citizen: Person) -> None:
    browser.code(citizen)
    browser.get("/")

    browser.post("/signout", browser.hidden())
    browser.follow()

    assert browser.last is not None
    assert "You are signed out" in browser.last.text
    assert browser.get("/").text.count('id="sign-in"') == 1


def test_a_stronger_hash_is_taken_over_at_sign_in(
    provider: Provider, citizen: Person, browser: Browser
) -> None:
    from idp.authenticators.password.authenticator import PasswordAuthenticator

    stronger = PasswordAuthenticator(PasswordSection(memory_kib=8192, time_cost=2))
    upgraded = Browser.on(dataclass_replace(provider, password=stronger))

    upgraded.get("/signin/password")
    upgraded.sign_in(citizen)

    with provider.database.read() as tx:
        row = passwords.on_record(tx, citizen.account_name)
    assert row is not None
    assert "m=8192,t=2" in row.phc_hash
    browser.get("/signin/password")
    assert browser.sign_in(citizen).status_code == 200  # the front page


def dataclass_replace(portico: Provider, **changes: object) -> Provider:
    import dataclasses

    return dataclasses.replace(portico, **changes)  # type: ignore[arg-type]


def test_a_new_browser_is_told_to_the_owner_once(
    browser: Browser, citizen: Person, provider: Provider, clock: MovableClock
) -> None:
    for _ in range(2):
        clock.advance(timedelta(seconds=1))
        browser.authorize(prompt="login")
        browser.sign_in(citizen)

    with provider.database.read() as tx:
        assert len(tx.execute(select(OutboxRow.id).where(OutboxRow.kind == "mail")).all()) == 1


def test_T40_links_come_from_configuration_and_not_from_the_host_header(
    browser: Browser,
) -> None:
    hostile = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil"}

    told = browser.client.get("/.well-known/openid-configuration", headers=hostile)
    page = browser.client.get("/", headers=hostile)

    assert "evil" not in told.text
    assert "evil" not in page.text


@pytest.fixture
def config() -> Config:
    return CONFIG


@pytest.mark.parametrize("mode", ["always", "adaptive"])
def test_T47_without_a_right_captcha_no_password_is_compared(
    provider: Provider, citizen: Person, mode: str
) -> None:
    import dataclasses

    asking = msgspec.structs.replace(CONFIG, captcha=CaptchaSection(mode=mode))  # type: ignore[arg-type]
    signing_in = dataclasses.replace(provider.signing_in, config=asking)
    portico = dataclasses.replace(provider, config=asking, signing_in=signing_in)
    browser = Browser.on(portico)
    browser.get("/signin/password")
    answers = {"captcha": "000000", "captcha_id": "pcc_made_up"}

    refused = browser.sign_in(citizen, **answers)

    assert refused.status_code == 422
    browser.get("/signin/password")
    if mode == "always":
        challenge = browser.hidden()["captcha_id"]
        full_width = portico.captcha.answer(challenge).translate(
            str.maketrans("0123456789", "０１２３４５６７８９")
        )
        assert browser.sign_in(citizen, captcha=full_width).status_code == 200
        assert browser.sign_in(citizen, captcha=full_width, captcha_id=challenge).status_code != 200
    else:
        assert browser.sign_in(citizen).status_code == 200


@pytest.mark.parametrize(
    ("locale", "title"),
    [("en", "Error: Sign in"), ("zh-Hant", "錯誤：登入"), ("zh-Hans", "错误：登录")],
)
def test_the_title_says_first_that_something_is_wrong(
    browser: Browser, locale: str, title: str
) -> None:
    sign_in_page(browser)

    page = browser.post(f"/signin/password?lang={locale}", browser.hidden())

    assert f"<title>{title} " in page.text


def focused(page: str) -> list[str]:
    """Name the fields that the page puts the cursor into."""
    fields = re.findall(r'<input[^>]*name="(\w+)"([^>]*)', page)
    return [name for name, more in fields if "autofocus" in more]


@pytest.mark.parametrize("mode", ["always", "adaptive"])
def test_after_other_digits_only_the_password_is_typed_again(
    provider: Provider, citizen: Person, mode: str
) -> None:
    import dataclasses

    asking = msgspec.structs.replace(CONFIG, captcha=CaptchaSection(mode=mode))  # type: ignore[arg-type]
    signing_in = dataclasses.replace(provider.signing_in, config=asking)
    browser = Browser.on(dataclasses.replace(provider, config=asking, signing_in=signing_in))
    fresh = browser.get("/signin/password").text
    shown = {"username": citizen.account_name, "captcha_id": "pcc_x"}

    refreshed = browser.post("/signin/password", browser.hidden() | shown | {"action": "refresh"})
    wrong = browser.sign_in(citizen, captcha="000000", captcha_id="pcc_x")
    empty = browser.post("/signin/password", browser.hidden() | {"captcha_id": "pcc_x"})

    assert focused(fresh) == ["username"]
    assert focused(refreshed.text) == ["password"]
    if mode == "always":
        assert focused(wrong.text) == ["password"]
    assert focused(empty.text) == []
    for name in ("username", "password", "captcha"):
        assert f'<a href="#{name}">' in empty.text
    for page in (refreshed, empty):
        assert 'id="captcha-image"' in page.text


def test_the_captcha_is_drawn_and_spoken_for_its_browser_alone(
    provider: Provider, citizen: Person
) -> None:
    import dataclasses

    asking = msgspec.structs.replace(CONFIG, captcha=CaptchaSection(mode="always"))
    portico = dataclasses.replace(provider, config=asking)
    browser, other = Browser.on(portico), Browser.on(portico)
    browser.get("/signin/password")
    challenge = browser.hidden()["captcha_id"]

    picture = browser.get(f"/signin/captcha/{challenge}.png")
    sound = browser.get(f"/signin/captcha/{challenge}.wav", voice="en")

    assert picture.data.startswith(b"\x89PNG")
    assert sound.data.startswith(b"RIFF")
    assert other.get(f"/signin/captcha/{challenge}.png").status_code == 404
    assert citizen.account_name
