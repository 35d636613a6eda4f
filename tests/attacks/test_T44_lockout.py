"""T44: whatever the schedule, a directory hears of no more wrong passwords than we say.

Active Directory counts a wrong password on top of those before it if the last of them is less than
its window old (30 minutes, the longest we ask for), and from one otherwise.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from idp.config import Config
from idp.database.transaction import Database, Origin, Transaction
from idp.secret import Keychain
from idp.signin import counters
from idp.signin.counters import Attempt, Gate
from idp.signin.directory import GATE, TRIES, strangers_tries, strict
from idp.signin.throttle import Proceed
from tests.clock import MovableClock
from tests.labs.paper_directory import SECTION

LOCKOUT = timedelta(minutes=30)
DAY = timedelta(days=1)
GAPS = [
    timedelta(),
    timedelta(seconds=30),
    LOCKOUT / 5,
    LOCKOUT / 2,
    LOCKOUT - timedelta(seconds=1),
    LOCKOUT,
    timedelta(minutes=35),
    timedelta(minutes=95),
    timedelta(minutes=125),
    timedelta(hours=10),
    DAY - timedelta(seconds=30),
    DAY,
]
COUNTS = {
    "strangers": ["all"],
    "where courts' networks are known": ["inside", "outside"],
    "of somebody with two names": ["one name", "another name"],
}
HOLDER = "a browser that its holder has used"
Step = tuple[timedelta, int, str]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(GAPS),
        st.integers(0, 2),
        st.sampled_from(["wrong", "wrong", "wrong", "wrong", "nobody was asked", "swept"]),
    ),
    max_size=24,
)
AROUND_A_DAY: list[Step] = [
    (timedelta(), 2, "wrong"),
    (DAY - timedelta(seconds=30), 2, "wrong"),
    (timedelta(seconds=30), 2, "wrong"),
    (timedelta(), 2, "wrong"),
]
"""Two tries before the end of a window that counts from the first of them, and two after it."""
IN_TURNS: list[Step] = [
    (LOCKOUT - timedelta(seconds=1), number % 2, "wrong") for number in range(9)
]
"""Each within its own limit, and never so long apart that the directory forgets."""
ON_BOTH_SIDES: list[Step] = [
    (LOCKOUT - timedelta(seconds=1), 0, "wrong"),
    (LOCKOUT - timedelta(seconds=1), 0, "wrong"),
    (LOCKOUT - timedelta(seconds=1), 2, "wrong"),
    (LOCKOUT - timedelta(seconds=1), 2, "wrong"),
    (LOCKOUT / 5, 0, "wrong"),
]


@dataclass
class Domain:
    """What a directory counts of one account."""

    wrong: int = 0
    last: datetime | None = None
    worst: int = 0

    def hear(self, now: datetime) -> None:
        is_forgotten = self.last is None or now - self.last >= LOCKOUT
        self.wrong, self.last = (1 if is_forgotten else self.wrong + 1), now
        self.worst = max(self.worst, self.wrong)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("world", COUNTS)
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
@example(steps=AROUND_A_DAY)
@example(steps=IN_TURNS)
@example(steps=ON_BOTH_SIDES)
def test_whatever_the_schedule_it_hears_of_no_more_than_we_say(
    database: Database, keys: Keychain, clock: MovableClock, world: str, steps: list[Step]
) -> None:
    gates = _gates(keys.key("throttle"), len(COUNTS[world]) if "networks" in world else 1)
    account, all_, strangers = str(uuid4()), Domain(), Domain()

    for gap, number, then in steps:
        clock.advance(gap)
        pool = HOLDER if number == 2 else COUNTS[world][number % len(COUNTS[world])]
        name = f"{account} {pool}" if "name" in pool else account
        attempt = Attempt(GATE, name, "198.51.100.7", pool)
        with database.write(Origin(attempt.address)) as tx:
            if then == "swept":
                counters.sweep(tx)
            elif _hears(tx, gates[pool is HOLDER], attempt, then):
                all_.hear(tx.now)
                if pool is not HOLDER:
                    strangers.hear(tx.now)

    names = 2 if "two names" in world else 1
    assert strangers.worst <= TRIES * names
    if names == 1:
        assert all_.worst <= TRIES + TRIES, "with as many slips of the holder"


def _gates(key: bytes, pools: int) -> tuple[Gate, Gate]:
    section = msgspec.structs.replace(SECTION, ticket_networks=["10.0.0.0/8"] * (pools - 1))
    config = Config(directories=[section])
    strangers = strict(config, strangers_tries(config))
    return Gate(key, strangers, steady=True), Gate(key, strict(config), slides=True)


def _hears(tx: Transaction, gate: Gate, attempt: Attempt, then: str) -> bool:
    if not isinstance(gate.reserve(tx, attempt, captcha=True).verdict, Proceed):
        return False
    if then == "nobody was asked":
        gate.give_back(tx, attempt)
    return then == "wrong"
