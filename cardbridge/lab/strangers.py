"""Numbers for people who do not exist: made up, with check digits that hold."""

import secrets
from dataclasses import replace

from cardbridge.lab.holders import DEMO, Holder

_LETTERS = "ABCDEFGHJKLMNPQRSTUVXYWZIO"  # A is 10, O is 35; the last six came out of order
_PERSONAL_WEIGHTS = (1, 9, 8, 7, 6, 5, 4, 3, 2, 1)
_BUSINESS_WEIGHTS = (1, 2, 1, 2, 1, 2, 4, 1)


def make_up(profile: str, name: str) -> Holder:
    """Make up a holder of that name for a kind of card, with numbers of its own."""
    like = DEMO[profile]
    return replace(
        like,
        name=name,
        national_id=_national_id() if like.national_id else "",
        subject_number=_digits(16) if like.subject_number else "",
        uniform_number=_uniform_number() if like.uniform_number else "",
        organisation_oid=_sibling(like.organisation_oid) if like.organisation_oid else "",
        email="",
    )


def _digits(count: int) -> str:
    return str(secrets.randbelow(9) + 1) + "".join(
        str(secrets.randbelow(10)) for _ in range(count - 1)
    )


def _national_id() -> str:
    """Letter, 1 or 2, seven digits, and the digit that makes the weighed sum divide by ten."""
    letter = secrets.choice(_LETTERS)
    rest = f"{secrets.choice('12')}{_digits(7)}"
    number = _LETTERS.index(letter) + 10
    weighed = zip((number // 10, number % 10, *map(int, rest)), _PERSONAL_WEIGHTS, strict=True)
    return f"{letter}{rest}{-sum(digit * weight for digit, weight in weighed) % 10}"


def _uniform_number() -> str:
    while True:
        number = _digits(8)
        products = (
            int(digit) * weight for digit, weight in zip(number, _BUSINESS_WEIGHTS, strict=True)
        )
        if sum(sum(divmod(product, 10)) for product in products) % 10 == 0:
            return number


def _sibling(dotted: str) -> str:
    return f"{dotted.rpartition('.')[0]}.{_digits(5)}"
