"""What commands print for people."""

import pytest

from idp.cli.context import say


def test_what_stands_in_brackets_is_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    say([{"what": "no [[directories]] has this id"}], as_json=False)

    assert "no [[directories]] has this id" in capsys.readouterr().out
