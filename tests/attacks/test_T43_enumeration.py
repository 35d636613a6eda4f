"""Nobody can learn from an answer, or from how long it took, whether there is an account."""

import statistics
import time
from collections.abc import Mapping
from datetime import timedelta

import msgspec
import pytest

from idp.accounts import passwords, status
from idp.accounts.model import State
from idp.accounts.store import NewAccount
from idp.assembly import assemble
from idp.authenticators.password.adoption import adopt
from idp.config import Config, PasswordSection, ThrottleSection
from idp.provider import Provider
from idp.secret import Keychain
from tests.clock import MovableClock
from tests.factors import without_challenge
from tests.labs.counting import Counted, every_connection
from tests.people import CONFIG, Browser, Person, add

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
_ROUNDS = 30
_CLOSE_MS = 5.0
"""A password costs twenty milliseconds as shipped: one that is not hashed stands out by far."""
_FOREIGN = adopt("salted-sha1", "{SSHA}pKqkNr1tq3wtQqk+UcPyA3HnA2NsU5NJ")
"""Another system's hash, that takes no time by itself."""


@pytest.fixture
def config() -> Config:
    """The password costs what it costs as shipped, and nobody is kept waiting."""
    throttle = ThrottleSection(exempt_networks=["203.0.113.0/24"])
    return msgspec.structs.replace(CONFIG, password=PasswordSection(), throttle=throttle)


@pytest.fixture
def names(provider: Provider) -> Mapping[str, str]:
    """An account of each sort, by what it is."""
    sorts = {"known": "KNOWN1", "disabled": "DISABLED1", "without a password": "OFF1"}
    for sort, name in sorts.items():
        person = add(provider, Person(name))
        assert person.account is not None
        with provider.database.write() as tx:
            if sort == "disabled":
                status.set_state(tx, person.account.id, State.DISABLED)
            if sort == "without a password":
                passwords.disable(tx, person.account.id)
    with provider.database.write() as tx:
        provider.accounts.add(tx, NewAccount("IMPORTED1", phc_hash=_FOREIGN))
        provider.accounts.add(tx, NewAccount("BROKEN1", phc_hash="$broken$"))
    imported = {"imported": "IMPORTED1", "imported, and no hash": "BROKEN1"}
    return sorts | imported | {"unknown": "NOBODY1"}


def guess(browser: Browser, name: str) -> tuple[int, str, float]:
    """Send a wrong password; gives status, page and milliseconds of this process's work."""
    browser.get("/signin/password")
    fields = browser.hidden() | {"username": name, "password": "a wrong guess"}
    began = time.process_time()
    page = browser.post("/signin/password", fields)
    return (
        page.status_code,
        without_challenge(page.text).replace(name, ""),
        (time.process_time() - began) * 1000,
    )


def test_T43_the_answer_is_the_same_for_every_sort_of_account(
    browser: Browser, names: Mapping[str, str]
) -> None:
    found = {sort: guess(browser, name)[:2] for sort, name in names.items()}

    assert len(set(found.values())) == 1, found
    assert found["unknown"][0] == 422


def test_T43_so_is_the_work(
    browser: Browser, names: Mapping[str, str], clock: MovableClock
) -> None:
    """Counted in processor time, which a busy machine does not stretch; the rounds alternate."""
    took: dict[str, list[float]] = {sort: [] for sort in names}
    for _ in range(_ROUNDS):
        clock.advance(timedelta(days=2))
        for sort, name in names.items():
            took[sort].append(guess(browser, name)[2])

    medians = {sort: statistics.median(times) for sort, times in took.items()}

    assert max(medians.values()) - min(medians.values()) < _CLOSE_MS, medians


def test_T43_an_account_of_older_parameters_is_not_told_by_how_little_work_it_is(
    provider: Provider, names: Mapping[str, str], clock: MovableClock, keys: Keychain
) -> None:
    """Its hash is made good at its next sign-in; until then a wrong guess costs both."""
    dearer = PasswordSection(memory_kib=4 * PasswordSection().memory_kib)
    raised = msgspec.structs.replace(provider.config, password=dearer)
    browser = Browser.on(assemble(raised, provider.database, keys))
    took: dict[str, list[float]] = {"known": [], "unknown": []}
    for _ in range(5):
        clock.advance(timedelta(days=2))
        for sort, times in took.items():
            times.append(guess(browser, names[sort])[2])

    medians = {sort: statistics.median(times) for sort, times in took.items()}

    assert 0.8 < medians["known"] / medians["unknown"] < 1.6, medians


def test_T43_and_so_is_what_the_database_is_asked(
    browser: Browser, names: Mapping[str, str], provider: Provider
) -> None:
    counted = Counted()
    found: dict[str, int] = {}
    with every_connection(provider.database, counted.hear):
        for sort, name in names.items():
            guess(browser, name)
            counted.seen.clear()
            guess(browser, name)
            found[sort] = counted.seen["commits"]

    assert len(set(found.values())) == 1, found
