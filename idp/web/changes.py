"""A sentence for every change that a person finds in the history of their account."""

from collections.abc import Mapping
from typing import Any

from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from idp.web.wording.details import FIELDS
from idp.web.wording.proven import OFFICE, PROVEN

Variants = tuple[str, Mapping[str, LazyString]]
"""The field of the event that its sentences differ by, and a sentence for each of its values."""

_SENTENCES: Mapping[str, LazyString | Variants] = {
    "account.added": _("Your account was opened."),
    "account.registered": _("Your account was opened."),
    "account.activated": _("Your account was activated."),
    "account.changed": _("The details of your account were changed."),
    "office.changed": _("Your court's directory says something else of you than before."),
    "court.changed": (
        "by",
        {
            "directory": _("Your court's directory says that you belong to another court."),
            "holder": _("You chose another court."),
        },
    ),
    "court.unknown": _("Your court's directory names a court that this site does not know."),
    "emails.changed": (
        "act",
        {
            "added": _("An e-mail address was added to your account."),
            "removed": _("An e-mail address of your account was removed."),
            "first": _("Another e-mail address became the first of your account."),
            "withdrawn": _("An e-mail address was taken away again: it was not added by you."),
            "restored": _("An e-mail address came back: it was not removed by you."),
        },
    ),
    "password.changed": (
        "how",
        {
            "change": _("Your password was changed."),
            "recovery": _("A new password was set by the link of a mail."),
        },
    ),
    "password.disabled": _("Your password was switched off: too many wrong ones were tried."),
    "recovery.asked": _("A link to set a new password was sent."),
    "factor.added": (
        "kind",
        {
            "passkey": _("A passkey was added to your account."),
            "totp": _("An authenticator app was added to your account."),
            "card": _("A certificate card was added to your account."),
        },
    ),
    "factor.renamed": _("A passkey of your account was given another name."),
    "factor.removed": (
        "kind",
        {
            "passkey": _("A passkey of your account was removed."),
            "totp": _("The authenticator app of your account was removed."),
            "recovery_code": _(
                "The recovery codes of your account were removed and no longer work."
            ),
            "all": _("The help desk removed all second factors of your account, as was asked for."),
        },
    ),
    "card.added": (
        "why",
        {
            "added": _("A certificate card was added to your account."),
            "renewed": _("Your renewed certificate card was added to your account."),
            "help_desk": _("The help desk added a certificate card to your account."),
        },
    ),
    "card.removed": _("A certificate card of your account was removed."),
    "factor.asked": (
        "always",
        {
            "True": _("Every sign-in to your account now asks for a second factor."),
            "False": _(
                "Your password alone now opens your account, except for apps that ask for more."
            ),
        },
    ),
    "recovery_codes.renewed": _(
        "New recovery codes were made for your account. The old ones no longer work."
    ),
    "recovery_codes.used": _("Somebody signed in to your account with one of its recovery codes."),
    "sessions.signed_out": (
        "which",
        {
            "one": _("A browser was signed out on your account pages."),
            "others": _("All other browsers were signed out on your account pages."),
            "all": _("Every browser and app was signed out on your account pages."),
        },
    ),
    "consent.given": _("An app was allowed to receive data of yours."),
    "access.withdrawn": _("The access of an app was taken back."),
    "link.made": _("Your account was linked with one of an app."),
    "link.ended": (
        "why",
        {
            "person": _("You ended the link with an account of an app."),
            "app": _("An app ended the link with its account."),
        },
    ),
    "terms.accepted": _("The terms were accepted."),
    "data.exported": _("Your data was downloaded."),
    "signin.disowned": (
        "by",
        {
            "session": _("You told us that it was not you: everything was signed out."),
            "mail": _("The link of a mail told us that it was not you: everything was signed out."),
        },
    ),
}
_OTHERWISE = _("Your account was changed.")
_FIELDS: Mapping[str, LazyString] = {
    "name": FIELDS["name"],
    "birthdate": FIELDS["birth_date"],
    "preferred_username": PROVEN["ad_account"],
    "ad_account": PROVEN["ad_account"],
    "court": FIELDS["court"],
    "department": OFFICE["department"],
    "title": OFFICE["title"],
    "employee_number": OFFICE["employee_number"],
    "roles": OFFICE["roles"],
    "phone_number": FIELDS["phone"],
    "address": FIELDS["address"],
}


def sentence(event: str, data: Mapping[str, Any]) -> LazyString:
    """Tell an event of ``for_owner``; one that a newer version wrote is told in general."""
    found = _SENTENCES.get(event, _OTHERWISE)
    if not isinstance(found, tuple):
        return found
    field, variants = found
    return variants.get(str(data.get(field)), _OTHERWISE)


def fields_of(data: Mapping[str, Any]) -> list[LazyString]:
    """Name the fields of a change; never what they hold."""
    named = (_FIELDS[one] for one in data.get("fields", []) if one in _FIELDS)
    return list(dict.fromkeys(named))
