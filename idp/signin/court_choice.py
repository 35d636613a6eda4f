"""The court that a judge chooses, where the directory names none: again whenever it changes."""

from dataclasses import replace

from idp.accounts import offices, status
from idp.accounts.model import Account, Office
from idp.audit.events.directories import CourtChanged
from idp.audit.store import Trail
from idp.database.transaction import Transaction


def is_own(held: Office) -> bool:
    """Tell whether a court is its holder's to choose."""
    return held.court_is_chosen or not held.court


def choose(
    tx: Transaction, trail: Trail, account: Account, held: Office, court: tuple[str, str]
) -> bool:
    """Put another court in the place of the one that was shown; the audit has both.

    Args:
        held: the office as it was when the list was shown.
        court: its code, and its name for the record.

    Returns:
        Whether anything changed: not where it is the same, or where another sign-in has brought
        the word of the directory meanwhile, which counts.
    """
    code, name = court
    chosen = replace(held, court=code, court_name=name, court_is_chosen=True)
    if chosen == held or not is_own(held):
        return False
    status.hold(tx, account.id)
    if not offices.choose_court(tx, account.id, held.court, chosen):
        return False
    status.touch(tx, account.id)
    changed = CourtChanged(
        subject=account.subject,
        by="holder",
        before=held.court,
        before_name=held.court_name,
        after=code,
        after_name=name,
    )
    trail.append(tx, changed, about=name or code)
    return True
