"""What an app asks for, in plain words, and why it gets nobody."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from idp.oidc.vocabulary import JUDICIARY, NATIONAL_ID, VERIFIED_IDENTITY, Scope
from idp.signin.journey import ACR_OUT_OF_REACH, KIND_NOT_ALLOWED

SCOPES: Mapping[str, tuple[LazyString, LazyString]] = {
    Scope.OPENID: (_("That it is you"), _("A number that stands for you, not your name.")),
    Scope.PROFILE: (
        _("Your name and profile"),
        _("Name, account name, language, sex, birth date."),
    ),
    Scope.EMAIL: (_("Your e-mail address"), _("The first address of your account.")),
    Scope.ADDRESS: (_("Your postal address"), _("The address of your account.")),
    Scope.PHONE: (_("Your telephone number"), _("The number of your account.")),
    VERIFIED_IDENTITY: (
        _("Your name, verified"),
        _("The name that your certificate card has shown, and since when."),
    ),
    NATIONAL_ID: (
        _("Your national id"),
        _("The whole number, and whether its authority has confirmed it."),
    ),
    JUDICIARY: (
        _("Your office"),
        _("Court, department, title, AD account and roles, as the court's directory has them."),
    ),
    Scope.OFFLINE_ACCESS: (
        _("Access while you are away"),
        _("It may ask for the same data again after you have signed out."),
    ),
}
OWN_SCOPE: LazyString = _("A service of this app.")
RESOURCE: LazyString = _("A service that the app may use in your name.")
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
