"""Whether the authorities that issue cards still stand: what their roots say, and how long ago.

A root is an installed authority as well. Its list is fetched into the index as every other one
is; to ask it costs a look-up. What it says stays until it says something else: a root that cannot
be reached makes an old answer older, which is told, and takes nobody's card away.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.x509 import AuthorityKeyIdentifier, Certificate, ExtensionNotFound

from idp.authenticators.card import index, trust
from idp.authenticators.card.trust import Installed, Standing
from idp.database.transaction import Transaction

EXPIRES_SOON = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Health:
    """How an installed authority stands, for people and for figures."""

    installed: Installed
    word: str
    """``good``, ``off``, ``expired``, ``revoked``, ``suspended``, or ``unasked``."""
    root: Installed | None
    list_read_at: datetime | None
    """Of when the list in use says to be."""
    list_until: datetime | None
    entries: int
    trouble: str
    """Why the last try to fetch the list came to nothing."""


def ask(tx: Transaction) -> list[tuple[Installed, Standing]]:
    """Have every root say what it thinks of those below it; gives whom it says something new of."""
    everyone = trust.everyone(tx)
    news = []
    for one in everyone:
        said = None if one.is_root else _said(tx, one, everyone)
        if said is not None and trust.note_standing(tx, one.authority.fingerprint, said):
            news.append((one, said))
    return news


def healths(tx: Transaction) -> list[Health]:
    """Describe everything that is installed."""
    everyone, lists = trust.everyone(tx), index.lists(tx)
    found = []
    for one in everyone:
        kept = lists.get(one.authority.fingerprint)
        found.append(
            Health(
                one,
                _word(one, tx.now),
                None if one.is_root else root_of(one, everyone),
                kept.this_update if kept else None,
                kept.next_update if kept else None,
                kept.entries if kept else 0,
                kept.trouble if kept else "",
            )
        )
    return found


def worries(one: Health, now: datetime, patience: timedelta) -> list[str]:
    """Say what an administrator has to see to; of one that is off: nothing."""
    installed = one.installed
    found: list[str] = []
    if not installed.is_on:
        return found
    until = installed.authority.certificate.not_valid_after_utc
    if one.word in {"expired", "revoked", "suspended"}:
        found.append(one.word)
    elif until - now < EXPIRES_SOON:
        found.append(f"expires on {until:%Y-%m-%d}")
    if not installed.is_root and one.root is None:
        found.append("its root is not installed: nobody says whether it still stands")
    elif not installed.is_root and now - _asked(installed) > patience:
        found.append(f"its root was last heard {_ago(installed.checked_at, now)}")
    if installed.crl_url and one.list_until is None:
        found.append(f"no list yet{_because(one)}")
    elif one.list_until is not None and now > one.list_until:
        found.append(f"its list is over since {one.list_until:%Y-%m-%d %H:%M}{_because(one)}")
    return found


def root_of(one: Installed, everyone: Sequence[Installed]) -> Installed | None:
    """Find the installed root that has issued an authority: by key identifier and signature."""
    certificate = one.authority.certificate
    with suppress(ExtensionNotFound):
        above = certificate.extensions.get_extension_for_class(AuthorityKeyIdentifier).value
        for root in everyone:
            if root.is_root and root.is_on and root.authority.key_id == above.key_identifier:
                return root if _has_issued(root.authority.certificate, certificate) else None
    return None


def _said(tx: Transaction, one: Installed, everyone: Sequence[Installed]) -> Standing | None:
    """Look an authority up in its root's list; ``None``: the list says nothing of today."""
    root = root_of(one, everyone)
    if root is None or root.has_expired(tx.now):
        return None
    listed = index.look_up(tx, root.authority, one.authority.certificate.serial_number)
    if listed is None:
        return None
    if listed.entry is not None and not listed.entry.is_suspended:
        return Standing.REVOKED  # for good, however old the list
    if tx.now > listed.next_update:
        return None
    return Standing.SUSPENDED if listed.entry is not None else Standing.GOOD


def _has_issued(root: Certificate, below: Certificate) -> bool:
    try:
        below.verify_directly_issued_by(root)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _word(one: Installed, now: datetime) -> str:
    if one.standing in {Standing.REVOKED, Standing.SUSPENDED}:
        return str(one.standing)
    if one.has_expired(now):
        return "expired"
    if not one.is_on:
        return "off"
    return "good" if one.is_root else str(one.standing or "unasked")


def _asked(one: Installed) -> datetime:
    return one.checked_at or one.installed_at


def _ago(at: datetime | None, now: datetime) -> str:
    return f"{(now - at) // timedelta(hours=1)} hours ago" if at else "never"


def _because(one: Health) -> str:
    return f": {one.trouble}" if one.trouble else ""
