"""Read the numbers that Taiwan gives persons and businesses. Pure.

=======================  ============  ===============================================
national id 身分證字號    A123456789    letter, 1 or 2, seven digits, check digit
resident number 統一證號  A800000014    letter, 8 or 9, seven digits, check digit
the same before 2021     AC01234567    letter, A to D, seven digits, check digit
business number 統一編號  12345675      eight digits, weighed together
=======================  ============  ===============================================

A checksum finds slips of the keyboard; it does not tell whether the number was ever given.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from idp.registration.fields import Problem, clean

_SHAPE = re.compile(r"[A-Z][1289A-D][0-9]{8}", re.IGNORECASE | re.ASCII)
_LETTERS = "ABCDEFGHJKLMNPQRSTUVXYWZIO"  # A is 10, O is 35; the last six came out of order
_WEIGHTS = (1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1)
_BUSINESS = re.compile(r"[0-9]{8}")
_BUSINESS_WEIGHTS = (1, 2, 1, 2, 1, 2, 4, 1)
_LOOSE = 64


class PersonalKind(StrEnum):
    """The number systems for persons."""

    NATIONAL = "national"
    RESIDENT = "resident"
    FORMER_RESIDENT = "former_resident"
    """The form of before 2021, still on cards and in files."""


class Sex(StrEnum):
    """What the second character says, in the words of the ``gender`` claim."""

    MALE = "male"
    FEMALE = "female"


@dataclass(frozen=True, slots=True)
class PersonalNumber:
    """A national id or resident number, and what it says by itself."""

    text: str
    kind: PersonalKind
    sex: Sex


_SECOND: dict[str, tuple[PersonalKind, Sex]] = {
    "1": (PersonalKind.NATIONAL, Sex.MALE),
    "2": (PersonalKind.NATIONAL, Sex.FEMALE),
    "8": (PersonalKind.RESIDENT, Sex.MALE),
    "9": (PersonalKind.RESIDENT, Sex.FEMALE),
    # A and B: no household registration, Mainland, Hong Kong, Macau; C and D: foreigners.
    "A": (PersonalKind.FORMER_RESIDENT, Sex.MALE),
    "B": (PersonalKind.FORMER_RESIDENT, Sex.FEMALE),
    "C": (PersonalKind.FORMER_RESIDENT, Sex.MALE),
    "D": (PersonalKind.FORMER_RESIDENT, Sex.FEMALE),
}


def read_personal_number(typed: str) -> PersonalNumber | Problem:
    """Read a national id or a resident number of either form, and tell which it is."""
    folded = clean(typed, _LOOSE, form="NFKC")
    if isinstance(folded, Problem):
        return folded
    if not _SHAPE.fullmatch(folded):
        return Problem.WRONG_SHAPE
    text = folded.upper()
    if not _checks(text):
        return Problem.WRONG_CHECKSUM
    kind, sex = _SECOND[text[1]]
    return PersonalNumber(text, kind, sex)


def read_national_id(typed: str) -> PersonalNumber | Problem:
    """Read a national id; a resident number is told apart from a slip."""
    number = read_personal_number(typed)
    if isinstance(number, PersonalNumber) and number.kind is not PersonalKind.NATIONAL:
        return Problem.IS_A_RESIDENT_NUMBER
    return number


def read_resident_number(typed: str) -> PersonalNumber | Problem:
    """Read a resident number of either form; a national id is told apart from a slip."""
    number = read_personal_number(typed)
    if isinstance(number, PersonalNumber) and number.kind is PersonalKind.NATIONAL:
        return Problem.IS_A_NATIONAL_ID
    return number


def _checks(text: str) -> bool:
    """Weigh both digits of the first letter's code, and the last of a second letter's."""
    first = 10 + _LETTERS.index(text[0])
    second = int(text[1]) if text[1].isdigit() else _LETTERS.index(text[1])
    digits = (*divmod(first, 10), second, *map(int, text[2:]))
    return sum(weight * digit for weight, digit in zip(_WEIGHTS, digits, strict=True)) % 10 == 0


def read_business_number(typed: str) -> str | Problem:
    """Read a 統一編號 by the rule of April 2023: the sum divides by 5, where it was 10.

    A seventh digit of 7 weighs 28: its digits sum to 10, which may count as 1 or as 0.
    """
    text = clean(typed, _LOOSE, form="NFKC")
    if isinstance(text, Problem):
        return text
    if not _BUSINESS.fullmatch(text) or not text.strip("0"):  # zeros stand for "none" on forms
        return Problem.WRONG_SHAPE
    pairs = zip(_BUSINESS_WEIGHTS, map(int, text), strict=True)
    total = sum(sum(divmod(weight * digit, 10)) for weight, digit in pairs)
    if total % 5 == 0 or (text[6] == "7" and (total + 1) % 5 == 0):
        return text
    return Problem.WRONG_CHECKSUM
