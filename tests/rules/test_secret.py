"""Minting, hashing, sealing and hiding."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.secret import (
    Keychain,
    SealBroken,
    Secret,
    dated_digest,
    digest,
    keychain,
    mint,
    mint_dated,
    new_id,
    system_entropy,
    well_formed,
)
from tests.clock import MovableClock


def test_a_secret_never_shows() -> None:
    hidden = Secret("hunter2")

    assert "hunter2" not in f"{hidden} {hidden!r} {[hidden]}"
    assert hidden.reveal() == "hunter2"


def test_O9_a_token_is_recognised_and_a_cut_or_changed_one_is_not() -> None:
    token = mint("pac", system_entropy)

    assert well_formed("pac", token)
    assert not well_formed("prt", token)
    assert not well_formed("pac", token[:-1])
    other = "B" if token[-7] == "A" else "A"
    assert not well_formed("pac", token[:-7] + other + token[-6:])


def test_O9_dated_tokens_are_kept_in_the_order_of_their_dates_and_are_none_the_weaker() -> None:
    clock = MovableClock()
    tokens: list[str] = []
    for _ in range(20):
        tokens.append(mint_dated("prt", clock(), system_entropy))
        clock.advance(timedelta(milliseconds=1))

    kept = [dated_digest(token) for token in tokens]

    assert all(well_formed("prt", token) for token in tokens)
    assert kept == sorted(kept)
    assert {len(one) for one in kept} == {32}
    of_one_instant = {mint_dated("prt", clock(), system_entropy) for _ in range(100)}
    assert len({dated_digest(token)[6:] for token in of_one_instant}) == 100
    changed = tokens[0][:-7] + ("B" if tokens[0][-7] == "A" else "A") + tokens[0][-6:]
    assert dated_digest(changed)[6:] != kept[0][6:]


def test_a_token_from_before_there_were_dates_is_found_by_its_digest() -> None:
    token = mint("prt", system_entropy)

    assert dated_digest(token) == digest(token)


@given(st.text())
def test_no_text_is_mistaken_for_a_token(text: str) -> None:
    assert not well_formed("pac", text)
    assert len(digest(text)) == len(dated_digest(text)) == 32


def test_what_is_sealed_opens_in_its_place_alone(keys: Keychain) -> None:
    seal = keys.seal("profile")
    closed = seal.close("王小明𠮷".encode(), place="accounts/1")

    assert seal.open(closed, place="accounts/1").decode() == "王小明𠮷"
    for broken, place in ((closed, "accounts/2"), (closed[:-1], "accounts/1"), (b"", "")):
        with pytest.raises(SealBroken):
            seal.open(broken, place=place)
    with pytest.raises(SealBroken):
        keys.seal("outbox").open(closed, place="accounts/1")


def test_purposes_never_share_a_key() -> None:
    chain = keychain(bytes(32))

    assert len({chain.key(purpose) for purpose in ("audit", "csrf", "captcha")}) == 3
    with pytest.raises(ValueError, match="32 bytes"):
        keychain(b"short")


def test_ids_sort_by_time(clock: MovableClock) -> None:
    from datetime import timedelta

    earlier = new_id(clock(), system_entropy)
    clock.advance(timedelta(milliseconds=1))

    assert earlier.version == 7
    assert earlier < new_id(clock(), system_entropy)
