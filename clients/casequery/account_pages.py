"""Pages of the app's own accounts: signing in with one, its password, its link (Q03, Q07)."""

import secrets
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from clients.casequery import accounts
from clients.casequery.accounts import LOCAL, LONGEST, SHORTEST, Accounts, Proven
from clients.kit import errands, linking, session
from clients.kit.pages import (
    VISITOR,
    app_of,
    csrf_token_of,
    demand_csrf,
    forget_cookie,
    keep_cookie,
    signed_in,
    who_of,
)
from clients.kit.session import SignedIn

pages = Blueprint("account", __name__, url_prefix="/account")

_DOUBTS = {
    "wrong": (_("The account or the password is not right."), 422),
    "throttled": (_("Too many tries. Wait a while before the next one."), 429),
}
_FASTER = _("The password has been changed elsewhere meanwhile. Sign in with that one.")


@dataclass(frozen=True, slots=True)
class Problem:
    """A sentence about a field; without one, about the form."""

    message: LazyString | str
    field: str = ""


@dataclass(frozen=True, slots=True)
class AccountPage:
    """What the templates ``account_*.html`` show."""

    account: str = ""
    """The person's account; on the sign-in page, what was typed."""
    linked: bool = False
    errors: list[Problem] = field(default_factory=list)


@pages.get("/signin")
def sign_in() -> ResponseReturnValue:
    """Ask for account and password of this app itself."""
    if signed_in() is not None:
        return redirect(url_for("cases.all_cases"), code=303)
    return _signin_page(AccountPage(), 200)


@pages.post("/signin")
def take_sign_in() -> ResponseReturnValue:
    """Sign in with an account of this app."""
    app = app_of()
    demand_csrf(app.read_cookie(VISITOR) or secrets.token_hex())
    typed, password = request.form.get("account", "")[:64], request.form.get("password", "")
    missing = _missing(account=typed.strip(), password=password)
    if missing:
        return _signin_page(AccountPage(typed, errors=missing), 422)
    proven = _accounts().prove(typed, password, _network())
    if not isinstance(proven, Proven):
        sentence, status = _DOUBTS[proven]
        problem = Problem(sentence, "account" if status == 422 else "")
        return _signin_page(AccountPage(typed, errors=[problem]), status)
    with app.database.write() as tx:
        cookie = accounts.begin_session(tx, proven.name)
    response = make_response(redirect(url_for("cases.all_cases"), code=303))
    keep_cookie(response, "session", cookie, seconds=None)
    return forget_cookie(response, VISITOR)


@pages.get("")
def show() -> ResponseReturnValue:
    """Show which account it is, and whether the portal leads to it."""
    person, account = _here()
    if person is None or account is None:
        return redirect(url_for("cases.all_cases"), code=303)
    page = AccountPage(account, linked=person.issuer != LOCAL)
    return _page("account", person, page)


@pages.post("/unlink")
def unlink() -> ResponseReturnValue:
    """End the link of whoever came through the portal; the provider hears of it."""
    demand_csrf()
    app, person = app_of(), signed_in()
    if person is not None and person.issuer != LOCAL:
        with app.database.write() as tx:
            ended = linking.unlink(tx, person.issuer, person.sub)
        if ended and app.link_key is not None:
            errands.run(app)  # at once, so that who links anew finds nothing in the way
    return redirect(url_for("cases.welcome"), code=303)


@pages.get("/password")
def password() -> ResponseReturnValue:
    """Ask for the old password and a new one (修改密碼)."""
    person, account = _here()
    if person is None or account is None:
        return redirect(url_for("cases.all_cases"), code=303)
    return _page("account_password", person, AccountPage(account))


@pages.post("/password")
def change_password() -> ResponseReturnValue:
    """Change the password; then everybody signs in again."""
    demand_csrf()
    person, account = _here()
    if person is None or account is None:
        return redirect(url_for("cases.all_cases"), code=303)
    form = request.form
    old, new, again = (form.get(name, "") for name in ("old", "new", "again"))
    problems = _missing(old=old, new=new) or _unfit(account, old, new, again)
    status = 422
    if not problems:
        proven = _accounts().prove(account, old, f"person {person.issuer} {person.sub}")
        if isinstance(proven, Proven):
            if _accounts().change(proven, new):
                return _signed_out(person)
            problems = [Problem(_FASTER)]
        else:
            sentence, status = _DOUBTS[proven]
            wrong = _("This is not your present password.")
            problems = [Problem(wrong, "old") if status == 422 else Problem(sentence)]
    return _page("account_password", person, AccountPage(account, errors=problems), status)


def _signed_out(person: SignedIn) -> ResponseReturnValue:
    app = app_of()
    with app.database.write() as tx:
        session.end(tx, person.id)
    response = make_response(redirect(url_for("account.sign_in", changed="1"), code=303))
    return forget_cookie(response, "session")


def _here() -> tuple[SignedIn | None, str | None]:
    person = signed_in()
    if person is None:
        return None, None
    with app_of().database.read() as tx:
        return person, accounts.of(tx, person)


def _accounts() -> Accounts:
    return Accounts(app_of().database)


def _network() -> str:
    """Give the network somebody tries from: /24 of IPv4, /56 of IPv6."""
    try:
        address = ip_address(request.remote_addr or "")
    except ValueError:
        return "unreadable"
    return str(ip_network(f"{address}/{24 if address.version == 4 else 56}", strict=False))


def _missing(**fields: str) -> list[Problem]:
    sentences = {
        "account": _("Type your account."),
        "password": _("Type your password."),
        "old": _("Type your present password."),
        "new": _("Type a new password."),
    }
    return [Problem(sentences[name], name) for name, value in fields.items() if not value]


def _unfit(account: str, old: str, new: str, again: str) -> list[Problem]:
    if not SHORTEST <= len(new) <= LONGEST:
        length = _(
            "Take %(least)d to %(most)d characters; several words are fine.",
            least=SHORTEST,
            most=LONGEST,
        )
        return [Problem(length, "new")]
    if account.casefold() in new.casefold():
        return [Problem(_("The new password must not hold the account."), "new")]
    if new == old:
        return [Problem(_("The new password is the present one."), "new")]
    if new != again:
        return [Problem(_("The two are not the same."), "again")]
    return []


def _signin_page(page: AccountPage, status: int) -> Response:
    """Show the form; its token is bound to a cookie of this browser, for there is no session."""
    visitor = app_of().read_cookie(VISITOR) or secrets.token_urlsafe(24)
    shown = render_template(
        "casequery/account_signin.html",
        page=page,
        changed=request.args.get("changed") == "1",
        csrf_token=csrf_token_of(visitor),
    )
    return keep_cookie(make_response(shown, status), VISITOR, visitor, seconds=None)


def _page(name: str, person: SignedIn, page: AccountPage, status: int = 200) -> Response:
    who = who_of(person)
    return make_response(render_template(f"casequery/{name}.html", page=page, who=who), status)
