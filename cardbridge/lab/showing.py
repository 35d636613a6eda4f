"""How the commands show cards: a table for people, plain values for programs."""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from cardbridge.lab.shelf import Shown

_HEAD = ("NAME", "HOLDER", "NUMBER", "KEY", "VARIANT", "PLACE", "STATUS", "UNTIL", "SERIAL")


def plain(shown: Shown) -> dict[str, object]:
    """Give one card as JSON can hold it; serials in hexadecimal."""
    return asdict(shown.card) | {
        "serials": [f"{one:x}" for one in shown.card.serials],
        "inserted": shown.inserted,
        "status": shown.status,
        "not_after": shown.not_after,
    }


def table(shown: Sequence[Shown]) -> Iterator[str]:
    """Give the lines of a table; nothing for no cards."""
    if not shown:
        return
    rows = [_HEAD, *map(_row, shown)]
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (text + " " * (wide - _width(text)) for text, wide in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def _row(one: Shown) -> tuple[str, ...]:
    card = one.card
    place = "reader" if one.inserted else "drawer"
    return (
        *(card.name, card.holder, card.identity, card.key, card.variant, place),
        *(one.status, one.not_after, f"{card.serials[0]:x}"),
    )


def _width(text: str) -> int:
    """Count the columns that a terminal gives to a text; an ideograph gets two."""
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text)
