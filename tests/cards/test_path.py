"""Whether an authority issued a card: two verifiers, one verdict (T62)."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from cardbridge.lab.generations import long_chain
from cardbridge.lab.holders import CITIZEN
from cardbridge.lab.pki import LabPki
from idp.authenticators.card import authority, certificate, path
from idp.authenticators.card.authority import Authority, NotAnAuthority
from idp.authenticators.card.leaf import Leaf
from idp.authenticators.card.reasons import Flaw

LEVEL_3 = frozenset({"2.16.886.101.0.3.3"})


def leaf(lab: LabPki, variant: str = "good", profile: str = "moica") -> Leaf:
    found = certificate.read(
        lab.issue(profile, CITIZEN, variant=variant, key="p256").sign.certificate
    )
    assert isinstance(found, Leaf)
    return found


def flaw(found: Leaf, issuer: Authority, now: datetime) -> Flaw | None:
    unfit = path.check(found, issuer, LEVEL_3, now)
    return unfit.flaw if unfit else None


def test_what_the_authority_issued_is_accepted(
    lab: LabPki, moica: Authority, now: datetime
) -> None:
    assert flaw(leaf(lab), moica, now) is None


@pytest.mark.parametrize("letter", ["𠮷", "𪜶", "𫟈", "𬺙", "𱎴", "鿦", "\ue000"])
def test_a_holder_may_have_a_name_of_letters_that_came_late(
    lab: LabPki, moica: Authority, now: datetime, letter: str
) -> None:
    """Those of Unicode 3.1, 5.2, 6.0, 8.0 and 15, one in the first plane, one of private use."""
    named = replace(CITIZEN, name=f"林{letter}玲")
    found = certificate.read(lab.issue("moica", named, key="p256").sign.certificate)

    assert isinstance(found, Leaf)
    assert flaw(found, moica, now) is None


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        ("expired", Flaw.EXPIRED),
        ("not_yet_valid", Flaw.NOT_YET_VALID),
        ("wrong_issuer", Flaw.WRONG_PATH),
        ("namesake", Flaw.WRONG_PATH),
        ("self_signed", Flaw.WRONG_PATH),
        ("wrong_policy", Flaw.WRONG_PATH),
    ],
)
def test_T62_what_it_did_not_issue_so_is_refused(
    lab: LabPki, moica: Authority, now: datetime, variant: str, expected: Flaw
) -> None:
    assert flaw(leaf(lab, variant), moica, now) is expected


def test_one_changed_octet_of_the_signature_is_enough(
    lab: LabPki, moica: Authority, now: datetime
) -> None:
    good = leaf(lab)
    broken = replace(good, der=good.der[:-1] + bytes([good.der[-1] ^ 1]))

    assert flaw(broken, moica, now) is Flaw.WRONG_PATH


def test_each_opinion_counts_alone(lab: LabPki, moica: Authority, now: datetime) -> None:
    namesake = leaf(lab, "namesake")

    assert path._by_pyhanko(namesake, moica, LEVEL_3, now)  # noqa: SLF001
    assert path._by_cryptography(namesake, moica, now)  # noqa: SLF001


def test_a_chain_that_leads_elsewhere_first_is_no_path(
    lab: LabPki, moica: Authority, now: datetime
) -> None:
    card = long_chain(lab, "moica", CITIZEN, length=5)
    found = certificate.read(card.sign.certificate)

    assert isinstance(found, Leaf)
    assert flaw(found, moica, now) is Flaw.WRONG_PATH


def test_nothing_of_an_expired_authority_is_taken(lab: LabPki, moica: Authority) -> None:
    good = leaf(lab)
    after = moica.certificate.not_valid_after_utc + timedelta(days=1)
    forever = replace(good, not_after=after + timedelta(days=1))

    assert flaw(forever, moica, after) is Flaw.WRONG_PATH


def test_what_was_proven_once_is_judged_anew_in_all_that_may_differ(
    lab: LabPki, moica: Authority, now: datetime
) -> None:
    good = leaf(lab)
    other = authority.read(lab.issuers["gca"], "gca")
    broken = replace(good, der=good.der[:-1] + bytes([good.der[-1] ^ 1]))
    assert flaw(good, moica, now) is None
    assert flaw(good, moica, now) is None

    assert flaw(good, moica, good.not_after + timedelta(seconds=1)) is Flaw.EXPIRED
    assert flaw(good, other, now) is Flaw.WRONG_PATH
    assert flaw(broken, moica, now) is Flaw.WRONG_PATH
    assert path.check(good, moica, frozenset({"2.16.886.101.0.3.0"}), now) is not None


@pytest.mark.parametrize("content", [b"", b"x", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_what_is_no_authority_is_not_installed(content: bytes) -> None:
    with pytest.raises(NotAnAuthority):
        authority.read(content, "moica")


def test_a_card_is_no_authority(lab: LabPki) -> None:
    with pytest.raises(NotAnAuthority):
        authority.read(lab.issue("moica", CITIZEN, key="p256").sign.certificate, "moica")


def test_an_authority_whose_name_has_a_part_of_a_wrong_type_is_none(lab: LabPki) -> None:
    """A bit string for a unit's name: well-formed, and refused only where the name is read."""
    whole = lab.issuers["moica"]
    unit = bytes.fromhex("060355040b0c")
    assert unit in whole

    with pytest.raises(NotAnAuthority):
        authority.read(whole.replace(unit, unit[:-1] + b"\x03"), "moica")
