"""Time, as a part one can replace.

Rules take ``now`` as a plain value; actions read ``tx.now``; only the doors and the
database own a clock. Nothing else in ``idp`` asks the machine what time it is: ruff's
``DTZ`` rules and a banned-api rule see to it.
"""

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache

Clock = Callable[[], datetime]
"""Returns the current instant, always timezone-aware and in UTC."""

BEGAN = "PORTICO_CLOCK"
"""Where a server's processes find the moment that they all count from: no setting."""
_SINCE_BOOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # it counts a suspended machine


def begin() -> None:
    """Let this process and all that it starts count from now."""
    os.environ[BEGAN] = f"{time.clock_gettime(_SINCE_BOOT)} {datetime.now(UTC).timestamp()}"
    _beginning.cache_clear()


def system_clock() -> datetime:
    """Read the clock of the machine; where that was put back, the time since :func:`begin`.

    What has expired once stays so. A clock put forward is believed, and so is one put right
    again after that. One that was wrong from the start takes a restart.
    """
    now, began = datetime.now(UTC), _beginning()
    if began is None:
        return now
    at, instant = began
    return max(now, instant + timedelta(seconds=time.clock_gettime(_SINCE_BOOT) - at))


@cache
def _beginning() -> tuple[float, datetime] | None:
    """Read what :func:`begin` left, here or in the process that started this one."""
    began = os.environ.get(BEGAN)
    if began is None:
        return None
    at, instant = map(float, began.split())
    return at, datetime.fromtimestamp(instant, UTC)


def seconds(instant: datetime) -> int:
    """Give ``instant`` as a JWT NumericDate (RFC 7519 section 2): whole seconds, UTC."""
    return int(instant.timestamp())
