"""The presets' accept and reject tables (security.md section 1.5: N1 to N3, P1, P2, P5)."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.authenticators.password.known import known_passwords, strength
from idp.authenticators.password.policy import (
    PRESETS,
    Weakness,
    chosen,
    weaknesses,
)
from idp.config import Config, ConfigError, PasswordSection, load

KNOWN = frozenset({"password", "iloveyou", "letmeinletmein"})
WORDS = ("CHEN2026", "陳美玲", "mei.chen@people.example")


def judged(preset: str, password: str) -> set[Weakness]:
    return set(weaknesses(PRESETS[preset], password, WORDS, KNOWN))


@pytest.mark.parametrize(
    ("preset", "password", "wrong"),
    [
        ("modern", "", {Weakness.EMPTY}),
        ("modern", "紅橙黃綠藍靛紫紅橙黃綠藍靛紫", {Weakness.TOO_SHORT}),
        ("modern", "紅橙黃綠藍靛紫紅橙黃綠藍靛紫天", set()),
        ("modern", "blue heron over water", set()),
        ("modern", "   spaces all around   ", set()),
        ("modern", "e\u0301" * 15, {Weakness.KNOWN}),
        ("modern", "iloveyouiloveyou", {Weakness.KNOWN}),
        ("modern", "Password1234567!", {Weakness.KNOWN}),
        ("modern", "aaaaaaaaaaaaaaaaaaaa", {Weakness.KNOWN}),
        ("modern", "mei.chen12345678", {Weakness.ABOUT_YOU}),
        ("modern", "CHEN2026CHEN2026", {Weakness.ABOUT_YOU}),
        ("modern", "x" * 100 + "yz" * 14, set()),
        ("modern", "xyz" * 43, {Weakness.TOO_LONG}),
        ("tw-gov-internal", "blue heron over water", {Weakness.TOO_FEW_KINDS}),
        ("tw-gov-internal", "Blue heron over 7", set()),
        ("tw-gov-internal", "Blue heron", {Weakness.TOO_SHORT}),
        ("seed-compat", "Ab1!efgh", set()),
        ("seed-compat", "blue heron over the quiet water", set()),
        ("seed-compat", "Ab1!efg", {Weakness.TOO_SHORT}),
    ],
)
def test_P1_each_preset_takes_and_refuses(preset: str, password: str, wrong: set[Weakness]) -> None:
    assert judged(preset, password) == wrong


@given(st.text(min_size=64, max_size=64, alphabet=st.characters(exclude_categories=["Cs"])))
def test_P2_no_preset_refuses_sixty_four_characters_for_their_length(password: str) -> None:
    for preset in PRESETS:
        assert Weakness.TOO_LONG not in judged(preset, password)


@given(st.text())
def test_any_text_is_judged(password: str) -> None:
    for preset in PRESETS:
        assert isinstance(judged(preset, password), set)


def test_two_spellings_of_one_password_are_judged_alike() -> None:
    composed, decomposed = "café au lait matin", "cafe\u0301 au lait matin"

    assert judged("modern", composed) == judged("modern", decomposed) == set()


def test_P3_a_short_maximum_cannot_be_set_silently() -> None:
    environment = {"PORTICO__PASSWORD__MAXIMUM_LENGTH": "12"}
    with pytest.raises(ConfigError, match="accept_unsafe_policy"):
        load(None, environment)

    loud = load(None, environment | {"PORTICO__PASSWORD__ACCEPT_UNSAFE_POLICY": "true"})
    assert chosen(loud.password, staff=False).maximum == 12


def test_staff_have_a_policy_of_their_own() -> None:
    section = Config().password

    assert chosen(section, staff=False) == PRESETS["modern"]
    assert chosen(section, staff=True) == PRESETS["tw-gov-internal"]
    assert chosen(section, staff=True).max_age == timedelta(days=90)
    longer = PasswordSection(minimum_length=20)
    assert chosen(longer, staff=False) == replace(PRESETS["modern"], minimum=20)


def test_the_shipped_list_holds_what_attackers_try() -> None:
    known = known_passwords()

    assert len(known) >= 30_000
    assert {"password", "123456", "qwerty"} <= known


def test_strength_is_a_help_from_nought_to_four() -> None:
    assert strength("", []) == 0
    assert strength("password", []) == 0
    assert strength("blue heron over quiet water", []) == 4
    assert strength("chenmeiling", ["chenmeiling"]) == 0
