"""The device authorization grant (RFC 8628), from the device's side and the person's."""

import re
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from werkzeug.test import TestResponse

from idp.accounts.model import State
from idp.accounts.status import set_state
from idp.database.transaction import Transaction
from idp.oidc.clients import change, read
from idp.oidc.device_authorization import typed, written
from idp.provider import Provider
from idp.worker import sweep
from tests.clock import MovableClock
from tests.conftest import Enrol
from tests.labs.signing import claims_of
from tests.people import LAWYER, Browser, Person, add

GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture(autouse=True)
def television(enrol: Enrol) -> None:
    enrol(
        "tv",
        token_endpoint_auth_method="none",
        secret_sha256="",
        redirect_uris=[],
        post_logout_redirect_uris=[],
        grant_types=[GRANT, "refresh_token"],
    )


def begin(browser: Browser, **changes: str) -> Any:
    form = {"client_id": "tv", "scope": "openid email"} | changes
    return browser.post("/device_authorization", {n: v for n, v in form.items() if v}).json


def poll(browser: Browser, begun: Any, client_id: str = "tv") -> TestResponse:
    form = {"grant_type": GRANT, "device_code": begun["device_code"], "client_id": client_id}
    return browser.post("/token", form)


def error(response: TestResponse) -> str:
    return str((response.json or {}).get("error", ""))


def open_page(browser: Browser, begun: Any, person: Person) -> TestResponse:
    """Follow the device's link, signing in on the way."""
    browser.get(begun["verification_uri_complete"].removeprefix("https://sso.example"))
    browser.follow()
    if "/signin/password" in browser.trail[-1]:
        browser.sign_in(person)
    assert browser.last is not None
    return browser.last


def enter(browser: Browser, code: str, decision: str = "") -> TestResponse:
    fields = {"csrf_token": browser.hidden()["csrf_token"], "user_code": code}
    browser.post("/device", fields | ({"decision": decision} if decision else {}))
    return browser.follow()


def test_the_whole_way(browser: Browser, citizen: Person, clock: MovableClock) -> None:
    begun = begin(browser)
    assert re.fullmatch(r"[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}", begun["user_code"])
    assert (begun["expires_in"], begun["interval"]) == (600, 5)
    assert error(poll(browser, begun)) == "authorization_pending"

    page = open_page(browser, begun, citizen)
    assert f'value="{begun["user_code"]}"' in page.text
    question = enter(browser, begun["user_code"])
    assert "App app" in question.text
    assert "Your e-mail address" in question.text
    assert "device-allowed" in enter(browser, begun["user_code"], "allow").text

    clock.advance(timedelta(seconds=5))
    tokens: Any = poll(browser, begun).json
    claims = claims_of(tokens["id_token"])
    assert (claims["sub"], claims["aud"], claims["amr"]) == (citizen.sub, "tv", ["pwd"])
    assert "sid" not in claims
    told: Any = browser.userinfo(tokens["access_token"]).json
    assert told["email"] == citizen.email
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert browser.post("/token", form | {"client_id": "tv"}).status_code == 200


@pytest.mark.parametrize(("decision", "shown"), [("allow", "allowed"), ("deny", "denied")])
def test_the_outcome_can_be_loaded_again_and_not_be_made_up(
    browser: Browser, citizen: Person, provider: Provider, decision: str, shown: str
) -> None:
    begun = begin(browser)
    open_page(browser, begun, citizen)
    enter(browser, begun["user_code"], decision)
    place = browser.trail[-1].removeprefix("GET ")

    again = browser.get(place)
    other = Browser.on(provider)
    other.code(citizen)

    assert again.status_code == 200
    assert f'id="device-{shown}"' in again.text
    for page in (other.get(place), browser.get("/device", outcome=shown)):
        assert f'id="device-{shown}"' not in page.text


def test_opening_the_link_decides_nothing(browser: Browser, citizen: Person) -> None:
    begun = begin(browser)

    open_page(browser, begun, citizen)
    browser.get("/device", user_code=begun["user_code"], decision="allow")

    assert error(poll(browser, begun)) == "authorization_pending"


def test_a_code_is_used_once(browser: Browser, citizen: Person, clock: MovableClock) -> None:
    begun = begin(browser)
    open_page(browser, begun, citizen)
    enter(browser, begun["user_code"], "allow")

    assert poll(browser, begun).status_code == 200
    clock.advance(timedelta(seconds=5))
    assert error(poll(browser, begun)) == "invalid_grant"
    browser.get("/device")
    again = enter(browser, begun["user_code"], "allow")
    assert again.status_code == 422


def test_whoever_polls_too_fast_is_slowed_down(browser: Browser, clock: MovableClock) -> None:
    begun = begin(browser)

    assert error(poll(browser, begun)) == "authorization_pending"
    assert error(poll(browser, begun)) == "slow_down"
    clock.advance(timedelta(seconds=6))
    assert error(poll(browser, begun)) == "slow_down"
    clock.advance(timedelta(seconds=15))
    assert error(poll(browser, begun)) == "authorization_pending"


def test_a_no_is_a_no(browser: Browser, citizen: Person) -> None:
    begun = begin(browser)
    open_page(browser, begun, citizen)

    assert "device-denied" in enter(browser, begun["user_code"], "deny").text

    assert error(poll(browser, begun)) == "access_denied"


def test_its_time_is_ten_minutes(browser: Browser, citizen: Person, clock: MovableClock) -> None:
    begun = begin(browser)
    open_page(browser, begun, citizen)
    clock.advance(timedelta(minutes=10))

    assert enter(browser, begun["user_code"]).status_code == 422
    assert error(poll(browser, begun)) == "expired_token"


def test_another_client_gets_nothing_for_it(
    browser: Browser, citizen: Person, enrol: Enrol
) -> None:
    fields: dict[str, Any] = {"token_endpoint_auth_method": "none", "secret_sha256": ""}
    enrol("other", **fields, redirect_uris=[], grant_types=[GRANT])
    enrol("untold", **fields)
    begun = begin(browser)
    open_page(browser, begun, citizen)
    enter(browser, begun["user_code"], "allow")

    assert error(poll(browser, begun, "other")) == "invalid_grant"
    assert error(poll(browser, begun, "untold")) == "unauthorized_client"
    assert poll(browser, begun).status_code == 200


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"client_id": ""}, "invalid_client"),
        ({"client_id": "nobody"}, "invalid_client"),
        ({"scope": "nothing"}, "invalid_scope"),
        ({"scope": ""}, "invalid_scope"),
        ({"client_id": "public"}, "unauthorized_client"),
    ],
)
def test_what_cannot_begin_is_told(
    browser: Browser, changes: dict[str, str], expected: str
) -> None:
    assert begin(browser, **changes)["error"] == expected


def test_an_account_of_another_kind_cannot_open_it(
    browser: Browser, citizen: Person, enrol: Enrol
) -> None:
    fields: dict[str, Any] = {"token_endpoint_auth_method": "none", "secret_sha256": ""}
    enrol("bar", **fields, redirect_uris=[], grant_types=[GRANT], account_kinds=["lawyer"])
    begun = begin(browser, client_id="bar")
    open_page(browser, begun, citizen)

    assert enter(browser, begun["user_code"]).status_code == 422


def test_T46_codes_cannot_be_guessed(browser: Browser, citizen: Person) -> None:
    begun = begin(browser)
    open_page(browser, begun, citizen)
    form = {"csrf_token": browser.hidden()["csrf_token"]}

    statuses = [
        browser.post("/device", form | {"user_code": f"BCDF-GHJ{letter}"}).status_code
        for letter in "BCDFGHJKLM"
    ]

    assert statuses[0] == 422
    assert statuses[-1] == 429
    assert browser.post("/device", form | {"user_code": begun["user_code"]}).status_code == 429


def test_T44_ones_own_device_buys_no_more_guesses_at_the_codes_of_others(
    browser: Browser, citizen: Person
) -> None:
    begun = begin(browser)
    open_page(browser, begun, citizen)
    form = {"csrf_token": browser.hidden()["csrf_token"]}

    def enter_codes(*codes: str) -> list[int]:
        answers = (browser.post("/device", form | {"user_code": one}) for one in codes)
        return [answer.status_code for answer in answers]

    guesses = [f"BCDF-GHJ{letter}" for letter in "BCDFGH"]
    statuses = enter_codes(*guesses[:4], begun["user_code"], *guesses[4:])

    assert statuses == [422] * 4 + [200, 422, 429]


def test_a_forged_form_changes_nothing(browser: Browser, citizen: Person) -> None:
    begun = begin(browser)
    open_page(browser, begun, citizen)

    forged = {"csrf_token": "forged", "user_code": begun["user_code"], "decision": "allow"}

    assert browser.post("/device", forged).status_code == 403
    assert error(poll(browser, begun)) == "authorization_pending"


def test_of_many_polls_at_once_one_gets_the_tokens(browser: Browser, citizen: Person) -> None:
    begun = begin(browser)
    open_page(browser, begun, citizen)
    enter(browser, begun["user_code"], "allow")
    app = browser.client.application
    barrier = threading.Barrier(8, timeout=20)
    found: list[int] = []

    def ask() -> None:
        own = Browser(app.test_client())
        barrier.wait()
        found.append(poll(own, begun).status_code)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(found) == [200, *[400] * 7]


def test_signing_out_leaves_the_device_and_ending_all_does_not(
    browser: Browser, citizen: Person, provider: Any
) -> None:
    begun = begin(browser)
    open_page(browser, begun, citizen)
    enter(browser, begun["user_code"], "allow")
    tokens: Any = poll(browser, begun).json
    browser.get("/")

    browser.post("/signout", browser.hidden())
    assert browser.userinfo(tokens["access_token"]).status_code == 200

    assert citizen.account is not None
    with provider.database.write() as tx:
        provider.ending.end_all(tx, citizen.account.id, {}, subject=citizen.sub, why="test")
    assert browser.userinfo(tokens["access_token"]).status_code == 401


Happens = Callable[[Transaction, Provider, Person], object]


def _end_all(tx: Transaction, portico: Provider, person: Person) -> None:
    assert person.account is not None
    portico.ending.end_all(tx, person.account.id, {}, subject=person.sub, why="test")


def _disable(tx: Transaction, _: Provider, person: Person) -> None:
    assert person.account is not None
    set_state(tx, person.account.id, State.DISABLED)


def _serve_lawyers_alone(tx: Transaction, portico: Provider, _: Person) -> None:
    found = read(tx, "tv")
    assert found is not None
    change(tx, msgspec.structs.replace(found.registration, account_kinds=["lawyer"]))
    portico.clients.forget()


@pytest.mark.parametrize("happens", [_end_all, _disable, _serve_lawyers_alone])
def test_what_happens_between_the_yes_and_the_next_poll_counts(
    browser: Browser, citizen: Person, provider: Provider, happens: Happens
) -> None:
    begun = begin(browser)
    open_page(browser, begun, citizen)
    enter(browser, begun["user_code"], "allow")
    with provider.database.write() as tx:
        happens(tx, provider, citizen)

    assert error(poll(browser, begun)) == "access_denied"


def test_a_device_for_certain_kinds_of_account_serves_them(
    browser: Browser, provider: Provider, enrol: Enrol
) -> None:
    lawyer = add(provider, LAWYER)
    fields: dict[str, Any] = {"token_endpoint_auth_method": "none", "secret_sha256": ""}
    enrol("bar", **fields, redirect_uris=[], grant_types=[GRANT], account_kinds=["judge", "lawyer"])
    begun = begin(browser, client_id="bar")
    open_page(browser, begun, lawyer)
    enter(browser, begun["user_code"], "allow")

    assert poll(browser, begun, "bar").status_code == 200


def test_what_is_long_over_is_swept(browser: Browser, provider: Any, clock: MovableClock) -> None:
    begun = begin(browser)
    clock.advance(timedelta(days=2))

    sweep(provider)

    assert error(poll(browser, begun)) == "invalid_grant"


@pytest.mark.parametrize(
    ("entered", "code"),
    [
        ("BCDF-GHJK", "BCDFGHJK"),
        (" bcdf ghjk ", "BCDFGHJK"),
        ("bcdfghjk", "BCDFGHJK"),
        ("BCDF-GHJ", ""),
        ("BCDF-GHJA", ""),
        ("BCDF-GHJK-L", ""),
        ("ＢＣＤＦＧＨＪＫ", ""),
        ("", ""),
    ],
)
def test_a_code_is_read_as_people_type_it(entered: str, code: str) -> None:
    assert typed(entered) == code
    assert not code or typed(written(code)) == code


def test_lawyers_see_the_page_in_their_language(browser: Browser, provider: Any) -> None:
    lawyer = add(provider, LAWYER)
    begun = begin(browser)
    open_page(browser, begun, lawyer)

    assert "裝置上的代碼" in browser.get("/device", lang="zh-Hant").text
