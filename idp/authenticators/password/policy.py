"""Which passwords may be chosen: a policy is data (NIST SP 800-63B-4 section 3.1.1.2). Pure.

``modern`` asks for length and refuses what is known or guessable from the account.
``tw-gov-internal`` adds the classes, ages and history that 附表十 asks of agencies' own staff.
``seed-compat`` gives the manual's composition rule as advice. None cuts a password short.
"""

import unicodedata
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from idp.config import PasswordSection

_SHORTEST_WORD = 4
"""A part of the account's own words that counts; shorter ones are in every password."""


class Weakness(StrEnum):
    """What is wrong with a password that was chosen."""

    EMPTY = "empty"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    TOO_FEW_KINDS = "too_few_kinds"
    KNOWN = "known"
    """It is on the list of passwords that attackers try first."""
    ABOUT_YOU = "about_you"
    """It is the account's name, e-mail address or the like, with little around it."""
    USED_BEFORE = "used_before"
    TOO_SOON = "too_soon"
    NOT_REPEATED = "not_repeated"
    TOO_BUSY = "too_busy"
    """Nothing is wrong with it; it cannot be looked at at this moment."""


@dataclass(frozen=True, slots=True)
class PasswordPolicy:
    """Lengths in code points; zero and ``None`` ask for nothing."""

    minimum: int
    maximum: int = 128
    kinds: int = 0
    """How many of upper case, lower case, digits and others."""
    history: int = 0
    """How many of the last passwords may not come again."""
    min_age: timedelta | None = None
    max_age: timedelta | None = None
    advises_composition: bool = False
    """The manual's rule (upper, lower, digit, one of ``@!?.~``) stands as advice."""


PRESETS: Mapping[str, PasswordPolicy] = {
    "modern": PasswordPolicy(minimum=15),
    "tw-gov-internal": PasswordPolicy(
        minimum=12,
        kinds=3,
        history=3,
        min_age=timedelta(days=1),
        max_age=timedelta(days=90),
    ),
    "seed-compat": PasswordPolicy(minimum=8, advises_composition=True),
}


def chosen(section: PasswordSection, *, staff: bool) -> PasswordPolicy:
    """Give the policy that the configuration sets for people, or for judges and court staff."""
    preset = PRESETS[section.staff_policy if staff else section.policy]
    return replace(
        preset,
        minimum=section.minimum_length or preset.minimum,
        maximum=section.maximum_length or preset.maximum,
    )


def weaknesses(
    policy: PasswordPolicy, password: str, words: Iterable[str], known: Container[str]
) -> list[Weakness]:
    """Say what speaks against a password; empty: it may be used.

    Args:
        words: what anybody may know of the account: its name, addresses, the person's name.
        known: the list of passwords that are tried first, in small letters.
    """
    normal = unicodedata.normalize("NFC", password)
    if not normal:
        return [Weakness.EMPTY]
    found = {
        Weakness.TOO_SHORT: len(normal) < policy.minimum,
        Weakness.TOO_LONG: len(normal) > policy.maximum,
        Weakness.TOO_FEW_KINDS: kinds_of(normal) < policy.kinds,
        Weakness.KNOWN: is_known(normal, known),
        Weakness.ABOUT_YOU: is_about(normal, words),
    }
    return [weakness for weakness, is_so in found.items() if is_so]


def kinds_of(password: str) -> int:
    """Count which of the four kinds of character are in it."""
    tests = (str.isupper, str.islower, str.isdigit, lambda one: not one.isalnum())
    return sum(any(test(one) for one in password) for test in tests)


def is_known(password: str, known: Container[str]) -> bool:
    """Look it up, also with the usual tail of digits and signs, and twice over."""
    folded = password.casefold()
    bare = folded.strip("0123456789!@#$%^&*?.~_-+= ")
    half = len(folded) // 2
    doubled = folded[:half] if len(folded) % 2 == 0 and folded[:half] == folded[half:] else ""
    alike = len(set(folded)) <= 2
    return alike or any(form and form in known for form in (folded, bare, doubled))


def is_about(password: str, words: Iterable[str]) -> bool:
    """Tell whether a word of the account is most of the password."""
    folded = password.casefold()
    parts = {part for word in words for part in _parts(word.casefold())}
    found = [part for part in parts if len(part) >= _SHORTEST_WORD and part in folded]
    return any(len(part) * 2 >= len(folded) for part in found)


def _parts(word: str) -> set[str]:
    local = word.partition("@")[0]
    return {word, local, *local.replace(".", " ").replace("_", " ").split()}
