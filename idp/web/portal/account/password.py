"""修改密碼: the old one, a new one twice; afterwards everything signs in anew (P31, Q07)."""

from dataclasses import dataclass, field

from flask import Blueprint, make_response, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from idp.accounts import offices, passwords
from idp.authenticators import Reason, Refusal
from idp.authenticators.password.authenticator import PasswordEvidence
from idp.authenticators.password.policy import Weakness
from idp.oidc import logout
from idp.provider import Provider
from idp.secret import Secret
from idp.signin.actions import Browser
from idp.signin.passwords import words_of
from idp.web.forms import FieldError
from idp.web.portal.account import place
from idp.web.portal.account.place import Here, Posted
from idp.web.raising import user_agent
from idp.web.request import browser_hash, device, origin, speaks, take_session
from idp.web.wiring import provider
from idp.web.wording.passwords import password_errors, password_help
from idp.web.wording.ways import refusal_error

pages = Blueprint("own_password", __name__)

_NONE = _("This account has no password.")
_WRONG = _("This is not your current password.")
_MISSING = _("Type your current password.")


@dataclass(frozen=True, slots=True)
class PasswordPage:
    """What ``portal/account/password.html`` shows."""

    action: str
    account_name: str
    has_password: bool
    is_of_directory: bool
    """Whether the password is the court's directory's, and nothing of ours."""
    password_help: list[LazyString | str]
    strength_url: str
    errors: list[FieldError] = field(default_factory=list)


@pages.get("/account/password")
def show() -> ResponseReturnValue:
    """Show the form."""
    found = place.here("password")
    return _page(found, [], 200) if isinstance(found, Here) else found


@pages.post("/account/password")
def change() -> ResponseReturnValue:
    """Prove the old one behind the gate of the sign-in, judge the new one, change it."""
    posted = place.posted("password", sensitive=False)
    if not isinstance(posted, Posted):
        return posted
    found, form = posted.here, posted.form
    portico, account = provider(), found.account
    with portico.database.read() as tx:
        state, now = passwords.state_of(tx, account.id), tx.now
        is_of_directory = offices.is_of_directory(tx, account)
    if state is None or is_of_directory:
        return _page(found, [FieldError("", _NONE)], 422)
    current = Secret(form.get("current", ""))
    # Nothing typed is no try: it neither counts nor stands in the history.
    wrong = _prove(portico, found, current) if current else FieldError("current", _MISSING)
    if wrong is not None:
        return _page(found, [wrong], 422)
    chosen, repeated = Secret(form.get("password", "")), Secret(form.get("password_again", ""))
    weak = portico.passwords.judge(
        account.kind, chosen, repeated, words_of(account), state=state, now=now
    )
    phc_hash = "" if weak else portico.password.hash_in_turn(chosen)
    if phc_hash is None:
        weak = [Weakness.TOO_BUSY]
    if weak:
        policy = portico.passwords.policy_for(account.kind)
        return _page(found, password_errors(weak, policy), 422)
    with portico.database.write(origin()) as tx:
        done = portico.passwords.change(
            tx, account, phc_hash or "", logout.reach(tx), seen=state.phc_hash
        )
    if not done:
        return _page(found, [FieldError("current", _WRONG)], 422)
    onward = redirect(url_for("password.show", journey="account", changed=1), code=303)
    return take_session(make_response(onward))


def _prove(portico: Provider, found: Here, typed: Secret[str]) -> FieldError | None:
    """Compare the old password; every try counts where those of the sign-in count."""
    browser = Browser(browser_hash(), device(), user_agent(), speaks())
    with portico.database.write(origin()) as tx:
        admitted = portico.signing_in.admit_again(tx, found.account, browser)
    if isinstance(admitted, Refusal):
        return refusal_error(admitted.reason)
    result = portico.password.prove(PasswordEvidence(typed, admitted.on_record))
    with portico.database.write(origin()) as tx:
        refused = portico.signing_in.record_again(tx, admitted, result, browser)
    if refused is None:
        return None
    if refused.reason is Reason.WRONG_CREDENTIALS:
        return FieldError("current", _WRONG)
    return refusal_error(refused.reason)


def _page(found: Here, problems: list[FieldError], status: int) -> ResponseReturnValue:
    portico = provider()
    with portico.database.read() as tx:
        state = passwords.state_of(tx, found.account.id)
        is_of_directory = offices.is_of_directory(tx, found.account)
    page = PasswordPage(
        action=url_for("own_password.change"),
        account_name=found.account.account_name,
        has_password=state is not None and not is_of_directory,
        is_of_directory=is_of_directory,
        password_help=password_help(portico.passwords.policy_for(found.account.kind)),
        strength_url=url_for("strength.estimate"),
        errors=problems,
    )
    return place.show("password.html", found, "password", page, status)
