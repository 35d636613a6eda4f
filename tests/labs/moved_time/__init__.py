"""Lets a test move the time of processes that are not its own.

The folder goes on ``PYTHONPATH``: Python then loads ``sitecustomize`` at the start of
every process of a provider, before any of its own code. Nothing in ``idp`` knows of it.
"""

from datetime import timedelta
from pathlib import Path

FILE = "PORTICO_TESTS_TIME_FILE"


def environment(house: Path, file: Path) -> dict[str, str]:
    """Give what a process has to be started with, to read ``file``."""
    return {"PYTHONPATH": f"{Path(__file__).parent}:{house}", FILE: str(file)}


def write(file: Path, ahead: timedelta) -> None:
    """Say how far the processes' time is ahead of the machine's; all at once, for they read on."""
    fresh = file.with_suffix(".fresh")
    fresh.write_text(str(ahead.total_seconds()))
    fresh.replace(file)
