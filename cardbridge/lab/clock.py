"""Time, as a part one can replace: the lab of a test stands still until the test moves it."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the current instant, timezone-aware and in UTC."""


def system_clock() -> datetime:
    """Read the clock of the machine."""
    return datetime.now(UTC)
