"""The authorization endpoint: prompts, ages, hints, consent, and every way to say no."""

from datetime import timedelta

import pytest

from idp.provider import Provider
from tests.clock import MovableClock
from tests.people import CALLBACK, LAWYER, Browser, Person, add, answer, request_of


def error_page(browser: Browser) -> str:
    """Read the error code of the page at hand, which must not lead anywhere."""
    assert browser.last is not None
    assert "Location" not in browser.last.headers
    before, _, after = browser.last.text.partition('id="error-code">')
    assert before
    return after.partition("<")[0]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"client_id": "nobody"}, id="T02 unknown client"),
        pytest.param({"redirect_uri": ""}, id="T02 no redirect URI"),
        pytest.param({"redirect_uri": CALLBACK + "/x"}, id="T01 a path added"),
        pytest.param({"redirect_uri": CALLBACK + "/"}, id="T01 a slash added"),
        pytest.param({"redirect_uri": CALLBACK + "?a=b"}, id="T01 a query added"),
        pytest.param({"redirect_uri": CALLBACK + "#x"}, id="T01 a fragment added"),
        pytest.param({"redirect_uri": CALLBACK.upper()}, id="T01 another case"),
        pytest.param({"redirect_uri": "https://app.example/./callback"}, id="T01 a dot segment"),
        pytest.param({"redirect_uri": "https://app.example/%63allback"}, id="T01 an escape"),
        pytest.param({"redirect_uri": "https://app.example:443/callback"}, id="T01 the port"),
        pytest.param({"redirect_uri": "https://app.example@evil.example/"}, id="T01 user info"),
        pytest.param({"redirect_uri": "https://app.example\\@evil.example"}, id="T01 backslash"),
        pytest.param({"redirect_uri": "javascript:alert(1)"}, id="T04 a script"),
        pytest.param(
            {"redirect_uri": "https://evil.example", "response_type": "foo"},
            id="T02 two mistakes at once",
        ),
    ],
)
def test_a_bad_client_or_redirect_uri_never_redirects(
    browser: Browser, changes: dict[str, str]
) -> None:
    browser.get("/authorize", **request_of(**({"client_id": "app"} | changes)))

    assert browser.last is not None
    assert browser.last.status_code == 400
    assert error_page(browser) == "invalid_request"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        pytest.param({"response_type": ""}, "invalid_request", id="no response_type"),
        pytest.param({"response_type": "token"}, "unsupported_response_type", id="B8 token"),
        pytest.param({"response_type": "id_token token"}, "unsupported_response_type", id="B8"),
        pytest.param({"code_challenge": ""}, "invalid_request", id="T11 no PKCE"),
        pytest.param({"code_challenge_method": "plain"}, "invalid_request", id="T12 plain"),
        pytest.param({"code_challenge_method": ""}, "invalid_request", id="T12 absent"),
        pytest.param({"code_challenge_method": "s256"}, "invalid_request", id="T12 s256"),
        pytest.param({"code_challenge": "short"}, "invalid_request", id="a challenge of 5"),
        pytest.param({"scope": "nothing known"}, "invalid_scope", id="unknown scopes"),
        pytest.param({"prompt": "none login"}, "invalid_request", id="none is not alone"),
        pytest.param({"prompt": "dance"}, "invalid_request", id="an unknown prompt"),
        pytest.param({"max_age": "-1"}, "invalid_request", id="a negative age"),
        pytest.param({"max_age": "soon"}, "invalid_request", id="no number"),
        pytest.param({"claims": "{"}, "invalid_request", id="claims is no JSON"),
        pytest.param({"claims": '{"userinfo": 1}'}, "invalid_request", id="claims of a number"),
        pytest.param({"request": "x.y.z"}, "invalid_request_object", id="no request object"),
        pytest.param({"request_uri": "https://a"}, "invalid_request_uri", id="not registered"),
        pytest.param({"response_mode": "fragment"}, "invalid_request", id="another mode"),
        pytest.param({"id_token_hint": "a.b.c"}, "invalid_request", id="a hint of nobody"),
        pytest.param({"nonce": "n" * 3000}, "invalid_request", id="F18 a long nonce"),
    ],
)
def test_other_mistakes_go_back_to_the_client_with_state_and_iss(
    browser: Browser, changes: dict[str, str], error: str
) -> None:
    browser.get("/authorize", **request_of("app", **changes))

    told = answer(browser.last)
    assert told["error"] == error
    assert told["state"] == "state of the app"
    assert told["iss"] == "https://sso.example"
    assert set(told) <= {"error", "error_description", "state", "iss"}


def test_T07_a_repeated_parameter_is_refused_on_a_page(browser: Browser) -> None:
    browser.get("/authorize?client_id=app&client_id=app")

    assert error_page(browser) == "invalid_request"


def test_max_age_0_asks_once_and_not_for_ever(
    browser: Browser, citizen: Person, clock: MovableClock
) -> None:
    browser.code(citizen)
    clock.advance(timedelta(seconds=1))

    browser.authorize(max_age="0")
    browser.sign_in(citizen)

    assert "code" in answer(browser.last)


def test_a_hint_that_has_expired_still_names_whom_it_named(
    browser: Browser, citizen: Person, provider: Provider, clock: MovableClock
) -> None:
    tokens = browser.redeem(browser.code(citizen)).json
    assert tokens is not None
    clock.advance(timedelta(minutes=30))  # the hint has expired, and is still a hint

    browser.authorize(prompt="none", id_token_hint=tokens["id_token"])
    same = answer(browser.last)
    other = Browser.on(provider)
    other.code(add(provider, LAWYER))
    other.authorize(prompt="none", id_token_hint=tokens["id_token"])

    assert "code" in same
    assert answer(other.last)["error"] == "login_required"


def test_every_page_of_a_journey_speaks_as_the_app_asked(browser: Browser, citizen: Person) -> None:
    browser.get("/", lang="zh-Hans")  # remembered, but not of this journey

    page = browser.authorize("stranger", ui_locales="fr zh-TW", prompt="login consent")
    wrong = browser.sign_in(citizen, "wrong")
    consent = browser.sign_in(citizen)

    for one in (page, wrong, consent):
        assert '<html lang="zh-Hant-TW">' in one.text
    assert "/signin/consent" in browser.trail[-1]
    assert '<html lang="zh-Hans">' in browser.get("/").text


def test_what_is_clicked_on_a_journey_outdoes_the_app_there_alone(
    browser: Browser, citizen: Person
) -> None:
    browser.authorize("stranger", ui_locales="en")
    journey = browser.hidden()["journey"]
    browser.get("/signin/password", journey=journey, lang="zh-Hans")
    wrong = browser.sign_in(citizen, "wrong")
    consent = browser.sign_in(citizen)
    next_journey = browser.authorize("stranger", ui_locales="en")

    assert '<html lang="zh-Hans">' in wrong.text
    assert '<html lang="zh-Hans">' in consent.text
    assert "/signin/consent" in "".join(browser.trail)
    assert '<html lang="en">' in next_journey.text


def test_a_request_posted_without_cookies_is_carried_on_in_the_browser_that_follows(
    browser: Browser, citizen: Person
) -> None:
    browser.code(citizen)
    elsewhere = Browser(browser.client.application.test_client())  # no cookies travel along
    elsewhere.post("/authorize", request_of("app"))
    assert elsewhere.last is not None

    browser.get(elsewhere.last.headers["Location"])
    browser.follow()

    assert "code" in answer(browser.last)


def test_an_essential_acr_out_of_reach_is_refused(browser: Browser, citizen: Person) -> None:
    asked = '{"id_token":{"acr":{"essential":true,"values":["urn:portico:acr:card"]}}}'
    browser.code(citizen)

    browser.authorize(prompt="none", claims=asked)

    assert answer(browser.last)["error"] == "unmet_authentication_requirements"


def test_P33_an_account_of_another_kind_may_not_open_the_app(
    browser: Browser, citizen: Person
) -> None:
    browser.authorize("lawyers")
    browser.sign_in(citizen)

    assert browser.last is not None
    assert browser.last.status_code == 403
    assert error_page(browser) == "access_denied"


def test_P33_an_account_of_the_right_kind_may(browser: Browser, provider: Provider) -> None:
    lawyer = add(provider, LAWYER)

    assert browser.code(lawyer, "lawyers")


def test_consent_is_asked_for_once_and_remembered(browser: Browser, citizen: Person) -> None:
    browser.authorize("stranger", scope="openid email")
    browser.sign_in(citizen)
    asked = browser.trail[-1]
    browser.consent()
    first = answer(browser.last)
    browser.authorize("stranger", scope="openid email", prompt="none")
    second = answer(browser.last)
    browser.authorize("stranger", scope="openid email profile", prompt="none")
    wider = answer(browser.last)

    assert "/signin/consent" in asked
    assert "code" in first
    assert "code" in second
    assert wider["error"] == "consent_required"


def test_consent_given_for_once_is_asked_for_again(browser: Browser, citizen: Person) -> None:
    browser.authorize("stranger")
    browser.sign_in(citizen)
    browser.consent(remember=False)
    first = answer(browser.last)

    browser.authorize("stranger", prompt="none")

    assert "code" in first
    assert answer(browser.last)["error"] == "consent_required"


def test_prompt_consent_asks_even_where_it_is_remembered(browser: Browser, citizen: Person) -> None:
    browser.authorize("stranger")
    browser.sign_in(citizen)
    browser.consent()

    browser.authorize("stranger", prompt="consent")
    asked = browser.trail[-1]
    browser.consent()

    assert "/signin/consent" in asked
    assert "code" in answer(browser.last)


def test_saying_no_is_access_denied(browser: Browser, citizen: Person) -> None:
    browser.authorize("stranger")
    browser.sign_in(citizen)

    browser.consent("deny")

    told = answer(browser.last)
    assert told["error"] == "access_denied"
    assert told["state"] == "state of the app"


def test_cancelling_the_sign_in_is_access_denied(browser: Browser) -> None:
    browser.authorize("app")

    browser.post("/signin/password", browser.hidden() | {"action": "cancel"})
    browser.follow()

    assert answer(browser.last)["error"] == "access_denied"


def test_T50_a_copied_address_leads_another_browser_nowhere(
    browser: Browser, provider: Provider
) -> None:
    browser.authorize("app")
    address = browser.trail[-1].removeprefix("GET ")
    thief = Browser.on(provider)

    thief.get(address)

    assert error_page(thief) == "journey_lost"


def test_a_journey_is_answered_once(browser: Browser, citizen: Person) -> None:
    browser.code(citizen)
    hub = next(step for step in reversed(browser.trail) if "/authorize/continue" in step)

    browser.get(hub.removeprefix("GET "))

    assert error_page(browser) == "journey_lost"


def test_B3_every_redirect_after_a_post_is_a_303(browser: Browser, citizen: Person) -> None:
    browser.authorize("app")
    browser.post(
        "/signin/password",
        browser.hidden() | {"username": citizen.account_name, "password": citizen.password},
    )

    assert browser.last is not None
    assert browser.last.status_code == 303
