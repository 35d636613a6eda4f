"""Time, as a part one can replace.

Rules take ``now`` as a plain value; actions read ``tx.now``; only the doors and the
database own a clock. Nothing else in ``idp`` asks the machine what time it is: ruff's
``DTZ`` rules and a banned-api rule see to it.
"""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the current instant, always timezone-aware and in UTC."""


def system_clock() -> datetime:
    """Read the clock of the machine."""
    return datetime.now(UTC)


def seconds(instant: datetime) -> int:
    """Give ``instant`` as a JWT NumericDate (RFC 7519 section 2): whole seconds, UTC."""
    return int(instant.timestamp())
