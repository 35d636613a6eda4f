"""T44: when an operator may end a rest."""

from datetime import UTC, datetime, timedelta

import pytest

from idp.authenticators.directory.lockout import Heard, of_entry
from idp.config import ThrottleSection
from idp.signin.counters import Attempt, Gate
from idp.signin.rests import UNDER_WAY, Counted, Place, holds_until, told
from idp.signin.throttle import Count

NOW = datetime(2026, 11, 20, 6, 27, tzinfo=UTC)
WINDOW = timedelta(minutes=30)
CLOCKS_APART = timedelta(minutes=5)
NOTHING = timedelta()
SECOND = timedelta(seconds=1)


def counted(last: timedelta | None) -> Counted:
    if last is None:
        return Counted("court:wang.dm", None, ())
    gate = Gate(b"k" * 32, ThrottleSection())
    count = Count(2, NOW - last, NOW + WINDOW)
    attempt = Attempt("directory", "court:wang.dm", "", "strangers outside")
    return Counted("court:wang.dm", None, (Place("outside", None, attempt, gate, count, NOW),))


def heard(wrong: int, until: timedelta = WINDOW, *, is_locked: bool = False) -> Heard:
    return Heard("dc1", "CN=wang", wrong, NOW + until, is_locked)


@pytest.mark.parametrize(
    ("last", "told", "until"),
    [
        pytest.param(None, [], None, id="nobody has tried"),
        pytest.param(2 * UNDER_WAY, [], None, id="nobody there has the name"),
        pytest.param(2 * UNDER_WAY, [heard(0)], None, id="it was unlocked there"),
        pytest.param(UNDER_WAY - SECOND, [heard(0)], SECOND, id="a try may be on its way"),
        pytest.param(2 * UNDER_WAY, [heard(0), heard(1)], WINDOW, id="another controller counts"),
        pytest.param(2 * UNDER_WAY, [heard(0, is_locked=True)], WINDOW, id="locked there"),
        pytest.param(
            2 * WINDOW, [heard(0, -WINDOW, is_locked=True)], NOTHING, id="locked for ever"
        ),
        pytest.param(WINDOW - SECOND, None, SECOND, id="unseen, and not forgotten"),
        pytest.param(WINDOW, None, None, id="unseen, and forgotten"),
    ],
)
def test_a_rest_may_end_when_the_directory_holds_nothing(
    last: timedelta | None, told: list[Heard] | None, until: timedelta | None
) -> None:
    held = holds_until(counted(last), told, WINDOW, NOW)

    assert held == (None if until is None else NOW + until)


def filetime(when: datetime) -> bytes:
    return str((when - datetime(1601, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 10).encode()


@pytest.mark.parametrize(
    ("wrong", "ago", "held"),
    [
        (b"2", timedelta(minutes=1), 2),
        (b"2", WINDOW + CLOCKS_APART, 0),
        (b"0", timedelta(minutes=1), 0),
    ],
)
def test_a_count_whose_window_is_over_is_worth_nothing(
    wrong: bytes, ago: timedelta, held: int
) -> None:
    values = {
        "badpwdcount": (wrong,),
        "badpasswordtime": (filetime(NOW - ago),),
        "msds-user-account-control-computed": (b"0",),
    }

    found = of_entry("dc1", "CN=wang", values, WINDOW, NOW)

    assert found is not None
    assert (found.wrong, found.until) == (held, NOW - ago + WINDOW + CLOCKS_APART)


def test_a_count_without_its_time_is_not_taken_for_forgotten() -> None:
    values = {"badpwdcount": (b"4",), "msds-user-account-control-computed": (b"0",)}

    assert of_entry("dc1", "CN=wang", values, WINDOW, NOW) is None


def test_a_count_that_cannot_be_read_is_not_taken_for_none() -> None:
    assert of_entry("dc1", "CN=wang", {"badpwdcount": (b"0",)}, WINDOW, NOW) is None
    assert of_entry("dc1", "CN=wang", {}, WINDOW, NOW) is None


def test_a_controller_that_shows_no_entry_where_another_does_has_not_told() -> None:
    heard = Heard("dc1", "CN=wang", 0, NOW, is_locked=False)

    assert told([[heard], [heard]]) == [heard, heard]
    assert told([[heard], []]) is None
    assert told([[heard], [None]]) is None
    assert told([[], []]) == []  # a name that nobody has
