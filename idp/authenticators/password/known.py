"""The passwords that attackers try first, offline: the list that zxcvbn ships."""

import threading
import unicodedata
from functools import cache
from typing import Any


@cache
def known_passwords() -> frozenset[str]:
    """Give the list in small letters. Loaded when the first person chooses a password."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # noqa: PLC0415 - 10 MB, seldom needed

    return frozenset(FREQUENCY_LISTS["passwords"])


def strength(password: str, words: list[str]) -> int | None:
    """Estimate how hard a password is to guess: 0 (at once) to 4 (very). A help, no judge.

    ``None``: another one is being estimated. It takes turns and a bounded input, because zxcvbn
    tries every way to read signs as letters, and the time for that doubles with each.
    """
    from zxcvbn import zxcvbn  # noqa: PLC0415

    typed = _bounded(unicodedata.normalize("NFC", password))
    if not typed:
        return 0
    if not _turn.acquire(blocking=False):
        return None
    try:
        found: dict[str, Any] = zxcvbn(typed, user_inputs=words)
    finally:
        _turn.release()
    return int(found["score"])


_turn = threading.Lock()
_LONGEST = 32
_SIGNS_FOR_LETTERS = frozenset("4@8({[<369&#!1/|0$5+7%2zZ")
_SIGNS = 5


def _bounded(password: str) -> str:
    """Leave out what makes the estimate slow; what is left is no stronger than the whole."""
    signs = list(dict.fromkeys(one for one in password if one in _SIGNS_FOR_LETTERS))[:_SIGNS]
    kept = (one for one in password if one not in _SIGNS_FOR_LETTERS or one in signs)
    return "".join(kept)[:_LONGEST]
