"""Read what people type into forms: names and dates. Pure; the day comes as ``today``.

Every ``read_…`` gives the one form that is kept, or the :class:`Problem` that stands in
its way. What was read can be read again: the text of a value is read as the same value.

==========================  ================================================================
``read_account_name``       ``WANG1972``
``read_person_name``        ``王小明``, ``巴奈·庫穗``, ``Anne-Marie O'Neil``
``read_organisation_name``  ``臺灣積木(股)公司 2 廠``
``read_date``               ``0611218``, ``061/12/18``, ``民國61年12月18日``, ``1972-12-18``
==========================  ================================================================
"""

import re
import unicodedata
from collections.abc import Callable
from datetime import date
from enum import StrEnum
from typing import Literal

from idp.accounts.model import canonical_name

_PADDING = 10
_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_ID_SHAPED = re.compile(r"[A-Z][0-9]{9}|[A-Z]{2}[0-9]{8}")
_MARKUP = frozenset("<>{}")
_PERSONAL = frozenset(" ·・-'.")
_ORGANISATIONAL = _PERSONAL | frozenset("()\uff08\uff09&,、")
_MEANT = {0x2019: "'"}  # telephones bend the apostrophe
_MEANT_BY_PERSONS = _MEANT | dict.fromkeys((0xFF0E, 0x2027, 0x2022), "·")  # registers vary
_HAN_ZERO = "\u3007"
_HANGUL_FILLERS = frozenset("\u115f\u1160\u3164\uffa0")
_OLDEST = 130
_LOOSE = 64  # where a pattern decides, a wrong shape is more to the point than "too long"


class Problem(StrEnum):
    """A mistake somebody can be told about, one member a sentence."""

    EMPTY = "empty"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    CONTROL_CHARACTERS = "control_characters"
    """Also what steers or hides text: bidirectional overrides, joiners, lone surrogates."""
    MARKUP = "markup"
    """One of ``<>{}``."""
    NOT_A_NAME = "not_a_name"
    NO_LETTER_FIRST = "no_letter_first"
    WRONG_SHAPE = "wrong_shape"
    WRONG_CHECKSUM = "wrong_checksum"
    LOOKS_LIKE_NATIONAL_ID = "looks_like_national_id"
    IS_A_NATIONAL_ID = "is_a_national_id"
    IS_A_RESIDENT_NUMBER = "is_a_resident_number"
    NOT_A_DATE = "not_a_date"
    IN_THE_FUTURE = "in_the_future"
    TOO_OLD = "too_old"
    NOT_A_PHONE_NUMBER = "not_a_phone_number"
    NO_AREA_CODE = "no_area_code"
    """Begins neither with 0 nor with +."""
    NOT_TAIWAN = "not_taiwan"
    NOT_MOBILE = "not_mobile"
    HAS_EXTENSION = "has_extension"
    NOT_A_POSTAL_CODE = "not_a_postal_code"
    NOT_A_REGION = "not_a_region"
    NOT_AN_ADDRESS = "not_an_address"
    """No e-mail address."""
    NOT_THE_CARDS = "not_the_cards"
    """Another number than the certificate has."""
    DUPLICATE = "duplicate"
    TOO_MANY = "too_many"


def clean(typed: str, longest: int, *, form: Literal["NFC", "NFKC"] = "NFC") -> str | Problem:
    """Give what was typed in one normal form, trimmed, each run of spaces as one.

    ``NFC`` keeps the letters somebody chose; ``NFKC`` also folds full width, for fields
    where nobody chooses it. ``longest`` counts code points.
    """
    if len(typed) > longest * _PADDING:  # nobody pads tenfold; normalising megabytes is work
        return Problem.TOO_LONG
    text = unicodedata.normalize(form, typed).strip()
    if any(unicodedata.category(char) in _UNSEEN for char in text):
        return Problem.CONTROL_CHARACTERS
    text = " ".join(text.split())
    if not text:
        return Problem.EMPTY
    return Problem.TOO_LONG if len(text) > longest else text


def read_account_name(typed: str) -> str | Problem:
    """Read the account name somebody chooses: a letter, then letters and digits, 4 to 20.

    Names shaped like a national id or a resident number are refused, right or wrong: an
    account name is shown and guessed at, and must not give away or claim such a number.
    """
    text = clean(typed, _LOOSE, form="NFKC")
    if isinstance(text, Problem):
        return text
    # Before the capitals: to Unicode the capital of a dotless i is a plain I.
    if not (text.isascii() and text.isalnum()):
        return Problem.WRONG_SHAPE
    if not text[0].isalpha():
        return Problem.NO_LETTER_FIRST
    name = canonical_name(text)
    if _ID_SHAPED.fullmatch(name):
        return Problem.LOOKS_LIKE_NATIONAL_ID
    return _within(name, 4, 20)


def read_person_name(typed: str) -> str | Problem:
    """Read a person's name as its bearer writes it, 1 to 80 code points, NFC."""
    text = clean(typed, 80)
    if isinstance(text, Problem):
        return text
    return _name(text.translate(_MEANT_BY_PERSONS), _is_letter, _PERSONAL)


def read_organisation_name(typed: str) -> str | Problem:
    """Read the name of an organisation: as a person's, with digits and brackets, up to 120."""
    text = clean(typed, 120)
    if isinstance(text, Problem):
        return text
    return _name(text.translate(_MEANT), _is_letter_or_digit, _ORGANISATIONAL)


def _name(text: str, is_body: Callable[[str], bool], marks: frozenset[str]) -> str | Problem:
    if not _MARKUP.isdisjoint(text):
        return Problem.MARKUP
    sound = all(is_body(char) or _is_accent(char) or char in marks for char in text)
    if not sound or _is_accent(text[0]) or not any(is_body(char) for char in text):
        return Problem.NOT_A_NAME
    return text


def _is_letter(char: str) -> bool:
    """Tell whether a character is a letter of any script that can be seen.

    Planes 2 and 3 hold Han alone, and rare names are written there: what Python's tables
    do not know yet was added to Unicode after them.
    """
    category = unicodedata.category(char)
    if category == "Cn":
        return 0x20000 <= ord(char) < 0x3FFFE and ord(char) & 0xFFFF < 0xFFFE
    return (category.startswith("L") and char not in _HANGUL_FILLERS) or char == _HAN_ZERO


def _is_letter_or_digit(char: str) -> bool:
    return _is_letter(char) or unicodedata.category(char) == "Nd"


def _is_accent(char: str) -> bool:
    """Tell whether a character is a mark on a letter; enclosing marks make emoji of digits."""
    return unicodedata.category(char) in {"Mn", "Mc"}


def _within(text: str, shortest: int, longest: int) -> str | Problem:
    if len(text) < shortest:
        return Problem.TOO_SHORT
    return Problem.TOO_LONG if len(text) > longest else text


def _common(year: int) -> int:
    return year


def _of_the_republic(year: int) -> int:
    return 1911 + year


def _before_the_republic(year: int) -> int:
    return 1912 - year


# A year of two digits is refused unless 民國 stands before it: 72/12/18 may be either calendar.
_DATES: tuple[tuple[str, Callable[[int], int]], ...] = (
    (r"([0-9]{3})([0-9]{2})([0-9]{2})", _of_the_republic),
    (r"([0-9]{3})/([0-9]{1,2})/([0-9]{1,2})", _of_the_republic),
    (r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})", _common),
    (r"([0-9]{4})/([0-9]{1,2})/([0-9]{1,2})", _common),
    (r"(?:西元)?([0-9]{4})年([0-9]{1,2})月([0-9]{1,2})日", _common),
    (r"(?:中華)?民國([0-9]{1,3}|元)年([0-9]{1,2})月([0-9]{1,2})日", _of_the_republic),
    (r"民國?前([0-9]{1,3})年([0-9]{1,2})月([0-9]{1,2})日", _before_the_republic),
)


def read_date(typed: str, *, today: date) -> date | Problem:
    """Read a day of the past in either calendar; 130 years ago is the oldest."""
    text = clean(typed, _LOOSE, form="NFKC")
    if isinstance(text, Problem):
        return text
    day = _day_of(text.replace(" ", ""))
    if day is None:
        return Problem.NOT_A_DATE
    if day > today:
        return Problem.IN_THE_FUTURE
    if (day.year + _OLDEST, day.month, day.day) < (today.year, today.month, today.day):
        return Problem.TOO_OLD
    return day


def _day_of(text: str) -> date | None:
    for shape, western in _DATES:
        if found := re.fullmatch(shape, text):
            year, month, day = (1 if part == "元" else int(part) for part in found.groups())
            try:
                return date(western(year), month, day) if year else None
            except ValueError:
                return None
    return None
