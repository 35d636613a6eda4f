"""The counters of failed attempts, and the gate in front of every secret.

An attempt is counted *before* the secret is compared and given back when it was right:
of a hundred sent at once, no more reach the comparison than the limit allows.
"""

import hmac
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from itertools import zip_longest
from typing import Any

from sqlalchemy import LargeBinary, bindparam, case, delete, null, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from idp.config import ThrottleSection
from idp.database.columns import Table, UtcDateTime
from idp.database.prepared import Prepared
from idp.database.sweeping import Broom
from idp.database.transaction import Transaction
from idp.signin import throttle
from idp.signin.throttle import SLIDES, WINDOW, Count, Dimension, Proceed, Verdict

_NEVER = 2 * WINDOW[Dimension.STREAK]


class ThrottleCounter(Table):
    """Failures of one kind in one place. The key is a keyed hash: no name, no address."""

    __tablename__ = "throttle_counters"

    key: Mapped[bytes] = mapped_column(primary_key=True)
    failures: Mapped[int]
    last_at: Mapped[datetime]
    previous_at: Mapped[datetime | None]
    """When the failure before the last one was: what the verdict counts from."""
    window_ends_at: Mapped[datetime] = mapped_column(index=True)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at a secret."""

    gate: str
    """Which secret: ``password``, later ``totp``, ``email_code`` and so on."""
    account: str
    """Canonical name as typed, whether or not there is such an account."""
    address: str
    device: str = field(default="", repr=False)
    """The id of a browser that has signed in to this account before; empty: a stranger."""


@dataclass(frozen=True, slots=True)
class Reserved:
    """What the gate said, and how the counters stood before."""

    verdict: Verdict
    counts: Mapping[Dimension, Count]

    def failures(self, dimension: Dimension) -> int:
        """How often it had failed before this attempt."""
        count = self.counts.get(dimension)
        return count.failures if count else 0


@dataclass(frozen=True, slots=True)
class Held:
    """The counters of an attempt that was right."""

    keys: Mapping[Dimension, bytes] = field(repr=False)
    locked: Callable[[], set[bytes]]
    """Tells which of them there are, locked until the commit."""


class Gate:
    """Counts attempts. Knows nobody's name: keys are derived with a key of its own."""

    def __init__(
        self, key: bytes, policy: ThrottleSection, *, steady: bool = False, slides: bool = False
    ) -> None:
        """Make a gate of one policy.

        Args:
            slides: whether a window of :data:`SLIDES` ends so long after the last attempt. Only
                where success begins anew: of what is given back the slips would add up for ever.
            steady: contexts that many share. Every rest is as long as the first, or one of them
                keeps the others out; and no window ends, or twice as many tries fit around its end.
        """
        self._key = key
        self._steady = steady
        self._slides_from = SLIDES if slides or steady else _NEVER
        self._policy = policy

    def reserve(self, tx: Transaction, attempt: Attempt, *, captcha: bool) -> Reserved:
        """Count an attempt and say whether it may go on; two round trips when it may not."""
        keys = self._keys(attempt)
        added = self._add(tx, keys)
        counts = {
            dimension: Count(row.failures - 1, row.previous_at, row.window_ends_at)
            for row in added
            for dimension in (_named(keys, row.key),)
        }
        said = throttle.verdict(
            self._policy, counts, tx.now, captcha=captcha, doubles=not self._steady
        )
        if not isinstance(said, Proceed):
            tx.put(_TAKE_BACK, _among(keys.values()))
        return Reserved(said, counts)

    def succeed(self, tx: Transaction, attempt: Attempt) -> None:
        """Give the attempt back: the context and the streak begin anew, the others lose one."""
        self.settle(tx, self.hold(tx, attempt))

    def hold(self, tx: Transaction, attempt: Attempt) -> Held:
        """Lock the counters of an attempt, together with what is asked next."""
        keys = self._keys(attempt)
        return Held(keys, _hold(tx, keys.values()))

    def settle(self, tx: Transaction, held: Held) -> None:
        """Give back what was held as :meth:`succeed` does."""
        own = {held.keys[one] for one in (Dimension.CONTEXT, Dimension.STREAK) if one in held.keys}
        # In the order that counting takes them: a DELETE locks as it finds them, and another
        # attempt on the same account would wait for us while we wait for it. Nor is a row touched
        # that came after the others were held: who made it may hold it, and wait for one of ours.
        locked = held.locked()
        tx.put(_FORGET, _among(locked & own))
        tx.put(_TAKE_BACK, _among(locked - own))

    def give_back(self, tx: Transaction, attempt: Attempt, *, earlier: int = 0) -> None:
        """Take back an attempt that was right, or never compared; all the others stay counted.

        For where one's own success proves nothing of what was tried before: who has one right
        secret must not begin anew at the others with it (T44).

        Args:
            earlier: how many before it are known to have been slips, and go with it.
        """
        keys = self._keys(attempt)
        held = _hold(tx, keys.values())()  # as above
        tx.put(_TAKE_BACK, _among(held))
        if earlier:
            one_s_own = {key for one, key in keys.items() if one is not Dimension.PREFIX}
            tx.put(_TAKE_SEVERAL_BACK, _among(held & one_s_own) | {"several": earlier})

    def forgive(self, tx: Transaction, attempt: Attempt) -> None:
        """Forget what was counted against an account's old secret: it has a new one."""
        keys = self._keys(attempt)
        own = [key for one, key in keys.items() if one is not Dimension.PREFIX]
        tx.put(_FORGET, _among(_hold(tx, own)()))  # as above

    def look(self, tx: Transaction, attempt: Attempt) -> Count | None:
        """Read how an attempt's context stands, without counting one; ``None``: nothing is held."""
        key = self._keys(attempt)[Dimension.CONTEXT]
        row = tx.execute(_LOOK, {"wanted": key, "instant": tx.now}).first()
        return Count(row.failures, row.last_at, row.window_ends_at) if row else None

    def rests_until(self, context: Count, now: datetime) -> datetime | None:
        """Say how long a context that stands so is refused; ``None``: it is not."""
        counts = {Dimension.CONTEXT: context}
        doubles = not self._steady
        return throttle.until(
            throttle.verdict(self._policy, counts, now, captcha=True, doubles=doubles)
        )

    def lift(self, tx: Transaction, attempt: Attempt, seen: Count) -> bool:
        """Forget what a context holds; ``False`` if it is not as it was ``seen`` any more."""
        key = self._keys(attempt)[Dimension.CONTEXT]
        held = {"wanted": key, "seen_failures": seen.failures, "seen_last_at": seen.last_at}
        return tx.execute(_LIFT, held).rowcount == 1

    def _keys(self, attempt: Attempt) -> dict[Dimension, bytes]:
        network = throttle.network_of(attempt.address)
        context = f"device {attempt.device}" if attempt.device else f"network {network}"
        values = {}
        if not throttle.is_exempt(self._policy, attempt.address):
            values[Dimension.PREFIX] = network
        if attempt.account:
            values[Dimension.CONTEXT] = f"{attempt.account} from {context}"
            values[Dimension.STREAK] = attempt.account
            if not attempt.device:
                values[Dimension.STRANGERS] = attempt.account
        return {
            dimension: self._hash(f"{attempt.gate}|{dimension}|{value}")
            for dimension, value in values.items()
        }

    def _hash(self, text: str) -> bytes:
        return hmac.digest(self._key, text.encode("utf-8", "surrogatepass"), "sha256")

    def _add(self, tx: Transaction, keys: Mapping[Dimension, bytes]) -> list[Any]:
        if not keys:
            return []
        # In one order for everybody: two attempts that share rows cannot wait in a circle.
        ordered = sorted(keys.items(), key=lambda item: item[1])
        values: dict[str, Any] = {"instant": tx.now, "slides_from": tx.now + self._slides_from}
        for number, (dimension, key) in enumerate(ordered):
            values[f"key_{number}"] = key
            is_endless = self._steady and dimension is Dimension.CONTEXT
            window = WINDOW[Dimension.STREAK if is_endless else dimension]
            values[f"window_ends_at_{number}"] = tx.now + window
        return tx.rows(_upsert(tx.connection.dialect.name, len(ordered)), values)


def sweep(tx: Transaction) -> int:
    """Forget counters whose window is over."""
    return _BROOM.sweep(tx, tx.now)


def _named(keys: Mapping[Dimension, bytes], key: bytes) -> Dimension:
    return next(dimension for dimension, one in keys.items() if one == key)


@cache
def _upsert(dialect: str, count: int) -> Prepared:
    """Write the statement that counts one more under ``count`` keys."""
    insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
    instant = bindparam("instant", type_=UtcDateTime())
    adding = insert(ThrottleCounter).values(
        [
            {
                "key": bindparam(f"key_{number}", type_=LargeBinary()),
                "failures": 1,
                "last_at": instant,
                "previous_at": null(),
                "window_ends_at": bindparam(f"window_ends_at_{number}", type_=UtcDateTime()),
            }
            for number in range(count)
        ]
    )
    over = ThrottleCounter.window_ends_at <= instant
    ends_anew = adding.excluded.window_ends_at >= bindparam("slides_from", type_=UtcDateTime())
    return Prepared(
        adding.on_conflict_do_update(
            index_elements=["key"],
            set_={
                "failures": case((over, 1), else_=ThrottleCounter.failures + 1),
                "previous_at": case((over, None), else_=ThrottleCounter.last_at),
                "last_at": adding.excluded.last_at,
                "window_ends_at": case(
                    (or_(over, ends_anew), adding.excluded.window_ends_at),
                    else_=ThrottleCounter.window_ends_at,
                ),
            },
        ).returning(
            ThrottleCounter.key,
            ThrottleCounter.failures,
            ThrottleCounter.previous_at,
            ThrottleCounter.window_ends_at,
        )
    )


_KEYS = tuple(f"key_{number}" for number in range(len(Dimension)))
_ONE_OF_THEM = ThrottleCounter.key.in_([bindparam(name, type_=LargeBinary()) for name in _KEYS])
_TAKE_BACK = Prepared(
    update(ThrottleCounter)
    .where(_ONE_OF_THEM, ThrottleCounter.failures > 0)
    .values(
        failures=ThrottleCounter.failures - 1,
        last_at=case(
            (ThrottleCounter.previous_at.is_(None), ThrottleCounter.last_at),
            else_=ThrottleCounter.previous_at,
        ),
    )
)
_TAKE_SEVERAL_BACK = Prepared(
    update(ThrottleCounter)
    .where(_ONE_OF_THEM)
    .values(
        failures=case(
            (
                ThrottleCounter.failures > bindparam("several"),
                ThrottleCounter.failures - bindparam("several"),
            ),
            else_=0,
        )
    )
)
_HOLD = Prepared(
    select(ThrottleCounter.key).where(_ONE_OF_THEM).order_by(ThrottleCounter.key).with_for_update()
)
_FORGET = Prepared(delete(ThrottleCounter).where(_ONE_OF_THEM))
_LOOK = select(
    ThrottleCounter.failures, ThrottleCounter.last_at, ThrottleCounter.window_ends_at
).where(
    ThrottleCounter.key == bindparam("wanted"),
    ThrottleCounter.failures > 0,
    ThrottleCounter.window_ends_at > bindparam("instant", type_=UtcDateTime()),
)
_LIFT = delete(ThrottleCounter).where(
    ThrottleCounter.key == bindparam("wanted"),
    ThrottleCounter.failures == bindparam("seen_failures"),
    ThrottleCounter.last_at == bindparam("seen_last_at", type_=UtcDateTime()),
)


def _among(keys: Iterable[bytes]) -> dict[str, Any]:
    """Bind keys, one a dimension at most; where there are fewer, NULL stands for no row."""
    return dict(zip_longest(_KEYS, keys))


def _hold(tx: Transaction, keys: Iterable[bytes]) -> Callable[[], set[bytes]]:
    rows = tx.expect(_HOLD, _among(keys))
    return lambda: {row.key for row in rows()}


_BROOM = Broom(ThrottleCounter, ThrottleCounter.window_ends_at)
