"""What a new password needs, and what is wrong with one."""

from collections.abc import Iterable

from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from idp.authenticators import Reason
from idp.authenticators.password.policy import PasswordPolicy, Weakness
from idp.web.forms import FieldError
from idp.web.wording.ways import REFUSED


def weakness(why: Weakness, policy: PasswordPolicy) -> LazyString:
    """Say what is wrong with a password, and what would be right."""
    return {
        Weakness.EMPTY: _("Choose a password."),
        Weakness.TOO_SHORT: _(
            "The password needs at least %(least)d characters.", least=policy.minimum
        ),
        Weakness.TOO_LONG: _(
            "The password can have %(most)d characters at most.", most=policy.maximum
        ),
        Weakness.TOO_FEW_KINDS: _(
            "Use at least %(kinds)d of: capitals, small letters, digits, other signs.",
            kinds=policy.kinds,
        ),
        Weakness.KNOWN: _("This password is among the first that attackers try. Choose another."),
        Weakness.ABOUT_YOU: _(
            "This password is too close to your name, account or e-mail address."
        ),
        Weakness.USED_BEFORE: _("You have used this password before. Choose another."),
        Weakness.TOO_SOON: _(
            "The password was changed a short while ago. It can be changed once a day."
        ),
        Weakness.TOO_BUSY: REFUSED[Reason.BUSY],
        Weakness.NOT_REPEATED: _("The two passwords are not the same."),
    }[why]


def password_errors(found: Iterable[Weakness], policy: PasswordPolicy) -> list[FieldError]:
    """Put what is wrong with a new password at its field."""
    return [
        FieldError(
            "password_again" if why is Weakness.NOT_REPEATED else "password",
            weakness(why, policy),
        )
        for why in found
    ]


def password_help(policy: PasswordPolicy) -> list[LazyString | str]:
    """Explain a policy in words: made from the policy itself, so that it never says otherwise."""
    told = [
        _("At least %(least)d characters; spaces and any script are fine.", least=policy.minimum)
    ]
    if policy.kinds:
        told.append(weakness(Weakness.TOO_FEW_KINDS, policy))
    if policy.advises_composition:
        told.append(_("Better with capitals, small letters, digits and signs like @!?.~"))
    if policy.history:
        told.append(_("None of your last %(count)d passwords.", count=policy.history))
    if policy.max_age:
        told.append(_("It has to be changed every %(days)d days.", days=policy.max_age.days))
    told.append(_("A sentence of four or more words is easy to keep and hard to guess."))
    return list(told)
