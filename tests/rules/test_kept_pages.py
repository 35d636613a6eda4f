"""Pages kept without what is one browser's own."""

import pytest

from idp.web.kept import Kept

MINE = {"journey": "j" * 43, "csrf": "c" * 43}
YOURS = {"journey": "J" * 43, "csrf": "C" * 43}


def page_of(words: dict[str, str]) -> str:
    journey, csrf = words["journey"], words["csrf"]
    return f'<a href="?journey={journey}"></a><input value="{csrf}"><a href="?journey={journey}">'


def test_the_next_browser_reads_its_own_words_in_every_place() -> None:
    kept = Kept()
    kept.keep("key", page_of(MINE), MINE)

    assert kept.filled("key", YOURS) == page_of(YOURS)


def test_nothing_of_the_first_browser_is_kept() -> None:
    kept = Kept()
    kept.keep("key", page_of(MINE), MINE)

    assert not any(word in repr(vars(kept)) for word in MINE.values())


@pytest.mark.parametrize("odd", ["short", "<" * 43, '"' + "a" * 43, "a" * 43 + "\n", ""])
def test_a_word_that_would_have_to_be_escaped_or_cannot_be_told_is_left_to_the_template(
    odd: str,
) -> None:
    kept = Kept()
    kept.keep("key", page_of(MINE), MINE)
    kept.keep("other", page_of(MINE | {"csrf": odd}), MINE | {"csrf": odd})

    assert kept.filled("key", YOURS | {"csrf": odd}) is None
    assert not kept.has("other")


def test_however_many_apps_there_are_no_more_than_so_many_pages_are_kept() -> None:
    kept = Kept()

    for number in range(1000):
        kept.keep(number, page_of(MINE), MINE)

    assert sum(kept.has(number) for number in range(1000)) <= 256
    assert kept.has(999)
