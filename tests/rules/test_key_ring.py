"""The life of a signing key: announced, used, kept for what it signed, gone."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.keys.ring import Life, State, due, published, signer, state, succession

NOW = datetime(2026, 11, 20, tzinfo=UTC)
DAY = timedelta(days=1)


def key(kid: str, *, since: int, retires: int | None = None, gone: int | None = None) -> Life:
    return Life(
        kid,
        "RS256",
        NOW + since * DAY,
        None if retires is None else NOW + retires * DAY,
        None if gone is None else NOW + gone * DAY,
    )


@pytest.mark.parametrize(
    ("life", "then"),
    [
        pytest.param(key("a", since=1), State.NEXT, id="announced"),
        pytest.param(key("a", since=0), State.ACTIVE, id="signs from its instant on"),
        pytest.param(key("a", since=-9, retires=1, gone=2), State.ACTIVE, id="successor waits"),
        pytest.param(key("a", since=-9, retires=0, gone=2), State.RETIRING, id="verifies on"),
        pytest.param(key("a", since=-9, retires=-2, gone=0), State.RETIRED, id="out of the JWKS"),
    ],
)
def test_state(life: Life, then: State) -> None:
    assert state(life, NOW) is then


def test_the_newest_active_key_signs_and_all_but_the_retired_are_published() -> None:
    old = key("old", since=-30, retires=5, gone=6)
    newer = key("newer", since=-1)
    coming = key("coming", since=1)
    gone = key("gone", since=-90, retires=-60, gone=-59)

    assert signer([old, newer, coming, gone], "RS256", NOW) == newer
    assert published([old, newer, coming, gone], NOW) == [old, newer, coming]
    assert signer([gone], "RS256", NOW) is None
    assert signer([newer], "ES256", NOW) is None


def test_D6_before_the_first_key_is_active_by_this_clock_the_next_to_come_signs() -> None:
    coming, later = key("coming", since=1), key("later", since=2)

    assert signer([later, coming], "RS256", NOW) == coming
    assert signer([coming], "ES256", NOW) is None


def test_a_key_is_due_without_one_or_with_an_old_one_and_no_successor() -> None:
    fresh, stale, waiting = key("f", since=-1), key("s", since=-90), key("w", since=1)

    assert due([], ["RS256"], NOW, 90 * DAY) == ["RS256"]
    assert due([fresh], ["RS256"], NOW, 90 * DAY) == []
    assert due([stale], ["RS256"], NOW, 90 * DAY) == ["RS256"]
    assert due([stale, waiting], ["RS256"], NOW, 90 * DAY) == []


@given(
    publish=st.integers(0, 72),
    longest=st.integers(1, 24),
    rotations=st.lists(st.integers(1, 400), min_size=1, max_size=12),
)
def test_D11_through_any_rotations_one_key_signs_and_what_it_signed_can_be_verified(
    publish: int, longest: int, rotations: list[int]
) -> None:
    hour = timedelta(hours=1)
    keys: list[Life] = []
    now = NOW
    signed: list[tuple[str, datetime]] = []
    for number, wait in enumerate(rotations):
        plan = succession(
            "RS256", first=not keys, now=now, publish=publish * hour, longest_token=longest * hour
        )
        keys = [
            Life(one.kid, one.alg, one.activates_at, plan.activates_at, plan.gone_at)
            if one.retires_at is None
            else one
            for one in keys
        ]
        keys.append(Life(str(number), "RS256", plan.activates_at))
        now += wait * hour
        current = signer(keys, "RS256", now)
        assert current is not None
        signed.append((current.kid, now + longest * hour))
        available = {one.kid for one in published(keys, now)}
        assert {kid for kid, expires in signed if expires > now} <= available
