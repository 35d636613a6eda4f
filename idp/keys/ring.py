"""Which key signs, which are published, and when the next one is due. Pure.

A key is *next* (published, so that relying parties cache it), then *active* (signs),
then *retiring* (no longer signs, still verifies what it signed), then *retired*. Its
three instants decide; nothing has to be switched, and no clock can be late for it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class State(StrEnum):
    """Where a key stands in its life."""

    NEXT = "next"
    ACTIVE = "active"
    RETIRING = "retiring"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Life:
    """The instants of one key, and what it signs with."""

    kid: str
    alg: str
    activates_at: datetime
    retires_at: datetime | None = None
    gone_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Succession:
    """A new key of ``alg`` and what becomes of the ones before it."""

    alg: str
    activates_at: datetime
    gone_at: datetime
    """When the predecessors may leave the JWKS: the longest token they signed has expired."""


def state(key: Life, now: datetime) -> State:
    """Tell where ``key`` stands."""
    if key.gone_at is not None and key.gone_at <= now:
        return State.RETIRED
    if key.retires_at is not None and key.retires_at <= now:
        return State.RETIRING
    return State.ACTIVE if key.activates_at <= now else State.NEXT


def signer(keys: Iterable[Life], alg: str, now: datetime) -> Life | None:
    """Choose the key that signs with ``alg``: the active one that became so last.

    Without one, the next to come, which is published already: to a machine whose clock is
    behind, the first key of a new provider is not active yet.
    """
    of_alg = [(state(key, now), key) for key in keys if key.alg == alg]
    active = (key for stands, key in of_alg if stands is State.ACTIVE)
    to_come = (key for stands, key in of_alg if stands is State.NEXT)
    newest = max(active, key=lambda key: key.activates_at, default=None)
    return newest or min(to_come, key=lambda key: key.activates_at, default=None)


def published(keys: Iterable[Life], now: datetime) -> list[Life]:
    """List what the JWKS holds: everything that signs, will sign or has signed lately."""
    return [key for key in keys if state(key, now) is not State.RETIRED]


def due(
    keys: Sequence[Life], algs: Sequence[str], now: datetime, rotate_after: timedelta
) -> list[str]:
    """List the algorithms that need a new key now: without any, or with one grown old."""
    return [
        alg for alg in algs if _is_due([key for key in keys if key.alg == alg], now, rotate_after)
    ]


def _is_due(of_one_alg: list[Life], now: datetime, rotate_after: timedelta) -> bool:
    waiting = any(state(key, now) is State.NEXT for key in of_one_alg)
    current = max(
        (key.activates_at for key in of_one_alg if state(key, now) is State.ACTIVE), default=None
    )
    return not waiting and (current is None or current + rotate_after <= now)


def succession(
    alg: str, *, first: bool, now: datetime, publish: timedelta, longest_token: timedelta
) -> Succession:
    """Say when a key made now takes over; the first of its kind does so at once."""
    activates_at = now if first else now + publish
    return Succession(alg, activates_at, activates_at + longest_token)
