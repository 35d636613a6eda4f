"""Whose a card is, and which card is the renewal of another: each rule and each near miss."""

from dataclasses import replace

import pytest

from idp.authenticators.card.ownership import Doubt, Earlier, Mismatch, Owner, doubt, mismatch
from idp.authenticators.card.profiles import CardHolder

LIN = CardHolder("moica", "林美玲", "1001120260000012", id_tail="7893")
HER_ACCOUNT = Owner(
    is_organisation=False,
    name="林美玲",
    national_id="A234567893",
    cards=[Earlier("moica", "1001120260000012", "")],
)
FIRM = CardHolder(
    "moeaca", "測試股份有限公司", "12345675", uniform_number="12345675", rank="primary"
)
ITS_ACCOUNT = Owner(
    is_organisation=True,
    name="測試股份有限公司",
    uniform_number="12345675",
    cards=[Earlier("moeaca", "12345675", "primary")],
)
AGENCY = CardHolder("gca", "測試機關", "2.16.886.101.1", organisation_oid="2.16.886.101.1")
AGENCY_ACCOUNT = Owner(
    is_organisation=True, name="測試機關", cards=[Earlier("gca", "2.16.886.101.1", "")]
)


@pytest.mark.parametrize(
    ("holder", "owner"),
    [
        pytest.param(LIN, HER_ACCOUNT, id="the same person"),
        pytest.param(LIN, replace(HER_ACCOUNT, cards=[]), id="her first card"),
        pytest.param(LIN, replace(HER_ACCOUNT, national_id=""), id="no number on record"),
        pytest.param(
            replace(LIN, profile_id="xca", subject_number="1001120260000099"),
            HER_ACCOUNT,
            id="her first card of another authority",
        ),
        pytest.param(replace(LIN, name=" 林美玲 "), HER_ACCOUNT, id="a name with blanks around it"),
        pytest.param(
            replace(LIN, name="ＡＮＮ Lin"),
            replace(HER_ACCOUNT, name="Ann  lin"),
            id="a name in full width and other capitals",
        ),
        pytest.param(FIRM, ITS_ACCOUNT, id="the same firm"),
        pytest.param(replace(FIRM, rank="secondary"), ITS_ACCOUNT, id="the firm's second card"),
        pytest.param(AGENCY, AGENCY_ACCOUNT, id="the same agency"),
    ],
)
def test_P41_a_card_of_the_owner_may_be_added(holder: CardHolder, owner: Owner) -> None:
    assert mismatch(holder, owner) is None


@pytest.mark.parametrize(
    ("holder", "owner", "why"),
    [
        (replace(LIN, name="林美鈴"), HER_ACCOUNT, Mismatch.NAME),
        (replace(LIN, name="林美玲子"), HER_ACCOUNT, Mismatch.NAME),
        (replace(LIN, id_tail="7894"), HER_ACCOUNT, Mismatch.NATIONAL_ID),
        (replace(LIN, subject_number="1001120260000099"), HER_ACCOUNT, Mismatch.HOLDER),
        (LIN, replace(HER_ACCOUNT, is_organisation=True), Mismatch.KIND),
        (FIRM, replace(ITS_ACCOUNT, is_organisation=False), Mismatch.KIND),
        (replace(FIRM, name="測試有限公司"), ITS_ACCOUNT, Mismatch.NAME),
        (
            replace(FIRM, uniform_number="04595257", subject_number="04595257"),
            ITS_ACCOUNT,
            Mismatch.UNIFORM_NUMBER,
        ),
        (
            replace(FIRM, uniform_number="04595257", subject_number="04595257"),
            replace(ITS_ACCOUNT, uniform_number=""),
            Mismatch.ORGANISATION,
        ),
        (
            replace(AGENCY, organisation_oid="2.16.886.101.2", subject_number="2.16.886.101.2"),
            AGENCY_ACCOUNT,
            Mismatch.ORGANISATION,
        ),
    ],
)
def test_P41_a_card_of_another_is_refused_and_it_is_said_why(
    holder: CardHolder, owner: Owner, why: Mismatch
) -> None:
    assert mismatch(holder, owner) is why
    assert doubt(holder, owner) is not None


@pytest.mark.parametrize(("holder", "owner"), [(LIN, HER_ACCOUNT), (FIRM, ITS_ACCOUNT)])
def test_a_card_that_agrees_in_everything_is_a_renewal(holder: CardHolder, owner: Owner) -> None:
    assert doubt(holder, owner) is None


@pytest.mark.parametrize(
    ("holder", "owner", "why"),
    [
        pytest.param(
            replace(LIN, subject_number="1001120260000013"),
            HER_ACCOUNT,
            Doubt.NO_EARLIER_CARD,
            id="another number",
        ),
        pytest.param(
            replace(LIN, profile_id="xca"),
            HER_ACCOUNT,
            Doubt.NO_EARLIER_CARD,
            id="the number of another authority",
        ),
        pytest.param(
            LIN, replace(HER_ACCOUNT, cards=[]), Doubt.NO_EARLIER_CARD, id="no card before"
        ),
        pytest.param(replace(LIN, name="林美麗"), HER_ACCOUNT, Mismatch.NAME, id="another name"),
        pytest.param(
            replace(LIN, id_tail="0000"), HER_ACCOUNT, Mismatch.NATIONAL_ID, id="another tail"
        ),
        pytest.param(
            LIN,
            replace(HER_ACCOUNT, national_id=""),
            Doubt.NUMBER_NOT_ON_RECORD,
            id="nothing that the tail could agree with",
        ),
        pytest.param(
            replace(LIN, rank="mobile"),
            HER_ACCOUNT,
            Doubt.OTHER_RANK,
            id="the telephone's certificate is none of the card",
        ),
        pytest.param(
            replace(FIRM, rank="secondary"),
            ITS_ACCOUNT,
            Doubt.OTHER_RANK,
            id="a colleague's card",
        ),
        pytest.param(
            replace(FIRM, rank="secondary"),
            replace(ITS_ACCOUNT, cards=[Earlier("moeaca", "12345675", "secondary")]),
            Doubt.SECONDARY_CARD,
            id="one secondary card for another",
        ),
        pytest.param(
            AGENCY, AGENCY_ACCOUNT, Doubt.SECONDARY_CARD, id="a card of an agency, of no rank"
        ),
    ],
)
def test_a_near_miss_is_no_renewal(holder: CardHolder, owner: Owner, why: Doubt | Mismatch) -> None:
    assert doubt(holder, owner) is why
