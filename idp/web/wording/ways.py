"""Sentences for a way to sign in that did not lead in, and what stands over them."""

from collections.abc import Mapping

from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from idp.authenticators import Reason
from idp.authenticators.directory.model import Standing
from idp.web.forms import FieldError

REFUSED: Mapping[Reason, LazyString] = {
    Reason.WRONG_CREDENTIALS: _("The account or the password is not right."),
    Reason.NOT_ACTIVATED: _(
        "This account is not activated yet. We have sent you the mail with the link again."
    ),
    Reason.PASSWORD_EXPIRED: _(
        "Your password is too old for this kind of account. We have mailed you a link to set a "
        "new one."
    ),
    Reason.CAPTCHA_WRONG: _("The six digits were not right. Here are new ones."),
    Reason.CAPTCHA_MISSING: _("Type the six digits of the picture, or listen to them."),
    Reason.TOO_MANY_ATTEMPTS: _(
        "Too many attempts from here. Wait a while, or sign in from a browser you have used before."
    ),
    Reason.CODE_WRONG: _(
        "The code is not right, or was used already. Wait for the next one; if that is refused "
        "too, see whether the clock of the device that makes it is right."
    ),
    Reason.PASSKEY_REFUSED: _(
        "The passkey could not be used. It may have been removed from your account. "
        "Try again, or take another way."
    ),
    Reason.BUSY: _("Many people are signing in at this moment. Please try again in a few seconds."),
}
RECOVERY_CODE_WRONG: LazyString = _(
    "This recovery code is not right, or was used already. Compare it with your list, or take the "
    "next one."
)
FIELD_OF: Mapping[Reason, str] = {
    Reason.WRONG_CREDENTIALS: "username",
    Reason.NOT_ACTIVATED: "",
    Reason.PASSWORD_EXPIRED: "",
    Reason.CAPTCHA_WRONG: "captcha",
    Reason.CAPTCHA_MISSING: "captcha",
    Reason.TOO_MANY_ATTEMPTS: "",
    Reason.CODE_WRONG: "code",
    Reason.PASSKEY_REFUSED: "",
    Reason.BUSY: "",
}
_CANNOT_BE_ASKED = _(
    "The court's directory cannot be asked at the moment. Try again in a few minutes, or take "
    "another way to sign in."
)
STANDINGS: Mapping[Standing, LazyString] = {
    Standing.WRONG_CREDENTIALS: REFUSED[Reason.WRONG_CREDENTIALS],
    Standing.NOBODY: REFUSED[Reason.WRONG_CREDENTIALS],
    Standing.DISABLED: _(
        "Your account in the court's directory is switched off. Ask the information office of "
        "your court."
    ),
    Standing.EXPIRED: _(
        "Your account in the court's directory has expired. Ask the information office of your "
        "court."
    ),
    Standing.PASSWORD_EXPIRED: _(
        "Your password in the court's directory is past its time. Change it on a computer of the "
        "court network, then sign in here with the new one."
    ),
    Standing.MUST_CHANGE: _(
        "Your password in the court's directory has to be changed before it can be used. Do so on "
        "a computer of the court network, then sign in here with the new one."
    ),
    Standing.LOCKED: _(
        "The court's directory has locked this account after too many wrong passwords. It opens "
        "again after a while; if you are in a hurry, ask the information office of your court."
    ),
    Standing.OUTSIDE_HOURS: _(
        "The court's directory does not let this account in at this hour. Ask the information "
        "office of your court."
    ),
    Standing.OTHER_WORKSTATION: _(
        "The court's directory lets this account in on certain computers alone, and so not here. "
        "Ask the information office of your court."
    ),
    Standing.NOT_ALLOWED: _(
        "Your account in the court's directory is not one of those that sign in here. Ask the "
        "information office of your court."
    ),
    Standing.BUSY: REFUSED[Reason.BUSY],
    Standing.UNREACHABLE: _CANNOT_BE_ASKED,
    Standing.UNANSWERED: _CANNOT_BE_ASKED,
    Standing.MISCONFIGURED: _CANNOT_BE_ASKED,
}
"""What people are told. A directory says what it says of a state to the right password alone, and
of a lock to everybody; the rest reads like a wrong password."""
_WAIT = _("Please wait before you try again")
_NOT_NOW = _("This cannot be checked at the moment")
_CLOSED = _("This account cannot sign in now")
_MAILED = _("We have sent you a mail")
_CHANGE_FIRST = _("Change your password at the court first")
_HEADINGS: Mapping[Reason | Standing, LazyString] = {
    Reason.NOT_ACTIVATED: _MAILED,
    Reason.PASSWORD_EXPIRED: _MAILED,
    Reason.TOO_MANY_ATTEMPTS: _WAIT,
    Reason.BUSY: _WAIT,
    Standing.DISABLED: _CLOSED,
    Standing.EXPIRED: _CLOSED,
    Standing.LOCKED: _CLOSED,
    Standing.OUTSIDE_HOURS: _CLOSED,
    Standing.OTHER_WORKSTATION: _CLOSED,
    Standing.NOT_ALLOWED: _CLOSED,
    Standing.PASSWORD_EXPIRED: _CHANGE_FIRST,
    Standing.MUST_CHANGE: _CHANGE_FIRST,
    Standing.BUSY: _WAIT,
    Standing.UNREACHABLE: _NOT_NOW,
    Standing.UNANSWERED: _NOT_NOW,
    Standing.MISCONFIGURED: _NOT_NOW,
}
"""What stands over a reason that nothing which was typed has to do with."""


def refusal_error(reason: Reason) -> FieldError:
    """Tell a refusal at the field that it is about."""
    return FieldError(FIELD_OF[reason], REFUSED[reason], heading=heading_of(reason))


def standing_error(found: Standing) -> FieldError:
    """Tell what a directory says of an account."""
    at = "username" if found in {Standing.WRONG_CREDENTIALS, Standing.NOBODY} else ""
    return FieldError(at, STANDINGS[found], heading=heading_of(found))


def heading_of(why: Reason | Standing) -> LazyString | str:
    """Say what stands over a reason; empty where something can be corrected."""
    return _HEADINGS.get(why, "")
