"""忘記密碼: a neutral question, a link by mail, a new password; nobody is signed in by it (P15)."""

from dataclasses import dataclass, field

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from idp.accounts import passwords
from idp.accounts.model import Account, canonical_name
from idp.accounts.passwords import PasswordState
from idp.authenticators.password.policy import Weakness
from idp.oidc import logout
from idp.provider import Provider
from idp.registration.fields import Problem
from idp.secret import Secret
from idp.signin.actions import GATE
from idp.signin.counters import Attempt
from idp.signin.passwords import words_of
from idp.web.forms import FieldError
from idp.web.headers import PAGES
from idp.web.request import demand_csrf, origin, own_word, sealed_word, single_form
from idp.web.wiring import provider
from idp.web.wording.details import PROBLEMS
from idp.web.wording.passwords import password_errors, password_help
from idp.web.wording.ways import refusal_error

pages = Blueprint("recovery", __name__)

_DONE = "done"
_TYPE_BOTH = {
    "username": _("Type your account."),
    "email": _("Type the e-mail address of the account."),
}


@dataclass(frozen=True, slots=True)
class AskPage:
    """What ``signin/recovery.html`` shows."""

    action: str
    username: str = ""
    email: str = ""
    is_sent: bool = False
    errors: list[FieldError] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class NewPasswordPage:
    """What ``signin/new_password.html`` shows."""

    action: str
    token: str = ""
    account_name: str = ""
    password_help: list[LazyString | str] = field(default_factory=list)
    strength_url: str = ""
    outcome: str = ""
    """``done``, or ``lost`` for a link that is good no more."""
    errors: list[FieldError] = field(default_factory=list)


@pages.get("/recovery")
def show() -> ResponseReturnValue:
    """Ask for account and e-mail; or say, always alike, that a mail may be on its way."""
    return _ask(AskPage(url_for("recovery.ask"), is_sent="sent" in request.args))


@pages.post("/recovery")
def ask() -> ResponseReturnValue:
    """Send a link if both belong together; the answer does not tell."""
    form = single_form()
    demand_csrf(form)
    username, email = form.get("username", "").strip(), form.get("email", "").strip()
    wrong = [
        FieldError(name, sentence)
        for name, sentence in _TYPE_BOTH.items()
        if not form.get(name, "").strip()
    ]
    if email and "@" not in email:
        wrong.append(FieldError("email", PROBLEMS[Problem.NOT_AN_ADDRESS]))
    if wrong:
        return _ask(AskPage(url_for("recovery.ask"), username, email, errors=wrong), 422)
    portico = provider()
    with portico.database.write(origin()) as tx:
        refused = portico.recovery.ask(tx, canonical_name(username)[:64], email[:320])
    if refused is not None:
        problem = refusal_error(refused.reason)
        return _ask(AskPage(url_for("recovery.ask"), username, email, errors=[problem]), 429)
    return redirect(url_for("recovery.show", sent=1), code=303)


@pages.get("/recovery/new")
def choose() -> ResponseReturnValue:
    """Show the form behind a link; opening it uses up nothing. Or say that it is done."""
    if own_word(request.args.get("outcome", "")) == _DONE:
        return _new(NewPasswordPage(url_for("password.show"), outcome=_DONE))
    portico, token = provider(), request.args.get("token", "")[:128]
    found = _found(portico, token)
    if found is None:
        return _lost()
    account, _state = found
    return _new(_form_for(portico, token, account))


@pages.post("/recovery/new")
def finish() -> ResponseReturnValue:
    """Set the password, end everything that is open, tell the owner."""
    form = single_form()
    demand_csrf(form)
    portico, token = provider(), form.get("token", "")[:128]
    found = _found(portico, token)
    if found is None:
        return _lost()
    account, state = found
    chosen, repeated = Secret(form.get("password", "")), Secret(form.get("password_again", ""))
    weak = portico.passwords.judge(account.kind, chosen, repeated, words_of(account), state=state)
    if weak:
        return _new(_form_for(portico, token, account, weak), 422)
    phc_hash = portico.password.hash_in_turn(chosen)
    if phc_hash is None:
        return _new(_form_for(portico, token, account, [Weakness.TOO_BUSY]), 503)
    keep = portico.passwords.policy_for(account.kind).history
    with portico.database.write(origin()) as tx:
        done = portico.recovery.finish(tx, token, phc_hash, logout.reach(tx), keep=keep)
        if done is not None:
            # What strangers tried at the old password is not held against the new one.
            tried = Attempt(GATE, account.account_name, tx.origin.address)
            portico.gate.forgive(tx, tried)
    if done is None:
        return _lost()
    return redirect(url_for("recovery.choose", outcome=sealed_word(_DONE)), code=303)


def _found(portico: Provider, token: str) -> tuple[Account, PasswordState | None] | None:
    with portico.database.read() as tx:
        account = portico.recovery.whose(tx, token)
        return (account, passwords.state_of(tx, account.id)) if account else None


def _form_for(
    portico: Provider, token: str, account: Account, weak: list[Weakness] | None = None
) -> NewPasswordPage:
    policy = portico.passwords.policy_for(account.kind)
    return NewPasswordPage(
        action=url_for("recovery.finish"),
        token=token,
        account_name=account.account_name,
        password_help=password_help(policy),
        strength_url=url_for("strength.estimate"),
        errors=password_errors(weak or [], policy),
    )


def _lost() -> ResponseReturnValue:
    return _new(NewPasswordPage(url_for("recovery.show"), outcome="lost"), 410)


def _ask(page: AskPage, status: int = 200) -> ResponseReturnValue:
    shown = render_template("signin/recovery.html", page=page)
    return PAGES.apply(make_response(shown, status))


def _new(page: NewPasswordPage, status: int = 200) -> ResponseReturnValue:
    shown = render_template("signin/new_password.html", page=page)
    return PAGES.apply(make_response(shown, status))
