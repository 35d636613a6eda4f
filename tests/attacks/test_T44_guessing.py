"""T44 to T46: guessing is slow, spraying is seen, and neither locks a victim out."""

import threading
from datetime import timedelta

import pytest

from idp.config import ThrottleSection
from idp.database.transaction import Database, Origin
from idp.provider import Provider
from idp.secret import Keychain
from idp.signin.counters import Attempt, Gate
from idp.signin.throttle import Proceed, Wait
from tests.clock import MovableClock
from tests.people import Browser, Person

POLICY = ThrottleSection()


@pytest.fixture
def gate(keys: Keychain) -> Gate:
    return Gate(keys.key("throttle"), POLICY)


def may_try(database: Database, gate: Gate, attempt: Attempt) -> bool:
    with database.write(Origin(attempt.address)) as tx:
        return isinstance(gate.reserve(tx, attempt, captcha=True).verdict, Proceed)


def test_T44_of_a_thousand_guesses_from_one_network_five_reach_the_hash(
    database: Database, gate: Gate
) -> None:
    attempt = Attempt("password", "CITIZEN1", "203.0.113.7")

    reached = sum(may_try(database, gate, attempt) for _ in range(200))

    assert reached == POLICY.context_failures


def test_T44_forty_at_once_reach_it_no_more_often(database: Database, gate: Gate) -> None:
    attempt = Attempt("password", "CITIZEN1", "203.0.113.7")
    reached: list[bool] = []
    start = threading.Barrier(16)

    def guess() -> None:
        start.wait()
        reached.extend(may_try(database, gate, attempt) for _ in range(3))

    callers = [threading.Thread(target=guess) for _ in range(16)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()

    assert sum(reached) == POLICY.context_failures


def test_T44_two_hundred_networks_together_are_held_to_the_strangers_limit(
    database: Database, gate: Gate
) -> None:
    reached = sum(
        may_try(database, gate, Attempt("password", "CITIZEN1", f"198.51.{number}.7"))
        for number in range(200)
    )

    assert reached == POLICY.strangers_per_hour


def test_T45_one_network_trying_many_accounts_is_slowed(database: Database, gate: Gate) -> None:
    reached = sum(
        may_try(database, gate, Attempt("password", f"ACCOUNT{number}", "203.0.113.7"))
        for number in range(60)
    )

    assert reached == POLICY.prefix_per_minute


def test_after_a_rest_one_may_try_again(
    database: Database, gate: Gate, clock: MovableClock
) -> None:
    attempt = Attempt("password", "CITIZEN1", "203.0.113.7")
    for _ in range(8):
        may_try(database, gate, attempt)

    clock.advance(timedelta(minutes=15))

    assert may_try(database, gate, attempt)


def test_success_gives_the_attempt_back(database: Database, gate: Gate) -> None:
    attempt = Attempt("password", "CITIZEN1", "203.0.113.7")

    for _ in range(30):
        with database.write() as tx:
            said = gate.reserve(tx, attempt, captcha=True).verdict
            gate.succeed(tx, attempt)
        assert not isinstance(said, Wait)


def test_success_at_one_account_buys_no_tries_at_another(database: Database, gate: Gate) -> None:
    victim = Attempt("password", "VICTIM", "203.0.113.7")
    own = Attempt("password", "OWN", "203.0.113.7")
    reached = 0

    for _ in range(20):
        reached += may_try(database, gate, victim)
        with database.write() as tx:
            gate.reserve(tx, own, captcha=True)
            gate.succeed(tx, own)

    assert reached == POLICY.context_failures


def test_known_and_unknown_accounts_are_counted_alike(browser: Browser, citizen: Person) -> None:
    answers: dict[str, list[int]] = {}
    for name in (citizen.account_name, "NOBODY"):
        answers[name] = []
        for _ in range(7):
            browser.get("/signin/password")
            fields = browser.hidden() | {"username": name, "password": "a guess"}
            answers[name].append(browser.post("/signin/password", fields).status_code)

    assert answers[citizen.account_name] == answers["NOBODY"] == [422] * 5 + [429] * 2


def test_T46_strangers_failures_do_not_touch_the_owners_browser(
    browser: Browser, citizen: Person, provider: Provider, clock: MovableClock
) -> None:
    browser.code(citizen)  # the owner's browser is known from now on
    gate = provider.signing_in.gate
    for number in range(60):
        may_try(
            provider.database,
            gate,
            Attempt("password", citizen.account_name, f"198.51.{number}.7"),
        )
    stranger = Browser.on(provider)
    stranger.client.environ_base["REMOTE_ADDR"] = "192.0.2.1"

    stranger.get("/signin/password")
    refused = stranger.sign_in(citizen)
    clock.advance(timedelta(seconds=1))
    browser.authorize(prompt="login")
    let_in = browser.sign_in(citizen)

    assert refused.status_code == 429
    assert let_in.status_code == 303


def test_N5_a_hundred_wrong_ones_in_a_row_switch_the_password_off(
    browser: Browser, citizen: Person, provider: Provider, clock: MovableClock
) -> None:
    for _ in range(100):
        browser.get("/signin/password")
        browser.sign_in(citizen, "a guess")
        clock.advance(timedelta(hours=25))

    browser.get("/signin/password")
    right = browser.sign_in(citizen)

    assert right.status_code == 422
    with provider.database.read() as tx:
        from idp.accounts import passwords

        row = passwords.on_record(tx, citizen.account_name)
    assert row is not None
    assert row.disabled


def test_T44_a_server_that_is_busy_gives_a_guesser_nothing_back_but_the_try(
    browser: Browser, provider: Provider, citizen: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who can fill the queue must not begin anew with it."""
    browser.get("/signin/password")
    for _ in range(4):
        browser.sign_in(citizen, "a wrong guess")

    with monkeypatch.context() as rush:
        rush.setattr(provider.password, "_limit", 0)
        assert browser.sign_in(citizen, "a wrong guess").status_code == 503
    browser.get("/signin/password")  # the page that says so has no form
    statuses = [browser.sign_in(citizen, "a wrong guess").status_code for _ in range(2)]

    assert statuses == [422, 429]


def test_T44_what_is_given_back_is_one_try_and_the_slips_before_it(
    database: Database, gate: Gate
) -> None:
    attempt = Attempt("link", "CITIZEN1", "203.0.113.7")
    assert all(may_try(database, gate, attempt) for _ in range(5))

    with database.write() as tx:
        gate.give_back(tx, attempt, earlier=2)

    assert [may_try(database, gate, attempt) for _ in range(4)] == [True, True, True, False]
    with database.write() as tx:
        gate.give_back(tx, attempt, earlier=1000)
    assert [may_try(database, gate, attempt) for _ in range(6)] == [True] * 5 + [False]


def test_one_slip_a_day_adds_up_to_no_rest_where_the_right_one_is_given_back(
    database: Database, gate: Gate, clock: MovableClock
) -> None:
    mine = Attempt("user_code", "wang.dm", "198.51.100.7")

    for _ in range(20):
        with database.write() as tx:
            gate.reserve(tx, mine, captcha=True)
        with database.write() as tx:
            assert isinstance(gate.reserve(tx, mine, captcha=True).verdict, Proceed)
            gate.give_back(tx, mine)
        clock.advance(timedelta(hours=23))
