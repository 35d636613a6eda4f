"""Of sixteen at once with one code exactly one gets on, ten times out of ten."""

import base64
import re
from collections import Counter
from collections.abc import Iterator

import httpx2
import pytest
from sqlalchemy import update

from idp.authenticators import totp
from idp.authenticators.totp import PERIOD, code_of
from idp.clock import seconds, system_clock
from idp.database.transaction import open_database
from idp.secret import Secret
from tests.factors import codes_on
from tests.people import PASSWORD
from tests.races.harness import Running, at_once, running

CALLERS, ROUNDS = 16, 10

pytestmark = pytest.mark.timeout(400)

Cookies = dict[str, str]


@pytest.fixture(scope="module")
def asking(served: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The provider without a gate that would answer before the claim is reached."""
    settings = {
        "PORTICO__THROTTLE__EXEMPT_NETWORKS": '["127.0.0.0/8"]',
        "PORTICO__THROTTLE__CONTEXT_FAILURES": "100000",
        "PORTICO__THROTTLE__STRANGERS_PER_HOUR": "100000",
        "PORTICO__THROTTLE__PASSWORD_FAILURES": "100000",
    }
    url = served.environment["PORTICO__DATABASE__URL"]
    with running(tmp_path_factory.mktemp("asking"), url, settings=settings) as provider:
        provider.command(
            "account", "add", "--username", "TWOFOLD", "--password-stdin", stdin=f"{PASSWORD}\n"
        )
        yield provider


class Person:
    """Somebody with an authenticator app, going by HTTP."""

    def __init__(self, url: str) -> None:
        self.url = url

    def at_second_factor(self) -> tuple[Cookies, dict[str, str]]:
        """Give the password; gives the browser's cookies and the fields of the next page."""
        with httpx2.Client(base_url=self.url, follow_redirects=True, timeout=30) as http:
            page = http.get("/signin/password?journey=totp")
            typed = {"username": "TWOFOLD", "password": PASSWORD}
            page = http.post("/signin/password", data=_hidden(page.text) | typed)
            return dict(http.cookies), _hidden(page.text)

    def set_up(self) -> tuple[str, list[str]]:
        """Set an app up; gives its secret and the recovery codes."""
        cookies, fields = self.at_second_factor()  # there is none yet: this is the page itself
        with httpx2.Client(
            base_url=self.url, cookies=cookies, follow_redirects=True, timeout=30
        ) as http:
            page = http.post("/account/totp", data=fields | {"action": "begin"}).text
            found = re.search(r'id="totp-secret">([A-Z2-7 ]+)<', page)
            assert found, page
            secret = found[1].replace(" ", "")
            typed = {"action": "confirm", "code": code(secret, away=-1)}
            return secret, codes_on(http.post("/account/totp", data=_hidden(page) | typed).text)

    def bring_at_once(self, **fields: str) -> list[int]:
        """Let sixteen browsers that gave the password bring one code at one instant."""
        browsers = iter([self.at_second_factor() for _ in range(CALLERS)])

        def bring(http: httpx2.Client) -> int:
            cookies, hidden = next(browsers)
            http.cookies.update(cookies)
            return http.post(f"{self.url}/signin/second-factor", data=hidden | fields).status_code

        return at_once(CALLERS, bring)


@pytest.fixture(scope="module")
def twofold(asking: Running) -> tuple[Person, str, list[str]]:
    person = Person(asking.url)
    return (person, *person.set_up())


def test_T47_of_sixteen_browsers_with_one_code_of_the_app_one_gets_on(
    twofold: tuple[Person, str, list[str]], asking: Running
) -> None:
    person, secret, _ = twofold
    winners = Counter[int]()

    for _ in range(ROUNDS):
        forget_steps(asking)
        # The sign-ins before the codes take a while: the next step is still good when they end.
        answers = person.bring_at_once(action="totp", code=code(secret, away=1))
        assert set(answers) <= {303, 422, 429}  # the gate may slow some down
        winners[answers.count(303)] += 1

    assert winners == {1: ROUNDS}


def test_T47_of_sixteen_browsers_with_one_recovery_code_one_gets_on(
    twofold: tuple[Person, str, list[str]],
) -> None:
    person, _, codes = twofold
    winners = Counter[int]()

    for one in codes:
        answers = person.bring_at_once(action="recovery_code", recovery_code=one)
        assert set(answers) <= {303, 422, 429}  # the gate may slow some down
        winners[answers.count(303)] += 1

    assert winners == {1: len(codes)}


def code(secret: str, *, away: int = 0) -> str:
    """Show what the app would show, so many steps away."""
    return code_of(Secret(base64.b32decode(secret)), seconds(system_clock()) // PERIOD + away)


def forget_steps(asking: Running) -> None:
    """Let steps be new again, or a round would have to wait for the next."""
    url = asking.environment["PORTICO__DATABASE__URL"]
    opened = open_database(url, system_clock, connections=2)
    with opened.write() as tx:
        tx.execute(update(totp.TotpCredential).values(last_step=0))
    opened.dispose()


def _hidden(page: str) -> dict[str, str]:
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
