"""Judges, and the directories that know them."""

import pytest

from idp.authenticators.directory.directory import Directories
from idp.clock import system_clock
from tests.labs.samba_ad import Domain


@pytest.fixture
def court(samba_ad: Domain) -> Directories:
    """The judges' directory, asked for the first time: nothing is known to be down."""
    samba_ad.binds()
    return Directories([samba_ad.section()], system_clock)
