"""Judges on paper, for the pages: what a real directory does stands in ``tests/directory``."""

import pytest

from idp.provider import Provider
from tests.labs.paper_directory import WANG, PaperDirectory, with_directory


@pytest.fixture
def paper() -> PaperDirectory:
    """A directory that knows one judge."""
    found = PaperDirectory()
    found.write(WANG)
    return found


@pytest.fixture
def court(provider: Provider, paper: PaperDirectory) -> Provider:
    """The provider, with that directory."""
    return with_directory(provider, paper)
