"""Tables for people: folded between words at a terminal, and not at all in a pipe or a file.

What is read here is typed or pasted elsewhere, or picked out by another program: nothing is cut
off, and no value is broken where it has no space. Where a terminal is too narrow for that, each
row is a block of lines.
"""

import shutil
import sys
import textwrap
from collections.abc import Sequence

import click
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

_GAP = 2
_NARROWEST = 20


def show(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows below a head."""
    least = [max(map(_longest_word, cells)) for cells in zip(head, *rows, strict=True)]
    most = [max(map(cell_len, cells)) for cells in zip(head, *rows, strict=True)]
    if not sys.stdout.isatty():
        _table(head, rows, most)
        return
    space = shutil.get_terminal_size().columns
    room = space - _GAP * (len(head) - 1)
    if sum(least) <= room:
        _table(head, rows, _shared(least, most, room))
    else:
        _blocks(head, rows, space)


def _shared(least: Sequence[int], most: Sequence[int], room: int) -> list[int]:
    """Share the room out: what wants little more has it whole, the rest evenly."""
    widths, left = list(least), room - sum(least)
    wanting = sorted(range(len(widths)), key=lambda one: most[one] - least[one])
    for done, one in enumerate(wanting):
        more = min(most[one] - least[one], left // (len(wanting) - done))
        widths[one] += more
        left -= more
    return widths


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int]) -> None:
    columns = [Column(escape(name), width=of) for name, of in zip(head, widths, strict=True)]
    # Inner gaps alone: what is whole at a terminal must not be one cell too wide for it.
    table = Table(*columns, box=None, header_style="bold", padding=(0, _GAP, 0, 0), pad_edge=False)
    for row in rows:
        table.add_row(*map(escape, row))
    # Without a height, too, a terminal that calls itself dumb is taken to be 80 wide.
    Console(width=sum(widths) + _GAP * len(widths), height=1).print(table)


def _blocks(head: Sequence[str], rows: Sequence[Sequence[str]], space: int) -> None:
    margin = max(map(cell_len, head)) + _GAP
    for number, row in enumerate(rows):
        if number:
            click.echo()
        for name, value in zip(head, row, strict=True):
            lines = textwrap.wrap(
                value,
                max(space - margin, _NARROWEST),
                break_long_words=False,
                break_on_hyphens=False,
            )
            for at, line in enumerate(lines or [""]):
                title = "" if at else name
                click.echo(f"{title}{' ' * (margin - cell_len(title))}{line}".rstrip())


def _longest_word(text: str) -> int:
    return max(map(cell_len, text.split()), default=0)
