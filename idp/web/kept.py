"""Pages drawn once, and filled in for each browser that comes after.

A template takes a millisecond, and what differs between two browsers on the same page are a few
words of ours: a journey's id, a form's token, a challenge. The first browser has its page drawn;
it is kept without these words, cut where they stood, so that nothing of one browser is another's.
"""

import re
from collections.abc import Hashable, Mapping

_WORD = re.compile(r"[A-Za-z0-9_-]{32,128}")
"""What can be told from everything else on a page, and is written there as it is."""
_AT_MOST = 256  # pages of some 8 kB


class Kept:
    """The pages of one application. Thread-safe: a page is put there as a whole."""

    def __init__(self) -> None:
        self._pages: dict[Hashable, list[str]] = {}

    def has(self, key: Hashable) -> bool:
        """Tell whether a page was drawn already."""
        return key in self._pages

    def filled(self, key: Hashable, words: Mapping[str, str]) -> str | None:
        """Give the page of ``key`` with this browser's words; ``None``: it has to be drawn.

        Args:
            words: what :meth:`keep` was given, by the same names.
        """
        page = self._pages.get(key)
        if page is None or not _are_words(words):
            return None
        whole = page.copy()
        whole[1::2] = [words[name] for name in page[1::2]]
        return "".join(whole)

    def keep(self, key: Hashable, page: str, words: Mapping[str, str]) -> None:
        """Keep a page that was just drawn, without the ``words`` of the browser it is for.

        Args:
            key: everything else that the page shows, and that could be otherwise.
        """
        if not _are_words(words):
            return
        names = {word: name for name, word in words.items()}
        cut = re.split(f"({'|'.join(names)})", page)
        cut[1::2] = [names[word] for word in cut[1::2]]
        if len(self._pages) >= _AT_MOST:
            self._pages.clear()
        self._pages[key] = cut


def _are_words(words: Mapping[str, str]) -> bool:
    return all(_WORD.fullmatch(word) for word in words.values())
