"""What nothing can use any more is deleted; what still counts stays."""

from datetime import timedelta

from sqlalchemy import func, select

from idp import worker
from idp.accounts import emails
from idp.accounts.removed import RemovedEmail
from idp.database.columns import Table
from idp.oidc.authorizations import Authorization
from idp.oidc.grants.refresh_token import RefreshToken
from idp.provider import Provider
from idp.sessions.store import BrowserSession, SessionClient
from idp.signin.counters import ThrottleCounter
from idp.signin.notices import NoticeLink
from idp.signin.store import Journey, KnownDevice, SignInAttempt
from tests.clock import MovableClock
from tests.people import Browser, Person

PASSING: tuple[type[Table], ...] = (
    Authorization,
    RefreshToken,
    BrowserSession,
    SessionClient,
    Journey,
    ThrottleCounter,
    NoticeLink,
    RemovedEmail,
)
LASTING: tuple[type[Table], ...] = (SignInAttempt, KnownDevice)


def rows(portico: Provider, tables: tuple[type[Table], ...]) -> dict[str, int]:
    with portico.database.read() as tx:
        found = {
            table.__tablename__: tx.scalar(select(func.count()).select_from(table))
            for table in tables
        }
    return {name: count for name, count in found.items() if count}


def live(browser: Browser, citizen: Person, provider: Provider) -> None:
    """Leave something in every table that grows."""
    browser.authorize()
    browser.sign_in(citizen, "a wrong guess")
    browser.authorize()
    browser.sign_in(citizen)
    browser.redeem(browser.code(citizen))
    assert citizen.account is not None
    with provider.database.write() as tx:
        emails.replace(tx, citizen.account.id, [])


def test_nothing_in_use_is_swept(
    browser: Browser, citizen: Person, provider: Provider, clock: MovableClock
) -> None:
    tokens = browser.redeem(browser.code(citizen, scope="openid offline_access")).json
    assert tokens is not None
    clock.advance(timedelta(days=13))

    worker.sweep(provider)

    refreshed = browser.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert refreshed.status_code == 200


def test_after_a_year_only_the_persons_own_history_is_left(
    browser: Browser, citizen: Person, provider: Provider, clock: MovableClock
) -> None:
    live(browser, citizen, provider)
    assert rows(provider, PASSING).keys() == {table.__tablename__ for table in PASSING}
    clock.advance(timedelta(days=365))

    for _ in range(3):
        worker.sweep(provider)

    assert rows(provider, PASSING).keys() <= {"throttle_counters"}
    assert rows(provider, LASTING).keys() == {"signin_attempts", "known_devices"}


def test_after_two_years_that_goes_too(
    browser: Browser, citizen: Person, provider: Provider, clock: MovableClock
) -> None:
    live(browser, citizen, provider)
    clock.advance(timedelta(days=731))

    worker.sweep(provider)

    assert rows(provider, LASTING) == {}
