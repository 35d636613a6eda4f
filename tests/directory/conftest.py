"""Judges, and the directories that know them."""

from collections.abc import Callable
from typing import Any

import pytest

from idp.authenticators.directory.directory import Directories
from idp.clock import system_clock
from tests.labs.samba_ad import Domain

Asking = Callable[..., Directories]


@pytest.fixture
def asking(samba_ad: Domain) -> Asking:
    """Makes the judges' directory, changed as told: it remembers nothing of earlier tests."""

    def make(**changes: Any) -> Directories:
        return Directories([samba_ad.section(**changes)], system_clock)

    samba_ad.binds()
    return make


@pytest.fixture
def court(asking: Asking) -> Directories:
    """The judges' directory, asked for the first time."""
    return asking()
