"""A challenge is taken once, by the browser it was given to, for what it was given for (T61)."""

import threading
from datetime import timedelta

import pytest

from idp.authenticators.card import challenges
from idp.authenticators.card.challenges import Purpose, Wanted
from idp.database.transaction import Database
from idp.secret import system_entropy
from tests.clock import MovableClock

OURS = Wanted(b"b" * 32, Purpose.LOGIN)
LIFETIME = timedelta(minutes=5)


def issued(database: Database) -> str:
    with database.write() as tx:
        return challenges.issue(tx, OURS, LIFETIME, system_entropy)


def claimed(database: Database, challenge: str, wanted: Wanted = OURS) -> bool:
    with database.write() as tx:
        return challenges.claim(tx, challenge, wanted)


def test_T61_of_many_at_once_one_takes_it(database: Database) -> None:
    for _ in range(5):
        challenge, barrier = issued(database), threading.Barrier(8)
        won: list[bool] = []

        def take(challenge: str, barrier: threading.Barrier, won: list[bool]) -> None:
            barrier.wait(10)
            won.append(claimed(database, challenge))

        callers = [threading.Thread(target=take, args=[challenge, barrier, won]) for _ in range(8)]
        for one in callers:
            one.start()
        for one in callers:
            one.join()

        assert sorted(won) == [False] * 7 + [True]


@pytest.mark.parametrize(
    "wanted", [Wanted(b"c" * 32, Purpose.LOGIN), Wanted(b"b" * 32, Purpose.REGISTER)]
)
def test_T61_for_another_browser_or_purpose_it_is_none(database: Database, wanted: Wanted) -> None:
    assert not claimed(database, issued(database), wanted)


def test_T61_after_five_minutes_it_is_none(database: Database, clock: MovableClock) -> None:
    challenge = issued(database)
    clock.advance(LIFETIME)

    assert not claimed(database, challenge)
