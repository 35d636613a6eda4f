"""T08, T16, T47: of sixteen at once exactly one wins, thirty times out of thirty."""

import os
import re
from collections import Counter
from functools import partial

import httpx2
import pytest

from idp.authenticators.password.captcha import Captcha
from idp.config import CaptchaSection
from idp.secret import keychain, system_entropy
from tests.conftest import ROOT_KEY
from tests.people import PASSWORD
from tests.races.harness import Running, at_once, running
from tests.races.surfer import CALLBACK, Surfer

CALLERS, ROUNDS = 16, 30

pytestmark = pytest.mark.timeout(240)


def status_of_redeeming(surfer: Surfer, code: str, http: httpx2.Client) -> int:
    return surfer.redeem(http, code).status_code


def status_of_refreshing(surfer: Surfer, token: str, http: httpx2.Client) -> int:
    return surfer.refresh(http, token).status_code


def test_T08_of_sixteen_callers_at_once_exactly_one_redeems_a_code(surfer: Surfer) -> None:
    winners = Counter[int]()

    for _ in range(ROUNDS):
        code = surfer.code()
        answers = at_once(CALLERS, partial(status_of_redeeming, surfer, code))
        assert set(answers) <= {200, 400}
        winners[answers.count(200)] += 1

    assert winners == {1: ROUNDS}


def test_T16_of_sixteen_callers_at_once_exactly_one_refreshes(surfer: Surfer) -> None:
    winners = Counter[int]()

    for _ in range(ROUNDS):
        token = surfer.redeem(surfer.http, surfer.code()).json()["refresh_token"]
        answers = at_once(CALLERS, partial(status_of_refreshing, surfer, token))
        assert set(answers) <= {200, 400}
        winners[answers.count(200)] += 1

    assert winners == {1: ROUNDS}


@pytest.mark.usefixtures("surfer")
def test_T47_of_sixteen_answers_at_once_one_captcha_takes_one(
    tmp_path_factory: pytest.TempPathFactory, served: Running
) -> None:
    folder = tmp_path_factory.mktemp("captcha")
    url = served.environment["PORTICO__DATABASE__URL"]
    captcha = Captcha(keychain(ROOT_KEY).key("captcha"), CaptchaSection(), system_entropy)
    settings = {
        "PORTICO__CAPTCHA__MODE": "always",
        "PORTICO__THROTTLE__EXEMPT_NETWORKS": '["127.0.0.0/8"]',
    }
    winners = Counter[int]()

    with (
        running(folder, url, settings=settings) as asking,
        httpx2.Client(base_url=asking.url) as page,
    ):
        for _ in range(ROUNDS):
            form = page.get("/signin/password").text
            fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))
            fields |= {"username": "RACER", "password": PASSWORD}
            fields["captcha"] = captcha.answer(fields["captcha_id"])
            cookies = dict(page.cookies)

            def sign_in(
                http: httpx2.Client,
                fields: dict[str, str] = fields,
                cookies: dict[str, str] = cookies,
            ) -> int:
                http.cookies.update(cookies)
                return http.post(f"{asking.url}/signin/password", data=fields).status_code

            answers = at_once(CALLERS, sign_in)
            assert set(answers) <= {303, 422}
            winners[answers.count(303)] += 1

    assert winners == {1: ROUNDS}


def test_sixteen_browsers_on_one_account_are_let_in_or_slowed_down_and_none_fails(
    surfer: Surfer,
) -> None:
    def sign_in(_: httpx2.Client) -> int:
        browser = Surfer(surfer.url, surfer.client_id, surfer.client_secret)
        with browser.http:
            return browser.sign_in("RACER", PASSWORD).status_code

    answers = Counter(status for _ in range(4) for status in at_once(CALLERS, sign_in))

    assert set(answers) <= {303, 429}
    assert answers[303] >= 4


def test_sixteen_tabs_that_open_a_new_app_at_once_all_get_there(
    surfer: Surfer, served: Running
) -> None:
    for number in range(3):
        app = served.command(
            "client", "add", "--id", f"tabs{number}{os.getpid()}", "--redirect-uri", CALLBACK,
            "--scope", "openid", "--trusted",
        )  # fmt: skip
        tabs = Surfer(surfer.url, app["client_id"], "", httpx2.Client(cookies=surfer.http.cookies))

        def open_tab(http: httpx2.Client, tabs: Surfer = tabs) -> bool:
            http.cookies = tabs.http.cookies
            return bool(Surfer(tabs.url, tabs.client_id, "", http).code())

        with tabs.http:
            assert at_once(CALLERS, open_tab) == [True] * CALLERS
