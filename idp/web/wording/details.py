"""What the fields of personal details are called, and what is wrong in one."""

from collections.abc import Mapping

from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from idp.registration.fields import Problem
from idp.registration.forms import ADDRESS, KEPT
from idp.web.forms import FieldError

FIELDS: Mapping[str, LazyString] = {
    "name": _("Name"),
    # Translators: 代表人姓名, manual P11
    "representative": _("Name of the representative"),
    # Translators: 代表人職稱, manual P11
    "representative_title": _("Title of the representative"),
    "username": _("Account"),
    # Translators: 身分證字號, manual P10
    "national_id": _("National id or resident number"),
    # Translators: 統一編號, manual P11
    "uniform_number": _("Uniform number"),
    "birth_date": _("Birth date"),
    # Translators: 聯絡電話, manual P10
    "phone": _("Telephone"),
    # Translators: 行動電話, manual P10
    "mobile": _("Mobile phone"),
    # Translators: 通訊地址, manual P10
    "address": _("Postal address"),
    "email_1": _("E-mail"),
    # Translators: 所屬法院, manual P20
    "court": _("Court"),
    "email_list": _("E-mail"),
}
INPUTS: Mapping[str, LazyString] = {
    **FIELDS,
    "street": _("Street and number"),
    "email_1": _("First address"),
    "email_2": _("Second address"),
    "email_3": _("Third address"),
}
"""What the fields of the form are called, where one line of ``FIELDS`` is several of them."""
PROBLEMS: Mapping[Problem, LazyString] = {
    Problem.EMPTY: _("Fill in this field."),
    Problem.TOO_SHORT: _("This is too short."),
    Problem.TOO_LONG: _("This is too long."),
    Problem.CONTROL_CHARACTERS: _("This holds characters that cannot be seen. Type it anew."),
    Problem.MARKUP: _("The signs < > { } cannot be used here."),
    Problem.NOT_A_NAME: _("A name has letters, spaces, hyphens and dots; no other signs."),
    Problem.NO_LETTER_FIRST: _("Begin with a letter."),
    Problem.WRONG_SHAPE: _("Use the letters A to Z and digits, nothing else."),
    Problem.WRONG_CHECKSUM: _("This number cannot be right. Compare it digit by digit."),
    Problem.LOOKS_LIKE_NATIONAL_ID: _("Do not use a national id as the account."),
    Problem.IS_A_NATIONAL_ID: _("This is a national id, not a resident number."),
    Problem.IS_A_RESIDENT_NUMBER: _("This is a resident number, not a national id."),
    Problem.NOT_A_DATE: _("Write the date like 0611218 or 1972-12-18."),
    Problem.IN_THE_FUTURE: _("This date has not come yet."),
    Problem.TOO_OLD: _("This date is too long ago."),
    Problem.NOT_A_PHONE_NUMBER: _("This is no telephone number. Write it like 02-2311-3456#123."),
    Problem.NO_AREA_CODE: _("Add the area code, like 02."),
    Problem.NOT_TAIWAN: _("Give a number in Taiwan."),
    Problem.NOT_MOBILE: _("This is no mobile number. Write it like 0912-345-678."),
    Problem.HAS_EXTENSION: _("A mobile number has no extension."),
    Problem.NOT_A_POSTAL_CODE: _("A postal code has three, five or six digits."),
    Problem.NOT_A_REGION: _("Choose the county or city."),
    Problem.NOT_AN_ADDRESS: _("This is no e-mail address. Write it like name@example.com."),
    Problem.NOT_THE_CARDS: _("This is not the number that the card has. Compare it with the card."),
    Problem.DUPLICATE: _("This address is there already."),
    Problem.TOO_MANY: _("There can be three addresses."),
}
_PROBLEMS_OF: Mapping[tuple[str, Problem], LazyString] = {
    **dict.fromkeys(
        (("mobile", Problem.NOT_A_PHONE_NUMBER), ("mobile", Problem.NO_AREA_CODE)),
        PROBLEMS[Problem.NOT_MOBILE],
    ),
    **dict.fromkeys(
        ((part, Problem.EMPTY) for part in ADDRESS),
        _("Give postal code, county or city, and street together."),
    ),
    ("national_id", Problem.WRONG_SHAPE): _(
        "A national id is a letter and nine digits; older resident numbers have two letters."
    ),
    ("national_id", Problem.NOT_THE_CARDS): _(
        "Its last four digits are not those on your card. Only the holder of the card can open "
        "an account with it."
    ),
    ("uniform_number", Problem.WRONG_SHAPE): _("A uniform number has eight digits."),
}
"""Where the sentence of a problem would advise the wrong thing."""


def details_errors(found: Mapping[str, Problem]) -> list[FieldError]:
    """Put what is wrong with details at their fields, in the order of the page."""
    return [
        FieldError(name, _PROBLEMS_OF.get((name, why), PROBLEMS[why]), INPUTS.get(name, ""))
        for name, why in sorted(found.items(), key=lambda one: KEPT.index(one[0]))
    ]
