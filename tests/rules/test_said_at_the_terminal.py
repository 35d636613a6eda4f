"""What commands print for people: whole in a pipe, folded between words at a terminal."""

import os
import pty
import struct
import subprocess
import sys
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSWINSZ

import pytest

from idp.cli.context import say

HOUSE = Path(__file__).resolve().parents[2]
URI = "https://visits.court.example.org/signin/callback"
ROWS = [
    {
        "client_id": "visits-of-prisons",
        "grants": ["authorization_code", "refresh_token"],
        "redirect_uris": [URI, f"{URI}/2"],
        "advice": "no [[directories]] has this id: look into the file, 院長",
    }
]


def test_what_stands_in_brackets_is_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    say([{"what": "no [[directories]] has this id"}], as_json=False)

    assert "no [[directories]] has this id" in capsys.readouterr().out


def test_a_pipe_gets_each_row_in_a_line_with_whole_values(
    capsys: pytest.CaptureFixture[str],
) -> None:
    say(ROWS, as_json=False)

    head, row = capsys.readouterr().out.splitlines()
    assert head.split() == list(ROWS[0])
    assert f"{URI}, {URI}/2" in row
    assert str(ROWS[0]["advice"]) in row
    assert head.index("redirect_uris") == row.index("https")


@pytest.mark.parametrize("columns", [60, 80, 100, 140, 400])
def test_a_terminal_folds_between_words_and_nowhere_else(columns: int) -> None:
    text = at_a_terminal(columns)

    words = set(text.split())
    assert {"visits-of-prisons", "authorization_code,", "refresh_token", f"{URI},"} <= words
    assert {f"{URI}/2", "[[directories]]"} <= words
    assert max(map(len, text.splitlines())) <= max(columns, len(URI) + 20)


def test_rows_without_columns_and_no_rows_at_all_are_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    say([], as_json=False)
    say([], as_json=False, columns=("check", "result"))

    assert capsys.readouterr().out.split() == ["check", "result"]


def at_a_terminal(columns: int) -> str:
    """Have the rows printed at a terminal of its own, so wide."""
    leader, follower = pty.openpty()
    ioctl(follower, TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    code = f"from idp.cli.context import say; say({ROWS!r}, as_json=False)"
    plain = {k: v for k, v in os.environ.items() if k not in {"COLUMNS", "LINES"}}
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=HOUSE,
        stdout=follower,
        env=plain | {"NO_COLOR": "1", "TERM": "dumb"},
        check=True,
    )
    os.close(follower)
    text = os.read(leader, 65_536).decode()
    os.close(leader)
    return text.replace("\r\n", "\n")
