"""Certificates of cards: what each kind says of its holder, and what is not believed (T62)."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardbridge.lab.holders import CITIZEN, DEMO, RARE_NAME
from cardbridge.lab.pki import LabPki
from idp.authenticators.card import certificate
from idp.authenticators.card.leaf import Leaf
from idp.authenticators.card.profiles import CardHolder, all_profiles, describe
from idp.authenticators.card.reasons import Flaw, Unfit


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> LabPki:
    folder: Path = tmp_path_factory.mktemp("certificates")
    return LabPki.create(folder, base_url="http://127.0.0.1:9")


@pytest.fixture(scope="module")
def citizen(pki: LabPki) -> bytes:
    return pki.issue("moica", CITIZEN, key="p256").sign.certificate


def held(profile: str, der: bytes) -> CardHolder | Unfit:
    leaf = certificate.read(der)
    return leaf if isinstance(leaf, Unfit) else describe(all_profiles()[profile], leaf)


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ("moica", CardHolder("moica", "林美玲", "1001120260000012", id_tail="7893")),
        (
            "moeaca",
            CardHolder(
                "moeaca",
                "測試股份有限公司",
                "12345675",
                uniform_number="12345675",
                rank="primary",
            ),
        ),
        (
            "xca",
            CardHolder(
                "xca",
                "社團法人測試協會",
                "2.16.886.119.90003.100001",
                organisation_oid="2.16.886.119.90003.100001",
                rank="primary",
            ),
        ),
        (
            "gca",
            CardHolder(
                "gca",
                "測試機關",
                "2.16.886.101.90001.20001",
                organisation_oid="2.16.886.101.90001.20001",
                rank="primary",
            ),
        ),
    ],
)
def test_each_kind_names_its_holder(pki: LabPki, profile: str, expected: CardHolder) -> None:
    card = pki.issue(profile, DEMO[profile], key="p256")

    assert held(profile, card.sign.certificate) == expected


def test_a_name_beyond_the_first_plane_is_whole(pki: LabPki) -> None:
    found = held("moica", pki.issue("moica", RARE_NAME, key="p256").sign.certificate)

    assert isinstance(found, CardHolder)
    assert found.name == "陳𠮷祥"


@pytest.mark.parametrize(
    ("variant", "flaw"),
    [
        ("encryption_only", Flaw.WRONG_PURPOSE),
        ("all_usages", Flaw.WRONG_PURPOSE),
        ("content_commitment", Flaw.WRONG_PURPOSE),
        ("server_purpose", Flaw.WRONG_PURPOSE),
        ("authority", Flaw.WRONG_PURPOSE),
        ("rsa1024", Flaw.WEAK_KEY),
        ("sha1", Flaw.WEAK_SIGNATURE),
        ("unknown_critical", Flaw.UNKNOWN_CRITICAL),
        ("wrong_policy", Flaw.WRONG_POLICY),
        ("no_policy", Flaw.WRONG_POLICY),
        ("no_attributes", Flaw.WRONG_HOLDER_TYPE),
        ("no_subject_type", Flaw.WRONG_HOLDER_TYPE),
        ("wrong_subject_type", Flaw.WRONG_HOLDER_TYPE),
        ("tail_of_letters", Flaw.WRONG_ATTRIBUTES),
        ("two_tails", Flaw.WRONG_ATTRIBUTES),
        ("tail_twice", Flaw.WRONG_ATTRIBUTES),
        ("no_tail", Flaw.WRONG_ATTRIBUTES),
    ],
)
def test_T62_what_is_not_as_the_profile_has_it_is_refused(
    pki: LabPki, variant: str, flaw: Flaw
) -> None:
    found = held("moica", pki.issue("moica", CITIZEN, variant=variant, key="p256").sign.certificate)

    assert isinstance(found, Unfit)
    assert found.flaw is flaw


def test_two_uniform_numbers_are_no_number(pki: LabPki) -> None:
    card = pki.issue("moeaca", DEMO["moeaca"], variant="number_mismatch", key="p256")

    assert held("moeaca", card.sign.certificate) == Unfit(Flaw.WRONG_ATTRIBUTES, "two numbers")


@pytest.mark.parametrize("variant", ["client_purpose", "printable_tail", "no_addresses"])
def test_what_a_profile_allows_is_read(pki: LabPki, variant: str) -> None:
    card = pki.issue("moica", CITIZEN, variant=variant, key="p256")

    assert isinstance(held("moica", card.sign.certificate), CardHolder)


def test_one_kind_is_not_taken_for_another(pki: LabPki) -> None:
    card = pki.issue("xca", DEMO["xca"], key="p256").sign.certificate

    assert isinstance(held("gca", card), Unfit)
    assert isinstance(held("moica", card), Unfit)


@pytest.mark.parametrize("tail", [b"\x00", b"\x30\x00", b"x" * certificate.LONGEST])
def test_nothing_may_follow_a_certificate(citizen: bytes, tail: bytes) -> None:
    found = certificate.read(citizen + tail)

    assert isinstance(found, Unfit)
    assert found.flaw is Flaw.MALFORMED


@settings(max_examples=300, deadline=None)
@given(position=st.integers(0, 2000), octet=st.integers(0, 255))
def test_a_changed_octet_is_never_more_than_another_certificate(
    citizen: bytes, position: int, octet: int
) -> None:
    at = position % len(citizen)
    changed = citizen[:at] + bytes([octet]) + citizen[at + 1 :]

    assert isinstance(certificate.read(changed), Leaf | Unfit)


@given(st.binary(max_size=400))
def test_no_bytes_are_more_than_unfit(anything: bytes) -> None:
    assert isinstance(certificate.read(anything), Unfit)


def test_a_real_kind_is_issued_by_somebody_known() -> None:
    for profile in all_profiles().values():
        assert profile.policies
        assert profile.hosts


@pytest.mark.parametrize("letter", ["\u202e", "\u2028", "\0", "\n", "\u200b", "\u00a0"])
def test_a_name_may_not_control_how_it_is_shown(pki: LabPki, letter: str) -> None:
    named = replace(CITIZEN, name=f"林{letter}美玲")

    found = certificate.read(pki.issue("moica", named, key="p256").sign.certificate)

    assert isinstance(found, Unfit)
    assert found.flaw is Flaw.MALFORMED
