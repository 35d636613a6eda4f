"""Nobody can learn from an answer, or from how long it took, whether there is an account."""

import hashlib
import statistics
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta

import msgspec
import pytest
from argon2 import PasswordHasher

from idp import worker
from idp.accounts import passwords, status
from idp.accounts.model import State
from idp.accounts.store import NewAccount
from idp.assembly import assemble
from idp.authenticators.password.adoption import adopt
from idp.config import Config, PasswordSection, ThrottleSection
from idp.provider import Provider
from idp.secret import Keychain, Secret
from tests.clock import MovableClock
from tests.factors import without_challenge
from tests.labs.counting import Counted, every_connection
from tests.people import CONFIG, PASSWORD, Browser, Person, add

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
_ROUNDS = 30
_GUESS = "a wrong guess"
_CLOSE_MS = 5.0
"""A password costs twenty milliseconds as shipped: one that is not hashed stands out by far."""
_FOREIGN = adopt("salted-sha1", "{SSHA}pKqkNr1tq3wtQqk+UcPyA3HnA2NsU5NJ")
"""Another system's hash, that takes no time by itself."""
_ALIKE = 1.35
"""How many times more one may cost than the other; what T43 is about costs twice as much."""
DEAR = {
    # some tens of milliseconds each
    "bcrypt": "$2b$10$" + "C" * 21 + "." + "a" * 31,
    "pbkdf2": adopt("pbkdf2-sha256", f"pbkdf2_sha256$100000$salt${'A' * 43}="),
    "scrypt": adopt("scrypt", f"scrypt$16384$salt$8$1${'A' * 43}="),
    "sha512-crypt": f"$6$rounds=60000$salt${'a' * 86}",
    "argon2id": f"$argon2id$v=19$m=38912,t=2,p=1${'A' * 22}${'A' * 43}",
}


@pytest.fixture
def config() -> Config:
    """The password costs what it costs as shipped, and nobody is kept waiting."""
    throttle = ThrottleSection(exempt_networks=["203.0.113.0/24"])
    return msgspec.structs.replace(CONFIG, password=PasswordSection(), throttle=throttle)


@pytest.fixture
def names(provider: Provider) -> Mapping[str, str]:
    """An account of each sort, by what it is."""
    states = {
        "known": State.ACTIVE,
        "switched off": State.ACTIVE,
        "disabled": State.DISABLED,
        "not activated": State.PENDING,
        "closed": State.CLOSED,
    }
    found = {"unknown": "NOBODY1"}
    for sort, state in states.items():
        found[sort] = f"{state}{len(found)}".upper()
        account = add(provider, Person(found[sort])).account
        assert account is not None
        with provider.database.write() as tx:
            status.set_state(tx, account.id, state)
            if sort == "switched off":
                passwords.disable(tx, account.id)
            if sort == "closed":
                provider.accounts.close(tx, account.id)
    imported = {"imported": _FOREIGN, "imported, and no hash": "$broken$", "without one": ""}
    with provider.database.write() as tx:
        for sort, phc_hash in imported.items():
            found[sort] = f"IMPORTED{len(found)}"
            provider.accounts.add(tx, NewAccount(found[sort], phc_hash=phc_hash))
    worker.count_password_works(provider)
    return found


def guess(browser: Browser, name: str, password: str = _GUESS) -> tuple[int, str, float]:
    """Send a wrong password; gives status, page and milliseconds of this process's work."""
    browser.get("/signin/password")
    fields = browser.hidden() | {"username": name, "password": password}
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


def test_T43_an_account_of_older_parameters_is_not_told_by_its_work(
    provider: Provider, citizen: Person, clock: MovableClock, keys: Keychain
) -> None:
    """Its hash is made good at its next sign-in; until then a wrong guess costs both."""
    worker.count_password_works(provider)
    dearer = PasswordSection(memory_kib=2 * PasswordSection().memory_kib)
    raised = msgspec.structs.replace(provider.config, password=dearer)
    browser = Browser.on(assemble(raised, provider.database, keys))

    least = least_of(browser, clock, [citizen.account_name, "NOBODY1"])

    assert max(least.values()) / min(least.values()) < _ALIKE, least


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


def least_of(browser: Browser, clock: MovableClock, names: Sequence[str]) -> dict[str, float]:
    """Guess at each in turn; gives the fewest milliseconds by name.

    Tens of them vary by several where others use the machine, which only ever adds.
    """
    took: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(7):
        clock.advance(timedelta(days=2))
        for name, times in took.items():
            times.append(guess(browser, name)[2])
    return {name: min(times) for name, times in took.items()}


@pytest.mark.parametrize("scheme", DEAR)
def test_T43_an_imported_hash_that_is_dear_tells_of_no_account(
    provider: Provider, browser: Browser, clock: MovableClock, scheme: str
) -> None:
    with provider.database.write() as tx:
        provider.accounts.add(tx, NewAccount("IMPORTED1", phc_hash=DEAR[scheme]))
        provider.accounts.add(tx, NewAccount("WITHOUT1"))
    worker.count_password_works(provider)

    least = least_of(browser, clock, ["IMPORTED1", "NOBODY1", "WITHOUT1"])

    assert max(least.values()) / min(least.values()) < _ALIKE, least
    ours = min(_milliseconds(provider) for _ in range(7))
    assert least["IMPORTED1"] > _ALIKE**2 * ours, "too cheap to tell of anything"


def _milliseconds(provider: Provider) -> float:
    began = time.process_time()
    provider.password.hash(Secret("anything"))
    return (time.process_time() - began) * 1000


def test_T43_where_some_are_dear_so_are_some_names_that_nobody_has(
    provider: Provider, browser: Browser, clock: MovableClock
) -> None:
    """And asked as often as one likes, a name costs what it costs."""
    with provider.database.write() as tx:
        provider.accounts.add(tx, NewAccount("IMPORTED1", phc_hash=DEAR["bcrypt"]))
        provider.accounts.add(tx, NewAccount("IMPORTED2", phc_hash=_FOREIGN))
    worker.count_password_works(provider)
    nobodies = [f"NOBODY{number}" for number in range(12)]

    least = least_of(browser, clock, [*nobodies, "IMPORTED1", "IMPORTED2"])

    dear, cheap = least.pop("IMPORTED1"), least.pop("IMPORTED2")
    assert dear > _ALIKE**2 * cheap
    as_dear = [name for name, spent in least.items() if 1 / _ALIKE < spent / dear < _ALIKE]
    as_cheap = [name for name, spent in least.items() if 1 / _ALIKE < spent / cheap < _ALIKE]
    assert sorted([*as_dear, *as_cheap]) == sorted(nobodies), least
    assert 2 <= len(as_dear) <= 10, "about half of them"


@pytest.mark.parametrize("phc_hash", ["older", "foreign"])
def test_T43_the_right_password_of_a_disabled_account_costs_what_a_wrong_one_does(
    provider: Provider, browser: Browser, clock: MovableClock, phc_hash: str
) -> None:
    older = PasswordHasher(time_cost=1, memory_cost=4096, parallelism=1).hash(PASSWORD)
    salted = hashlib.sha256(b"salt" + PASSWORD.encode()).hexdigest()
    foreign = adopt("sha256(salt+password)", salted, "salt")
    stored = older if phc_hash == "older" else foreign
    with provider.database.write() as tx:
        new = NewAccount("DISABLED1", phc_hash=stored, state=State.DISABLED)
        provider.accounts.add(tx, new)
    took: dict[str, list[float]] = {PASSWORD: [], _GUESS: []}
    for _ in range(9):
        clock.advance(timedelta(days=2))
        for password, times in took.items():
            times.append(guess(browser, "DISABLED1", password)[2])

    right, wrong = (min(times) for times in took.values())

    assert 1 / _ALIKE < right / wrong < _ALIKE, (right, wrong)
