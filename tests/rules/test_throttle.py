"""How many tries are too many: the table of ``idp.signin.throttle``."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.config import ThrottleSection
from idp.signin.throttle import (
    Count,
    Dimension,
    NeedsCaptcha,
    Proceed,
    Verdict,
    Wait,
    is_exempt,
    network_of,
    pause,
    verdict,
)

NOW = datetime(2026, 11, 20, tzinfo=UTC)
POLICY = ThrottleSection(exempt_networks=["10.0.0.0/8"])
MINUTE = timedelta(minutes=1)


def failed(times: int, ago: timedelta = timedelta()) -> Count:
    return Count(times, NOW - ago if times else None, NOW + 30 * MINUTE)


@pytest.mark.parametrize(
    ("counts", "captcha", "then"),
    [
        pytest.param({}, False, Proceed(), id="never failed"),
        pytest.param({Dimension.CONTEXT: failed(4)}, False, Proceed(), id="four failures"),
        pytest.param(
            {Dimension.CONTEXT: failed(5)}, False, Wait(NOW + 15 * MINUTE), id="five: a rest"
        ),
        pytest.param(
            {Dimension.CONTEXT: failed(5, 15 * MINUTE)}, False, Proceed(), id="after the rest"
        ),
        pytest.param(
            {Dimension.CONTEXT: failed(10)}, False, Wait(NOW + 30 * MINUTE), id="ten: twice that"
        ),
        pytest.param(
            {Dimension.PREFIX: failed(20)}, False, Wait(NOW + 30 * MINUTE), id="T45 one network"
        ),
        pytest.param(
            {Dimension.STRANGERS: failed(10)}, False, NeedsCaptcha(), id="strangers: a captcha"
        ),
        pytest.param({Dimension.STRANGERS: failed(10)}, True, Proceed(), id="strangers: solved it"),
        pytest.param(
            {Dimension.STRANGERS: failed(50)}, True, Wait(NOW + 30 * MINUTE), id="strangers: wait"
        ),
        pytest.param({Dimension.STREAK: failed(99)}, False, Proceed(), id="the streak never waits"),
    ],
)
def test_verdict(counts: dict[Dimension, Count], captcha: bool, then: Verdict) -> None:
    assert verdict(POLICY, counts, NOW, captcha=captcha) == then


@given(st.integers(1, 10_000))
def test_a_rest_never_grows_beyond_a_day(failures: int) -> None:
    assert timedelta() <= pause(POLICY, failures) <= timedelta(hours=24)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2ff::1", "2001:db8:1:200::/56"),
        ("", "unreadable"),
        ("unknown", "unreadable"),
    ],
)
def test_an_attacker_is_taken_to_hold_a_network(address: str, network: str) -> None:
    assert network_of(address) == network


def test_only_listed_networks_are_exempt() -> None:
    assert is_exempt(POLICY, "10.1.2.3")
    assert not is_exempt(POLICY, "11.1.2.3")
    assert not is_exempt(POLICY, "nonsense")
