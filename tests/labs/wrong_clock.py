"""A wrong clock for the processes of a test: libfaketime, told from a file what time it is."""

from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class WrongClock:
    """The clock of every process that is started with :attr:`settings`."""

    file: Path
    settings: dict[str, str]

    def be_off_by(self, seconds: int) -> None:
        """Put the clock before (or behind, below nought) the right time; at once for everybody."""
        fresh = self.file.with_suffix(".new")
        fresh.write_text(f"{seconds:+d}\n")
        fresh.replace(self.file)


def wrong_clock(folder: Path) -> WrongClock:
    """Make a clock that is right until it is told otherwise."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        pytest.skip("libfaketime is not installed (make test does)")
    clock = WrongClock(
        folder / "offset",
        {
            "LD_PRELOAD": str(found[0]),
            "FAKETIME_TIMESTAMP_FILE": str(folder / "offset"),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        },
    )
    clock.be_off_by(0)
    return clock
