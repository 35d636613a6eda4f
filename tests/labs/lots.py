"""Which tests one process runs one after the other, where several processes run them all.

A file is a lot: what its tests share is made once. Folders are lots whose files share a server,
a browser or the machine's patience: two drills side by side would judge each other's speed.
"""

from xdist.scheduler import LoadFileScheduling

FOLDERS = ("tests/browser/", "tests/directory/", "tests/drills/", "tests/races/")
OF_THE_DOMAIN = frozenset({"tests/browser/test_judges.py"})
"""They need the judges' domain, which takes seconds to start."""
LONG = ("tests/demo/test_sign_in_by_card.py", "tests/interop/")
"""Few tests that take long: with the browsers', which is dealt out early."""


def lot(nodeid: str) -> str:
    """Give the name of a test's lot. The greatest lots are dealt out first."""
    file = nodeid.split("::", 1)[0]
    if file.startswith(LONG):
        return "tests/browser/"
    if file in OF_THE_DOMAIN:
        return "tests/directory/"
    return next((folder for folder in FOLDERS if file.startswith(folder)), file)


class ByLot(LoadFileScheduling):  # type: ignore[misc]
    """Deals out lots."""

    def _split_scope(self, nodeid: str) -> str:
        return lot(nodeid)
