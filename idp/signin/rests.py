"""What rests of the tries at a directory's name, and whether an operator may end it.

A rest keeps the directory's own count of wrong passwords below its threshold (``directory.py``).
To end one is safe where the directory has nothing left to add to: it is then as it was before the
first try. Where it still counts, a lift would hand out the tries that lock the account.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from idp.authenticators.directory.lockout import Heard
from idp.database.transaction import Transaction
from idp.signin import store
from idp.signin.counters import Attempt, Gate
from idp.signin.directory import GATE, INSIDE, OUTSIDE, DirectorySignIn, counted_name
from idp.signin.throttle import Count

UNDER_WAY: Final = timedelta(minutes=1)
"""A try that was counted so lately may not have reached the directory's count."""


@dataclass(frozen=True, slots=True)
class Place:
    """From where tries at a name are counted together, and how they stand."""

    pool: str
    """:data:`~idp.signin.directory.OUTSIDE` or ``INSIDE``; empty: a browser of the holder."""
    browser_seen_at: datetime | None
    """When the holder's browser was last signed in from."""
    attempt: Attempt
    gate: Gate
    count: Count
    until: datetime | None
    """When its rest ends; ``None``: it does not rest."""


@dataclass(frozen=True, slots=True)
class Counted:
    """All that is counted of one name."""

    name: str
    """As it is counted: ``court:wang.dm``."""
    account_id: UUID | None
    places: tuple[Place, ...]

    @property
    def resting(self) -> tuple[Place, ...]:
        """List the places that rest."""
        return tuple(one for one in self.places if one.until is not None)

    @property
    def last_at(self) -> datetime | None:
        """Say when the last try was, from wherever."""
        return max((one.count.last_at for one in self.places if one.count.last_at), default=None)


def of(tx: Transaction, signing_in: DirectorySignIn, login: str, claimed: str) -> Counted:
    """Read what is counted of a name, as the next try at it would be."""
    account_id, name, _ = counted_name(tx, login, claimed)
    devices = store.devices_of(tx, account_id) if account_id else []
    contexts = [
        *((pool, None, pool) for pool in (OUTSIDE, INSIDE)),
        *(("", seen_at, device.hex()) for device, seen_at in devices),
    ]
    places = []
    for pool, seen_at, context in contexts:
        gate = signing_in.gate_of(is_known=not pool)
        attempt = Attempt(GATE, name, "", context)
        if (count := gate.look(tx, attempt)) is not None:
            until = gate.rests_until(count, tx.now)
            places.append(Place(pool, seen_at, attempt, gate, count, until))
    return Counted(name, account_id, tuple(places))


def told(by_host: Sequence[Sequence[Heard | None]]) -> list[Heard] | None:
    """Put together what the controllers count; ``None``: one of them does not tell all.

    One that shows no entry where another shows one may not let us see it.
    """
    found = [one for on_host in by_host for one in on_host]
    heard = [one for one in found if one is not None]
    everywhere = all(by_host) or not found
    return heard if everywhere and len(heard) == len(found) else None


def holds_until(
    counted: Counted, heard: Sequence[Heard] | None, window: timedelta, now: datetime
) -> datetime | None:
    """Say until when no rest may be lifted; ``None``: it may be now.

    Args:
        heard: of every controller, and all entries that the name may mean; ``None``: it cannot be
            seen. What came through us is all that is known then.
        window: after which the directory forgets.
    """
    last = counted.last_at
    if heard is None:
        held = [last + window] if last else []
    else:
        held = [one.until for one in heard if one.wrong or one.is_locked]
        held += [last + UNDER_WAY] if last else []
    ends = max([now, *held])
    is_locked = any(one.is_locked for one in heard or [])
    return ends if ends > now or is_locked else None


def lift(tx: Transaction, counted: Counted) -> bool:
    """End the rests; ``False`` if one has changed since: the caller takes everything back."""
    return all(one.gate.lift(tx, one.attempt, one.count) for one in counted.resting)
