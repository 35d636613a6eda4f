"""What the hash of an audit row covers, and that its format does not drift."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.audit import chain
from idp.audit.chain import Content
from idp.database.columns import UtcDateTime

KEY = bytes(range(32))
EPOCH, MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
CHAIN = UUID("01932d3c-7f00-7000-8000-000000000001")
ROW = Content(
    chain_id=CHAIN,
    seq=7,
    at=datetime(2026, 11, 20, 6, 27, 0, 250_000, UTC),
    event="session.ended",
    subject="s_ming",
    client_id="casequery",
    source="203.0.113.7",
    operator="",
    request_id="0123456789abcdef",
    data='{"session":"1","why":"logout"}',
)
PREVIOUS = bytes(32)
OTHER: dict[str, Any] = {
    "chain_id": UUID("01932d3c-7f00-7000-8000-000000000002"),
    "seq": 8,
    "at": datetime(2026, 11, 20, 6, 27, 0, 250_001, UTC),
}

instants = st.integers(0, (datetime(2100, 1, 1, tzinfo=UTC) - EPOCH) // MICROSECOND).map(
    lambda microseconds: EPOCH + microseconds * MICROSECOND
)
contents = st.builds(Content, at=instants, seq=st.integers(1, 3), chain_id=st.just(CHAIN))


@pytest.mark.parametrize("field", Content.__struct_fields__)
def test_T74_every_field_is_under_the_hash(field: str) -> None:
    changed = msgspec.structs.replace(ROW, **{field: OTHER.get(field, "another")})

    assert chain.link(KEY, PREVIOUS, changed) != chain.link(KEY, PREVIOUS, ROW)


def test_T74_so_are_the_row_before_and_the_key() -> None:
    links = {
        chain.link(KEY, PREVIOUS, ROW),
        chain.link(KEY, bytes([1] * 32), ROW),
        chain.link(bytes(32), PREVIOUS, ROW),
    }

    assert len(links) == 3


@given(one=contents, other=contents)
def test_T74_two_rows_that_differ_never_read_alike(one: Content, other: Content) -> None:
    alike = chain.link(KEY, PREVIOUS, one) == chain.link(KEY, PREVIOUS, other)

    assert alike == (one == other)


def test_T74_text_moved_to_the_neighbouring_field_is_another_row() -> None:
    one = msgspec.structs.replace(ROW, source='a","b', operator="")
    other = msgspec.structs.replace(ROW, source="a", operator='b","')

    assert chain.link(KEY, PREVIOUS, one) != chain.link(KEY, PREVIOUS, other)


def test_no_two_chains_begin_alike() -> None:
    begins = {
        chain.first_link(KEY, CHAIN),
        chain.first_link(KEY, OTHER["chain_id"]),
        chain.first_link(bytes(32), CHAIN),
    }

    assert len(begins) == 3


def test_rows_written_by_an_earlier_version_still_verify() -> None:
    first = chain.first_link(KEY, CHAIN)

    linked = chain.link(KEY, first, ROW)

    assert first.hex() == "890a5752823023026bc17d79993bab22e96d163326f4fd758080cc802e3a594d"
    assert linked.hex() == "14c3bf84a574e9c15c6976fa02fa223b72b00b9cab4f21ac971ae7fdf9883f14"


@given(instant=instants)
def test_an_instant_comes_back_from_the_database_to_the_microsecond(instant: datetime) -> None:
    stored = UtcDateTime()

    written = stored.process_bind_param(instant, None)  # type: ignore[arg-type]

    assert stored.process_result_value(written, None) == instant  # type: ignore[arg-type]
