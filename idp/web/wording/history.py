"""Words for how somebody signed in, and for what came of a try."""

from collections.abc import Mapping

from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from idp.authenticators.card.reasons import Flaw

METHODS: Mapping[str, LazyString] = {
    "password": _("Account and password"),
    "passkey": _("Passkey"),
    "totp": _("Code of the authenticator app"),
    "recovery_code": _("Recovery code"),
    "password+totp": _("Password and authenticator app"),
    "password+recovery_code": _("Password and recovery code"),
    "password+passkey": _("Password and passkey"),
    "card": _("Certificate card"),
    "directory": _("Account of the court's directory"),
    "ticket": _("Computer of the court network"),
    "directory+totp": _("Account of the court's directory and authenticator app"),
    "directory+recovery_code": _("Account of the court's directory and recovery code"),
    "directory+passkey": _("Account of the court's directory and passkey"),
    "ticket+totp": _("Computer of the court network and authenticator app"),
    "ticket+recovery_code": _("Computer of the court network and recovery code"),
    "ticket+passkey": _("Computer of the court network and passkey"),
}
HISTORY: Mapping[str, LazyString] = {
    "second_factor": _("Right password, but no second factor"),
    "wrong_code": _("Wrong code"),
    "passkey_refused": _("Passkey not verified"),
    "wrong_password": _("Wrong password"),
    "changed_meanwhile": _("Password changed meanwhile"),
    "not_activated": _("Not activated yet"),
    "password_expired": _("Right password, but too old"),
    "disabled": _("Account or password switched off"),
    "busy": _("Too busy to check"),
    **dict.fromkeys(Flaw, _("Card not taken")),
    Flaw.EXPIRED: _("Card expired"),
    Flaw.REVOKED: _("Card revoked"),
    Flaw.SUSPENDED: _("Card suspended"),
    Flaw.COULD_NOT_CHECK: _("Card could not be checked"),
    "directory_disabled": _("Switched off in the directory"),
    "directory_expired": _("Expired in the directory"),
    "directory_password_expired": _("Right password, but too old"),
    "directory_must_change": _("Right password, but to be changed first"),
    "directory_locked": _("Locked in the directory"),
    "directory_outside_hours": _("Not at this hour, by the directory"),
    "directory_other_workstation": _("Not from here, by the directory"),
    "directory_not_allowed": _("Not one of those who sign in here"),
    "directory_busy": _("Too busy to check"),
    "directory_unreachable": _("Directory could not be asked"),
    "directory_unanswered": _("Directory could not be asked"),
    "directory_misconfigured": _("Directory could not be asked"),
}
