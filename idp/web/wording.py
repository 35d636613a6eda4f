"""Sentences for people, one for each outcome of the features, in one place.

Features return reasons; only this module and the templates know languages.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from idp.accounts.model import Kind
from idp.authenticators import Reason
from idp.oidc.vocabulary import Scope
from idp.signin.journey import ACR_OUT_OF_REACH, KIND_NOT_ALLOWED

REFUSED: Mapping[Reason, LazyString] = {
    Reason.WRONG_CREDENTIALS: _("The account or the password is not right."),
    Reason.CAPTCHA_WRONG: _("The six digits were not right. Here are new ones."),
    Reason.CAPTCHA_MISSING: _("Type the six digits of the picture, or listen to them."),
    Reason.TOO_MANY_ATTEMPTS: _(
        "Too many attempts from here. Wait a while, or sign in from a browser you have used before."
    ),
    Reason.CODE_WRONG: _("The code is not right, or was used already. Wait for the next one."),
    Reason.PASSKEY_REFUSED: _("The passkey could not be used. Try again, or take another way."),
    Reason.BUSY: _("Many people are signing in at this moment. Please try again in a few seconds."),
}
FIELD_OF: Mapping[Reason, str] = {
    Reason.WRONG_CREDENTIALS: "username",
    Reason.CAPTCHA_WRONG: "captcha",
    Reason.CAPTCHA_MISSING: "captcha",
    Reason.TOO_MANY_ATTEMPTS: "",
    Reason.CODE_WRONG: "code",
    Reason.PASSKEY_REFUSED: "",
    Reason.BUSY: "",
}
KINDS: Mapping[str, LazyString] = {
    Kind.CITIZEN: _("Natural person"),
    Kind.ORGANISATION: _("Legal person"),
    Kind.LAWYER: _("Lawyer"),
    Kind.ACCOUNTANT: _("Accountant"),
    Kind.PATENT_ATTORNEY: _("Patent attorney"),
    Kind.PATENT_AGENT: _("Patent agent"),
    Kind.FIRM_ADMINISTRATOR: _("Firm administrator"),
    Kind.JUDGE: _("Judge"),
    Kind.STAFF: _("Court staff"),
}
METHODS: Mapping[str, LazyString] = {
    "password": _("Account and password"),
    "passkey": _("Passkey"),
    "totp": _("Code of the authenticator app"),
    "recovery_code": _("Recovery code"),
    "password+totp": _("Password and authenticator app"),
    "password+recovery_code": _("Password and recovery code"),
    "password+passkey": _("Password and passkey"),
}
HISTORY: Mapping[str, LazyString] = {
    "second_factor": _("Right password, but no second factor"),
    "wrong_code": _("Wrong code"),
    "passkey_refused": _("Passkey not verified"),
    "wrong_password": _("Wrong password"),
    "disabled": _("Account or password switched off"),
    "busy": _("Too busy to check"),
}
SCOPES: Mapping[str, tuple[LazyString, LazyString]] = {
    Scope.OPENID: (_("That it is you"), _("A number that stands for you, not your name.")),
    Scope.PROFILE: (
        _("Your name and profile"),
        _("Name, account name, language, sex, birth date."),
    ),
    Scope.EMAIL: (_("Your e-mail address"), _("The first address of your account.")),
    Scope.ADDRESS: (_("Your postal address"), _("The address of your account.")),
    Scope.PHONE: (_("Your telephone number"), _("The number of your account.")),
    Scope.OFFLINE_ACCESS: (
        _("Access while you are away"),
        _("It may ask for the same data again after you have signed out."),
    ),
}
OWN_SCOPE: LazyString = _("A service of this app.")
REFUSALS: Mapping[str, tuple[LazyString, LazyString]] = {
    KIND_NOT_ALLOWED: (
        _("This app is not for your kind of account"),
        _("Go back to the portal, or sign in with another account."),
    ),
    ACR_OUT_OF_REACH: (
        _("This app asks for a stronger way to sign in"),
        _("Your account has no such way yet. Ask the help desk."),
    ),
}
ERRORS: Mapping[int, tuple[LazyString, LazyString, LazyString]] = {
    400: (
        _("This request cannot be used"),
        _("Something in the address or the form is missing or not right. Nothing was changed."),
        _("Go back to the app you came from and begin again."),
    ),
    403: (
        _("This form is no longer valid"),
        _("It was open too long, or sent from another page. Nothing was changed."),
        _("Go back, reload the page and send it again."),
    ),
    404: (
        _("There is no such page"),
        _("The address may be mistyped, or the page has moved."),
        _("Begin at the portal's front page."),
    ),
    405: (
        _("This page cannot be used that way"),
        _("The browser asked in a way that this address does not answer."),
        _("Begin at the portal's front page."),
    ),
    413: (
        _("That was too much"),
        _("What was sent is larger than this page takes. Nothing was changed."),
        _("Go back and send less."),
    ),
    429: (
        _("Too many requests"),
        _("From your network, too many requests came in a short time."),
        _("Wait a minute and try again."),
    ),
    500: (
        _("Something went wrong on our side"),
        _("Nothing was changed. The operators can find out more by the reference number."),
        _("Try again in a few minutes. If it happens again, tell the help desk the number."),
    ),
    503: (
        _("The portal is busy or being repaired"),
        _("Nothing was changed."),
        _("Try again in a minute."),
    ),
}
JOURNEY_LOST = (
    _("This sign-in is no longer open"),
    _("It took too long, was finished already, or was begun in another browser."),
    _("Go back to the app you came from and sign in again."),
)
APP_REFUSED = (
    _("The app's request cannot be used"),
    _("The app that sent you here made a mistake, so you were not sent back to it."),
    _("Tell the people who run the app; they will need the text below."),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One scope in plain words, or something that an app asks for in its own."""

    scope: str
    title: LazyString | str
    detail: LazyString | str


def lines_of(scopes: frozenset[str]) -> list[Line]:
    """Say in plain words what scopes stand for."""
    known = [scope for scope in SCOPES if scope in scopes]
    own = sorted(scopes - set(SCOPES))
    return [
        *(Line(scope, *SCOPES[scope]) for scope in known),
        *(Line(scope, scope, OWN_SCOPE) for scope in own),
    ]
