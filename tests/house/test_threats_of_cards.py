"""Every threat to a sign-in by card has tests, and they exist."""

import pytest

from tests.labs import threats
from tests.labs.threats import Threat

IDS = [*(f"T{number}" for number in range(56, 65)), "D13", "D14"]


@pytest.mark.parametrize("row", threats.threats(), ids=lambda row: row.id or row.threat[:40])
def test_a_threat_has_tests_that_exist(row: Threat) -> None:
    shown = threats.shown_by(row)

    assert set(shown) <= threats.tests(), "no such test"
    assert bool(shown) != row.out_of_scope


def test_every_attack_and_drill_on_cards_is_a_row() -> None:
    assert [row.id for row in threats.threats() if row.id] == IDS
