"""What a certificate says of its holder, and a directory of its people."""

from collections.abc import Mapping

from flask_babel import LazyString
from flask_babel import lazy_gettext as _

PROVEN: dict[str, LazyString] = {
    "card": _("Card"),
    "name": _("Name"),
    "id_tail": _("Last four digits of the national id"),
    "uniform_number": _("Uniform number"),
    "organisation_oid": _("Object identifier of the organisation"),
    "rank": _("Rank of the card"),
    # Translators: AD帳號, manual P20
    "ad_account": _("AD account"),
    "court": _("Court"),
}
"""What a certificate says of its holder, and a directory of its people."""
PROVEN_OF_ORGANISATION: dict[str, LazyString] = {"name": _("Name of the organisation")}
"""What of that is called otherwise where the holder is no person."""
COURT_CHOSEN: LazyString = _("Court (chosen by you)")
# Translators: between the parts of a list
BETWEEN: LazyString = _(", ")
OFFICE: Mapping[str, LazyString] = {
    "ad_account": PROVEN["ad_account"],
    "court": PROVEN["court"],
    "department": _("Department"),
    "title": _("Title"),
    "employee_number": _("Staff number"),
    "roles": _("Roles"),
}
"""What a directory says of a person's office."""
