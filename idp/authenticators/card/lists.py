"""Fetching whole lists of revoked cards, in the background, and putting them into the index.

A list of 20 MB is streamed into a file and read from there; one worker does it at a time, and one
that dies half-way leaves the list in use as it was.
"""

import mmap
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO

from idp.authenticators.card import crl, index, published
from idp.authenticators.card.crl import RevocationList
from idp.authenticators.card.profiles import all_profiles
from idp.authenticators.card.trust import Installed
from idp.database.transaction import Transaction
from idp.gateways.pki import Forbidden, PkiGateway, Unreachable
from idp.secret import Entropy

_AGAIN_AFTER_TROUBLE = timedelta(minutes=10)

Write = Callable[[], AbstractContextManager[Transaction]]


@dataclass(frozen=True, slots=True)
class Lists:
    """Keeps the index up to date."""

    gateway: PkiGateway
    also: frozenset[str]
    """Hosts that may be called beside those of the kinds of cards."""
    every: timedelta
    limit: int
    """Bytes of the longest list."""
    entropy: Entropy

    def refresh(
        self,
        installed: Installed,
        write: Write,
        *,
        clock: Callable[[], datetime],
        now: bool = False,
    ) -> int | None:
        """Fetch an authority's list if it is due (or ``now``); gives its entries.

        ``None``: it is not due, somebody else is at it, or there is trouble, which is noted.
        """
        authority = installed.authority
        if not installed.crl_url:
            return None
        with write() as tx:
            if now:
                index.make_due(tx, authority)
            list_id = index.lease(tx, authority, tx.now + _AGAIN_AFTER_TROUBLE, self.entropy)
            in_use = index.number_in_use(tx, authority)
        if list_id is None:
            return None
        with tempfile.TemporaryFile() as file:
            found = self._fetch(installed, file, clock)
            if not isinstance(found, crl.Useless):
                found = _whole(found, installed, in_use)
            if isinstance(found, crl.Useless):
                with write() as tx:
                    index.note_trouble(tx, authority, found.why)
                return None
            for batch in index.batches(found):
                with write() as tx:
                    if not index.write(tx, authority, list_id, batch):
                        return None
        with write() as tx:
            taken = index.take_over(tx, authority, list_id, found, tx.now + self.every)
        return len(found) if taken else None

    def _fetch(
        self, installed: Installed, file: IO[bytes], clock: Callable[[], datetime]
    ) -> RevocationList | crl.Useless:
        hosts = self.also | _hosts(installed)
        try:
            size = self.gateway.download(installed.crl_url, hosts, file, limit=self.limit)
        except (Unreachable, Forbidden) as wrong:
            return crl.Useless(f"{type(wrong).__name__}: {wrong}")
        if not size:
            return crl.Useless("empty")
        file.flush()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return crl.read(bytes(content), installed.authority, now=clock())


def _whole(
    found: RevocationList, installed: Installed, in_use: int | None
) -> RevocationList | crl.Useless:
    """Give a list that may take the place of the one in use, or say why it may not.

    Lists travel in the clear: a part of the list, as truly signed, may answer for the whole.
    """
    if not crl.covers(found, (installed.crl_url,)):
        return crl.Useless("a part of the list, or one for another address")
    if in_use is not None and found.number < in_use:
        return crl.Useless("an older list than the one in use")
    return found


def _hosts(installed: Installed) -> frozenset[str]:
    if installed.is_root:
        return published.root_hosts()
    profile = all_profiles().get(installed.authority.profile_id)
    return frozenset(profile.hosts if profile else ())
