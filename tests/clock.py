"""A clock that stands until a test moves it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta


@dataclass
class MovableClock:
    """Stands at 2026-11-20 14:27 in Taipei until a test moves it."""

    now: datetime = field(default=datetime(2026, 11, 20, 6, 27, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta) -> None:
        self.now += by
