"""``/account/recovery-codes``: new codes, to be written down, printed or taken along as a file.

They are on record as hashes alone, so a page cannot be asked for them again. What the page needs
to be shown in another language, or to become a file, it carries itself: sealed for this account
and this browser, for a quarter of an hour, and worthless once there are newer codes.
"""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from flask import Blueprint, Response, make_response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from idp.secret import Seal, SealBroken, base64url
from idp.sessions.store import Session
from idp.web import errors, returning
from idp.web.current import signed_in
from idp.web.headers import PAGES
from idp.web.portal.tabs import tabs
from idp.web.request import browser_hash, demand_csrf, single_form
from idp.web.who import who_of
from idp.web.wiring import provider

pages = Blueprint("recovery_codes", __name__)

_SHOWN_FOR = timedelta(minutes=15)


class Shown(msgspec.Struct, frozen=True):
    """What the page shows, as it carries it along."""

    codes: tuple[str, ...]
    made_at: datetime
    next_url: str


@dataclass(frozen=True, slots=True)
class CodesPage:
    """What ``portal/recovery_codes.html`` and ``recovery_codes.txt`` show."""

    codes: tuple[str, ...]
    made_at: datetime
    account_name: str
    next_url: str
    action: str
    sealed: str


def show(session: Session, codes: tuple[str, ...], next_url: str) -> Response:
    """Show new codes, this once."""
    return _page(session, Shown(codes, provider().database.clock(), next_url))


@pages.post("/account/recovery-codes")
def again() -> ResponseReturnValue:
    """Show the codes of the page at hand in another language, or give them as a file."""
    form = single_form()
    demand_csrf(form)
    session = signed_in(provider())
    if session is None:
        return redirect(url_for("password.show", journey=returning.TOTP), code=303)
    found = _opened(session, form.get("sealed", ""))
    if found is None:
        return errors.codes_lost()
    if form.get("action") != "file":
        return _page(session, found)
    text = render_template("portal/recovery_codes.txt", page=_view(session, found))
    response = Response(text, content_type="text/plain; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="recovery-codes.txt"'
    return PAGES.apply(response)


def _page(session: Session, found: Shown) -> Response:
    shown = render_template(
        "portal/recovery_codes.html",
        page=_view(session, found),
        who=who_of(session),
        tabs=tabs("recovery_codes", session.kind),
    )
    return PAGES.apply(make_response(shown))


def _view(session: Session, found: Shown) -> CodesPage:
    place = _place(session.account_id)
    return CodesPage(
        found.codes,
        found.made_at,
        session.account_name,
        found.next_url,
        url_for("recovery_codes.again"),
        base64url(_seal().close(msgspec.json.encode(found), place=place)),
    )


def _opened(session: Session, sealed: str) -> Shown | None:
    """Open what the page carries; ``None`` once its time is over or the codes are others."""
    try:
        raw = base64.b64decode(sealed + "=" * (-len(sealed) % 4), altchars=b"-_", validate=True)
        opened = _seal().open(raw, place=_place(session.account_id))
    except (binascii.Error, ValueError, SealBroken):
        return None
    portico, found = provider(), msgspec.json.decode(opened, type=Shown)
    with portico.database.read() as tx:
        is_over = tx.now - found.made_at > _SHOWN_FOR
        are_his = portico.recovery_codes.holds(tx, session.account_id, found.codes)
    return found if are_his and not is_over else None


def _place(account_id: UUID) -> str:
    return f"recovery-codes shown/{account_id}/{browser_hash().hex()}"


def _seal() -> Seal:
    return provider().keychain.seal("recovery codes shown")
