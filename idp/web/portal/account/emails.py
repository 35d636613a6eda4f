"""The e-mail addresses of an account: up to three, each proven by a code (P31)."""

from dataclasses import dataclass, field
from typing import Literal

from flask import Blueprint
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _

from idp.accounts import emails, status
from idp.accounts.model import NOBODY, Account, Email, address_key, masked_address
from idp.audit.events.accounts import EmailsChanged
from idp.database.transaction import Transaction
from idp.mail import messages
from idp.provider import Provider
from idp.registration import contact
from idp.registration.actions import Obstacle
from idp.registration.fields import Problem
from idp.signin.codes import Purpose, Sending, Typing
from idp.signin.notices import SUSPECT
from idp.web.forms import FieldError
from idp.web.portal.account import place
from idp.web.portal.account.place import Here, Posted
from idp.web.request import origin, speaks
from idp.web.wiring import provider
from idp.web.wording.codes import SENDING, TYPING
from idp.web.wording.details import PROBLEMS
from idp.web.wording.registering import OBSTACLES

pages = Blueprint("emails", __name__)

_MOST = 3
_FULL = _("There are three addresses already. Remove one first.")
_STAYS = _(
    "This address stays until another one has been yours for a week: should somebody else be in "
    "your account, it is where we reach you."
)
_LAST = _("The only verified address cannot be removed. Add another one first.")


@dataclass(frozen=True, slots=True)
class EmailsPage:
    """What ``portal/account/emails.html`` shows."""

    emails: list[Email]
    can_add: bool
    waiting: str
    """The address whose code is waited for."""
    typed: str = ""
    errors: list[FieldError] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one address, and the list that it leads to."""

    act: Literal["added", "removed", "first"]
    one: Email
    after: list[Email]


@pages.get("/account/emails")
def show() -> ResponseReturnValue:
    """List the addresses."""
    found = place.here("emails", sensitive=True)
    return _page(found, [], 200) if isinstance(found, Here) else found


@pages.post("/account/emails/add")
def add() -> ResponseReturnValue:
    """Send a code to a new address, or to one that is not proven yet."""
    posted = place.posted("emails")
    if not isinstance(posted, Posted):
        return posted
    found, form = posted.here, posted.form
    typed = form.get("email", "")
    address = contact.read_email(typed[:400])
    if isinstance(address, Problem):
        problem = FieldError("email", PROBLEMS[address])
        return _page(found, [problem], 422, typed=typed[:400])
    wrong = _send(provider(), found.account, address)
    if wrong is not None:
        return _page(found, [wrong], 422, typed=typed[:400])
    return place.saved("emails.show")


@pages.post("/account/emails/code")
def prove() -> ResponseReturnValue:
    """Compare the code; the proven address joins the others."""
    posted = place.posted("emails")
    if not isinstance(posted, Posted):
        return posted
    found, form = posted.here, posted.form
    portico, account = provider(), found.account
    wrong = _prove(portico, account, form.get("code", "")[:32])
    return _page(found, [wrong], 422) if wrong else place.saved("emails.show")


@pages.post("/account/emails/change")
def change() -> ResponseReturnValue:
    """Remove an address, or make one the first."""
    posted = place.posted("emails")
    if not isinstance(posted, Posted):
        return posted
    found, form = posted.here, posted.form
    portico, account = provider(), found.account
    chosen = address_key(form.get("address", ""))
    with portico.database.write(origin()) as tx:
        status.hold(tx, account.id)
        held = emails.of_account(tx, account.id)
        one = next((one for one in held if address_key(one.address) == chosen), None)
        others = [other for other in held if other is not one]
        if one is not None and form.get("action") == "first" and one.verified:
            _replace(tx, portico, account, Change("first", one, [one, *others]))
        elif one is not None and form.get("action") == "remove":
            if not any(other.verified for other in others):
                return _page(found, [FieldError("", _LAST)], 422)
            if _watches_alone(tx, account, one):
                return _page(found, [FieldError("", _STAYS)], 422)
            kept = sorted(others, key=lambda other: not other.verified)
            _replace(tx, portico, account, Change("removed", one, kept))
    return place.saved("emails.show")


def _prove(portico: Provider, account: Account, code: str) -> FieldError | None:
    with portico.database.write(origin()) as tx:
        outcome = portico.codes.claim(tx, account.id.bytes, Purpose.NEW_ADDRESS, code)
        if isinstance(outcome, Typing):
            return FieldError("code", TYPING[outcome])
        (address,) = outcome
        status.hold(tx, account.id)
        held = emails.of_account(tx, account.id)
        others = [one for one in held if address_key(one.address) != address_key(address)]
        if len(others) >= _MOST:
            return FieldError("", _FULL)
        if emails.holder_of(tx, address) not in {None, account.id}:
            # Somebody has proven it since the code was sent; this person reads that mailbox too.
            return FieldError("", OBSTACLES[Obstacle.EMAIL_TAKEN])
        one = Email(address, verified=True)
        _replace(tx, portico, account, Change("added", one, [*others, one]))
    return None


def _watches_alone(tx: Transaction, account: Account, one: Email) -> bool:
    """Tell whether an address is the only one that was proven before a thief can have come.

    Taken away, the links of a recovery would go to addresses that may all be the thief's.
    """
    before = tx.now - SUSPECT
    long_held = [
        address_key(proven.address)
        for proven in emails.proven_of(tx, account.id)
        if proven.since <= before
    ]
    return long_held == [address_key(one.address)]


def _send(portico: Provider, account: Account, address: str) -> FieldError | None:
    with portico.database.write(origin()) as tx:
        held = emails.of_account(tx, account.id)
        same = [one for one in held if address_key(one.address) == address_key(address)]
        if any(one.verified for one in same):
            return FieldError("email", PROBLEMS[Problem.DUPLICATE])
        if len(held) - len(same) >= _MOST:
            return FieldError("email", _FULL)
        holder = emails.holder_of(tx, address)
        owner = portico.accounts.find(tx, holder or NOBODY)
        # Somebody else's address: its owner is told, the page shows no difference.
        instead = (
            messages.AlreadyRegistered(at=tx.now, account_name=owner.account_name)
            if owner
            else None
        )
        outcome = portico.codes.send(
            tx, account.id.bytes, Purpose.NEW_ADDRESS, address, speaks(), instead=instead
        )
    return None if outcome is Sending.SENT else FieldError("email", SENDING[outcome])


def _replace(tx: Transaction, portico: Provider, account: Account, change: Change) -> None:
    emails.replace(tx, account.id, change.after)
    about = masked_address(change.one.address)
    portico.trail.append(tx, EmailsChanged(subject=account.subject, act=change.act), about=about)
    changed = messages.EmailsChanged(
        at=tx.now, address=tx.origin.address, change=change.act, about=about
    )
    gone = [change.one.address] if change.act == "removed" and change.one.verified else []
    portico.notices.tell(tx, account.id, changed, also=gone)


def _page(
    found: Here, problems: list[FieldError], status: int, *, typed: str = ""
) -> ResponseReturnValue:
    portico, account = provider(), found.account
    with portico.database.read() as tx:
        held = emails.of_account(tx, account.id)
        waiting = portico.codes.open_for(tx, account.id.bytes, Purpose.NEW_ADDRESS)
    page = EmailsPage(
        emails=held,
        can_add=len(held) < _MOST,
        waiting=waiting.address if waiting else "",
        typed=typed,
        errors=problems,
    )
    return place.show("emails.html", found, "emails", page, status)
