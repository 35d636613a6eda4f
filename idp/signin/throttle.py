"""How many tries are too many. Pure; the counters are in ``counters.py``.

The design gives an attacker no lock on other people's accounts: what fills up is a
*context* (a browser that has signed in before, or a stranger's network), and a browser
with a context of its own is not hit by what strangers do.

==============  ===========================  ==================================  ============
dimension       counts                       too many                            then
==============  ===========================  ==================================  ============
``CONTEXT``     account in one context       every ``context_failures``          wait, doubling
``PREFIX``      one network, any account     ``prefix_per_minute``               wait a minute
``STRANGERS``   account, unknown contexts    ``captcha_per_hour``,               captcha,
                                             ``strangers_per_hour``              wait the hour
``STREAK``      account, since last success  ``password_failures``               password off
==============  ===========================  ==================================  ============
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from ipaddress import ip_address, ip_network

from idp.config import ThrottleSection

_LONGEST_WAIT = timedelta(hours=24)


class Dimension(StrEnum):
    """What a counter counts."""

    CONTEXT = "context"
    PREFIX = "prefix"
    STRANGERS = "strangers"
    STREAK = "streak"


WINDOW: Mapping[Dimension, timedelta] = {
    Dimension.CONTEXT: timedelta(hours=24),
    Dimension.PREFIX: timedelta(minutes=1),
    Dimension.STRANGERS: timedelta(hours=1),
    Dimension.STREAK: timedelta(days=3650),
}
SLIDES = WINDOW[Dimension.CONTEXT]
"""Where a gate slides, a window as long as this or longer ends so long after the last attempt, not
after the first: a rest would be over at its end, and as many tries again would fit around it."""


@dataclass(frozen=True, slots=True)
class Count:
    """A counter as it stood before this attempt was added."""

    failures: int
    last_at: datetime | None
    window_ends_at: datetime


@dataclass(frozen=True, slots=True)
class Proceed:
    """The attempt is counted and may go on; success gives it back."""


@dataclass(frozen=True, slots=True)
class NeedsCaptcha:
    """Adaptive mode: only together with a solved captcha."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Too many: not before ``until``. Says the same for accounts that do not exist."""

    until: datetime


Verdict = Proceed | NeedsCaptcha | Wait


def verdict(
    policy: ThrottleSection,
    counts: Mapping[Dimension, Count],
    now: datetime,
    *,
    captcha: bool,
    doubles: bool = True,
) -> Verdict:
    """Decide whether one more attempt may reach the secret.

    Args:
        counts: of the dimensions that apply; a known browser has no ``STRANGERS``.
        captcha: whether a captcha was solved with this attempt.
        doubles: whether a context rests longer each time.
    """
    waits = [wait for wait in _waits(policy, counts, doubles=doubles) if wait > now]
    if waits:
        return Wait(max(waits))
    strangers = counts.get(Dimension.STRANGERS)
    if strangers and strangers.failures >= policy.captcha_per_hour and not captcha:
        return NeedsCaptcha()
    return Proceed()


def until(said: Verdict) -> datetime | None:
    """Give the end of a wait; ``None``: it was another verdict."""
    return said.until if isinstance(said, Wait) else None


def _waits(
    policy: ThrottleSection, counts: Mapping[Dimension, Count], *, doubles: bool
) -> list[datetime]:
    found = []
    context = counts.get(Dimension.CONTEXT)
    if context and context.last_at and context.failures:
        found.append(context.last_at + pause(policy, context.failures, doubles=doubles))
    for dimension, limit in (
        (Dimension.PREFIX, policy.prefix_per_minute),
        (Dimension.STRANGERS, policy.strangers_per_hour),
    ):
        count = counts.get(dimension)
        if count and count.failures >= limit:
            found.append(count.window_ends_at)
    return found


def pause(policy: ThrottleSection, failures: int, *, doubles: bool = True) -> timedelta:
    """Say how long a context rests after ``failures``: after every fifth, twice as long."""
    if failures % policy.context_failures:
        return timedelta()
    doublings = min(failures // policy.context_failures - 1, 10) if doubles else 0
    return min(timedelta(minutes=policy.block_minutes << doublings), _LONGEST_WAIT)


@lru_cache(maxsize=1024)
def network_of(address: str) -> str:
    """Give the network that one attacker is taken to hold: /24 of IPv4, /56 of IPv6."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return "unreadable"  # one common context: what cannot be read is never a way around
    mapped = getattr(parsed, "ipv4_mapped", None) or parsed
    return str(ip_network(f"{mapped}/{24 if mapped.version == 4 else 56}", strict=False))


def is_exempt(policy: ThrottleSection, address: str) -> bool:
    """Tell whether the network of an address is never counted as a whole."""
    return is_within(policy.exempt_networks, address)


def is_within(listed: Sequence[str], address: str) -> bool:
    """Tell whether an address is in one of the networks; what cannot be read is in none."""
    if not listed:
        return False
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    networks = (ip_network(one) for one in listed)
    return any(parsed in network for network in networks if network.version == parsed.version)
