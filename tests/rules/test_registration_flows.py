"""Which step of a registration is open: an open step always has all it needs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.authenticators.card.profiles import all_profiles
from idp.registration.flows import (
    TRACKS,
    Entry,
    ProofKind,
    Step,
    Track,
    may_do,
    named,
    next_open,
    of_card,
    open_tracks,
    redo,
    steps_of,
)

tracks = st.sampled_from(sorted(TRACKS.values(), key=lambda one: one.id))
done_steps = st.frozensets(st.sampled_from(Step))


@given(tracks, done_steps)
def test_the_open_step_may_be_done_and_no_later_one(track: Track, done: frozenset[Step]) -> None:
    steps = steps_of(track)
    step = next_open(track, done)

    if step is None:
        assert set(steps) <= done
        return
    assert may_do(track, done, step)
    for later in steps[steps.index(step) + 1 :]:
        assert not may_do(track, done, later)


@given(tracks, done_steps, st.sampled_from(Step))
def test_doing_a_step_again_undoes_what_stands_on_it(
    track: Track, done: frozenset[Step], step: Step
) -> None:
    steps = steps_of(track)
    if step not in steps:
        assert not may_do(track, done, step)
        return
    after = redo(track, done, step)

    assert step in after
    assert not after & set(steps[steps.index(step) + 1 :])
    assert after - {step} <= done


def test_the_details_stand_between_the_terms_and_the_mail() -> None:
    track = TRACKS["uncertified"]

    assert steps_of(track) == (Step.TERMS, Step.DETAILS, Step.EMAIL, Step.CHECK)
    assert not may_do(track, {Step.TERMS}, Step.PROOF)


@pytest.mark.parametrize("track", TRACKS.values(), ids=lambda one: one.id)
def test_a_track_that_begins_with_a_proof_has_its_step(track: Track) -> None:
    begins_with_proof = track.proof in {ProofKind.CARD, ProofKind.DIRECTORY}

    assert (Step.PROOF in steps_of(track)) == begins_with_proof


def test_only_what_can_be_proven_today_is_open() -> None:
    assert [track.id for track in open_tracks()] == [
        "uncertified", "citizen", "organisation", "judge",
    ]  # fmt: skip


def test_a_card_opens_the_kind_of_account_of_its_profile() -> None:
    opened = {one.id: of_card(one.account_kind) for one in all_profiles().values()}

    assert {name: track.id if track else None for name, track in opened.items()} == {
        "moica": "citizen",
        "moeaca": "organisation",
        "xca": "organisation",
        "gca": "organisation",
    }
    assert of_card("lawyer") is None


def test_a_word_of_an_address_stands_for_a_kind_or_for_some() -> None:
    assert [track.id for track in named("citizen")] == ["citizen"]
    assert [track.id for track in named("card")] == ["citizen", "organisation"]
    assert named("nobody") == named("") == []
    assert all(named(entry) for entry in Entry)
