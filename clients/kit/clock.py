"""Time, as a part a test can replace: the one reader of the clock in the apps."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the current instant, always timezone-aware and in UTC."""


def system_clock() -> datetime:
    """Read the clock of the machine."""
    return datetime.now(UTC)
