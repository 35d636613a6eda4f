"""RFC 6238: its own test vectors, the window, and what people type."""

from datetime import UTC, datetime, timedelta

import pytest

from idp.authenticators import recovery_code, totp
from idp.secret import Secret

SECRET = Secret(b"12345678901234567890")
AT = datetime(2026, 11, 20, 6, 27, 15, tzinfo=UTC)
STEP = int(AT.timestamp()) // 30


@pytest.mark.parametrize(
    ("second", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_the_vectors_of_rfc_6238_appendix_b(second: int, code: str) -> None:
    assert totp.code_of(SECRET, second // 30) == code[-6:]  # it shows eight digits


@pytest.mark.parametrize("away", [-1, 0, 1])
def test_a_step_to_either_side_is_taken(away: int) -> None:
    assert totp.matching_step(SECRET, totp.code_of(SECRET, STEP + away), AT) == STEP + away


@pytest.mark.parametrize("away", [-3, -2, 2, 3])
def test_a_step_further_off_is_not(away: int) -> None:
    assert totp.matching_step(SECRET, totp.code_of(SECRET, STEP + away), AT) is None


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "\ud800", "１", "-00001"])
def test_what_is_no_code_is_wrong(typed: str) -> None:
    assert totp.matching_step(SECRET, totp.as_typed(typed), AT) is None


def test_digits_are_taken_as_people_type_them() -> None:
    assert totp.as_typed(" １２３ ４５６ ") == "123456"


def test_the_clock_may_be_just_before_a_step() -> None:
    edge = AT.replace(second=29, microsecond=999_999)

    assert totp.matching_step(SECRET, totp.code_of(SECRET, STEP), edge) == STEP
    later = totp.matching_step(SECRET, totp.code_of(SECRET, STEP), edge + timedelta(seconds=31))
    assert later is None


def test_a_recovery_code_is_read_in_any_dress() -> None:
    code = "ABCD2345WXYZ"

    for typed in ("ABCD-2345-WXYZ", "abcd 2345 wxyz", "ａｂｃｄ2345wxyz"):
        assert recovery_code.as_typed(typed) == code
    assert recovery_code.written(code) == "ABCD-2345-WXYZ"
