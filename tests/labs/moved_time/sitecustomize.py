"""Replaces the one reader of the clock (``idp.clock``) by one that a test can move."""

import os
from datetime import datetime, timedelta
from pathlib import Path

from idp import clock

_machine = clock.system_clock
_file = Path(os.environ["PORTICO_TESTS_TIME_FILE"])


def _moved() -> datetime:
    return _machine() + timedelta(seconds=float(_file.read_text()))


clock.system_clock = _moved
