"""What a ticket's PAC says of whom it is for, in bytes that anybody may have made."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.authenticators.directory.pac import Named, Unreadable, read, written

SID = bytes.fromhex("0105000000000005150000008cbcc5d326910ab2a57800754f040000")
REAL = bytes.fromhex(
    "2400180014004000020000000e0058001c00660000000000770061006e0067002e0064006d0040006300"
    "6f007500720074002e0074006500730074000000000043004f005500520054002e005400450053005400"
    "00000000770061006e0067002e0064006d000105000000000005150000008cbcc5d326910ab2a5780075"
    "4f040000000000000000"
)
"""As a domain controller of Samba 4.17 has signed it."""


def info(account: bytes = "王".encode("utf-16-le"), sid: bytes = SID, flags: int = 2) -> bytes:
    """Write the structure with nothing in it but an account and a SID."""
    head = struct.pack("<HHHHI", 0, 0, 0, 0, flags)
    return (
        head + struct.pack("<HHHH", len(account), 20, len(sid), 20 + len(account)) + account + sid
    )


def sid(*numbers: int, revision: int = 1, authority: int = 5, count: int | None = None) -> bytes:
    said = len(numbers) if count is None else count
    head = bytes([revision, said]) + authority.to_bytes(6, "big")
    return head + struct.pack(f"<{len(numbers)}I", *numbers)


def test_the_account_and_its_sid_are_read_from_what_a_domain_controller_wrote() -> None:
    assert read(REAL) == Named(SID, "wang.dm")
    assert written(SID) == "S-1-5-21-3552951436-2987036966-1962965157-1103"


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        pytest.param(b"", "too short", id="nothing at all"),
        pytest.param(REAL[:19], "too short", id="cut off in its head"),
        pytest.param(info(flags=1), "without a SID", id="of a domain controller before 2021"),
        pytest.param(REAL[:-10], "not the SID", id="cut off in the SID"),
        pytest.param(info(sid=sid(32, 544)), "not the SID", id="the administrators' group"),
        pytest.param(info(sid=sid(21, 1, authority=1)), "not the SID", id="another authority"),
        pytest.param(info(sid=sid(21, 1, 2, revision=2)), "not the SID", id="another revision"),
        pytest.param(info(sid=sid(21, 1, 2, count=4)), "not the SID", id="fewer numbers than said"),
        pytest.param(info(sid=sid(21, 1, 2, count=2)), "not the SID", id="more numbers than said"),
        pytest.param(info(sid=sid(*[21] * 16)), "not the SID", id="too many numbers"),
        pytest.param(info(sid=b""), "not the SID", id="an empty SID"),
        pytest.param(info(account=b""), "account's name", id="an empty name"),
        pytest.param(info(account=b"a"), "account's name", id="half a letter"),
        pytest.param(info(account=b"\x00\xd8"), "account's name", id="half a pair"),
        pytest.param(info(account=b"a\0\0\0"), "account's name", id="NUL in the name"),
        pytest.param(info(account=b"a\0" * 257), "account's name", id="a name too long"),
    ],
)
def test_what_names_nobody_is_refused_in_words(wrong: bytes, why: str) -> None:
    refused = read(wrong)

    assert isinstance(refused, Unreadable)
    assert why in refused.why


def test_a_part_may_not_lie_in_the_head() -> None:
    """Else the lengths themselves could be read as a name."""
    over_itself = struct.pack("<HHHHIHHHH", 0, 0, 0, 0, 2, 4, 0, len(SID), 20) + SID

    assert isinstance(read(over_itself), Unreadable)


def _judge(found: Named | Unreadable) -> None:
    if isinstance(found, Named):
        assert found.account
        assert written(found.sid).startswith("S-1-5-21-")
    else:
        assert found.why


@given(st.binary(max_size=400))
def test_any_bytes_give_a_name_or_a_refusal(anything: bytes) -> None:
    _judge(read(anything))


@given(st.binary(max_size=8), st.integers(0, len(REAL)), st.integers(0, 40))
def test_so_does_anything_like_the_real_one(put_in: bytes, start: int, length: int) -> None:
    _judge(read(REAL[:start] + put_in + REAL[start + length :]))


@given(
    st.text(st.characters(codec="utf-16-le", categories=("L", "N", "P")), min_size=1, max_size=20),
    st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=14),
)
def test_every_account_that_a_domain_can_have_is_read_as_it_is(
    account: str, numbers: list[int]
) -> None:
    its = sid(21, *numbers)

    assert read(info(account.encode("utf-16-le"), its)) == Named(its, account)
