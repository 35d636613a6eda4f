"""The passwords that attackers try first, offline: the list that zxcvbn ships."""

import unicodedata
from functools import cache
from typing import Any


@cache
def known_passwords() -> frozenset[str]:
    """Give the list in small letters. Loaded when the first person chooses a password."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # noqa: PLC0415 - 10 MB, seldom needed

    return frozenset(FREQUENCY_LISTS["passwords"])


def strength(password: str, words: list[str]) -> int:
    """Estimate how hard a password is to guess: 0 (at once) to 4 (very). A help, no judge."""
    from zxcvbn import zxcvbn  # noqa: PLC0415

    typed = unicodedata.normalize("NFC", password)[:72]
    found: dict[str, Any] = zxcvbn(typed, user_inputs=words) if typed else {"score": 0}
    return int(found["score"])
