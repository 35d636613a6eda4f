"""``/account/passkeys``: the passkeys of an account, added, named and removed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString, lazy_gettext
from flask_babel import gettext as _

from idp.authenticators import Refusal, passkey
from idp.authenticators.passkey import LONGEST_NAME, Listed, NewPasskey, Presented, Purpose
from idp.provider import Provider
from idp.sessions.store import Session
from idp.signin.second_factor import PASSKEY
from idp.web import recent, returning
from idp.web.portal import second_factors
from idp.web.request import browser_hash, demand_csrf, origin, single_form
from idp.web.wiring import provider

pages = Blueprint("passkeys", __name__)

_NOT_ADDED = lazy_gettext("The passkey could not be added. Try again.")


@dataclass(frozen=True, slots=True)
class Problem:
    """A sentence about the whole form."""

    message: LazyString
    field: str = ""


@dataclass(frozen=True, slots=True)
class PasskeysPage:
    """What ``portal/passkeys.html`` shows."""

    action: str
    journey: str
    passkeys: list[Listed]
    options: str
    """What the browser is asked to make; empty for who has to sign in again first."""
    longest_name: int
    is_last: bool
    demanding: list[str]
    totp_url: str
    errors: list[Problem] = field(default_factory=list)


@pages.get("/account/passkeys")
def show() -> ResponseReturnValue:
    """List the passkeys, and offer a new one to who has just signed in."""
    journey = request.args.get("journey", "")
    session = second_factors.enter(returning.PASSKEYS, journey)
    return _page(session, journey) if isinstance(session, Session) else session


@pages.post("/account/passkeys")
def change() -> ResponseReturnValue:
    """Carry out one change, for who has proven recently who they are."""
    form = single_form()
    demand_csrf(form)
    journey = form.get("journey", "")
    session = second_factors.enter(returning.PASSKEYS, journey)
    if not isinstance(session, Session):
        return session
    portico = provider()
    if not recent.is_sure(portico, session):
        return recent.make_sure(portico, session, journey or returning.PASSKEYS)
    act = _ACTIONS.get(form.get("action", ""))
    return act(portico, session, form) if act else _back(form)


def _add(portico: Provider, session: Session, form: dict[str, str]) -> ResponseReturnValue:
    """Use the challenge up, verify outside any transaction, then put the key on record."""
    presented, journey = passkey.read(form.get("credential", "")), form.get("journey", "")
    new = _verified(portico, session, presented) if presented else None
    if new is None:
        return _page(session, journey, [Problem(_NOT_ADDED)], 422)
    name = form.get("name", "").strip() or _("Passkey")
    with portico.database.write(origin()) as tx:
        found = portico.factors.add_passkey(tx, session, new, name)
        opened = None
        if not isinstance(found, Refusal):
            amr = ("swk" if new.backup_eligible else "hwk", "user")
            opened = second_factors.raised(tx, portico, session, amr, PASSKEY)
    if isinstance(found, Refusal):
        return _page(session, journey, [Problem(_NOT_ADDED)], 422)
    return second_factors.enrolled(session, found, opened, returning.PASSKEYS, journey)


def _verified(portico: Provider, session: Session, presented: Presented) -> NewPasskey | None:
    with portico.database.write(origin()) as tx:
        claimed = portico.passkeys.claim(
            tx, presented, browser_hash(), Purpose.REGISTER, session.account_id
        )
    return portico.passkeys.verify_registration(presented) if claimed else None


def _rename(portico: Provider, session: Session, form: dict[str, str]) -> ResponseReturnValue:
    which, name = _which(form), form.get("name", "").strip()
    if which is None or not name:
        return _back(form)
    with portico.database.write(origin()) as tx:
        portico.factors.rename_passkey(tx, session, which, name)
    return _back(form, saved=True)


def _remove(portico: Provider, session: Session, form: dict[str, str]) -> ResponseReturnValue:
    which = _which(form)
    if which is None:
        return _back(form)
    with portico.database.write(origin()) as tx:
        portico.factors.remove_passkey(tx, session, which)
    return _back(form, saved=True)


def _which(form: dict[str, str]) -> UUID | None:
    try:
        return UUID(form.get("passkey", ""))
    except ValueError:
        return None


def _back(form: dict[str, str], *, saved: bool = False) -> ResponseReturnValue:
    """Go back to the page, which says that it is done where it is."""
    journey, flag = form.get("journey") or None, 1 if saved else None
    return redirect(url_for("passkeys.show", journey=journey, saved=flag), code=303)


_ACTIONS: dict[str, Callable[[Provider, Session, dict[str, str]], ResponseReturnValue]] = {
    "add": _add,
    "rename": _rename,
    "remove": _remove,
}


def _page(
    session: Session, journey: str, problems: list[Problem] | None = None, status: int = 200
) -> ResponseReturnValue:
    portico, owner = provider(), session.account_id
    with portico.database.write(origin()) as tx:
        options = ""
        if recent.is_sure(portico, session):
            options = portico.passkeys.offer_registration(
                tx, browser_hash(), owner, session.subject, session.account_name
            )
        is_last = second_factors.is_last(tx, portico, session)
        page = PasskeysPage(
            action=url_for("passkeys.change"),
            journey=journey,
            passkeys=passkey.of_account(tx, owner),
            options=options,
            longest_name=LONGEST_NAME,
            is_last=is_last,
            demanding=second_factors.demanding(tx, portico, session) if is_last else [],
            totp_url=url_for("totp.show", journey=journey or None),
            errors=problems or [],
        )
    return second_factors.shown("portal/passkeys.html", session, page, status)
