"""The decision table of ``idp.signin.journey``: no database, no Flask, microseconds."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from idp.consent.model import Permission
from idp.signin.journey import (
    ACR_OUT_OF_REACH,
    KIND_NOT_ALLOWED,
    Answer,
    AskConsent,
    AskDirectory,
    Asked,
    AskForCard,
    AskSecondFactor,
    AskToEnrol,
    AskToRegister,
    AskToSignIn,
    Known,
    Refuse,
    Step,
    next_step,
)

NOW = datetime(2026, 11, 20, 6, 27, tzinfo=UTC)
OPENID = Permission(frozenset({"openid"}))
WITH_MAIL = Permission(frozenset({"openid", "email"}))

PLAIN = Asked(asked_at=NOW, permission=OPENID)
TEN_MINUTES_IN = Known(
    subject="s_ming",
    kind="citizen",
    acrs=frozenset({"password"}),
    authenticated_at=NOW - timedelta(minutes=10),
    consented=OPENID,
)
MFA = frozenset({"mfa"})
WITH_AN_APP = replace(TEN_MINUTES_IN, acrs_within_reach=MFA)
HALF = replace(WITH_AN_APP, is_whole=False)
RAISED = replace(TEN_MINUTES_IN, acrs=frozenset({"password", "mfa"}), two_factors=True)
JUST_NOW = replace(TEN_MINUTES_IN, authenticated_at=NOW)
CARD = frozenset({"card"})
FOR_CARD = replace(PLAIN, card_acr=frozenset({"card", "unchecked"}), essential_acr=CARD)
LIKES_CARD = replace(FOR_CARD, essential_acr=frozenset(), preferred_acr=("card", "mfa"))
WITH_A_CARD = replace(TEN_MINUTES_IN, acrs_by_card=frozenset({"card", "unchecked", "mfa"}))
TICKETS = replace(PLAIN, ticket_acr=frozenset({"ticket", "password"}))
BY_TICKET = replace(JUST_NOW, kind="judge", acrs=TICKETS.ticket_acr, is_of_ticket=True)
LED = AskToSignIn(ticket_will_do=True)
UNCHECKED = replace(WITH_A_CARD, acrs=frozenset({"unchecked", "password"}), is_of_card=True)


@pytest.mark.parametrize(
    ("asked", "known", "then"),
    [
        pytest.param(PLAIN, None, AskToSignIn(), id="nobody is signed in"),
        pytest.param(PLAIN, TEN_MINUTES_IN, Answer(), id="all is on record"),
        pytest.param(
            replace(PLAIN, permission=WITH_MAIL),
            TEN_MINUTES_IN,
            AskConsent(),
            id="a scope never agreed to",
        ),
        pytest.param(
            replace(PLAIN, permission=Permission(OPENID.scopes, frozenset({"https://r.example"}))),
            TEN_MINUTES_IN,
            AskConsent(),
            id="a resource never agreed to",
        ),
        pytest.param(
            replace(PLAIN, permission=WITH_MAIL),
            replace(TEN_MINUTES_IN, given=OPENID),
            AskConsent(),
            id="more than was agreed to on the way",
        ),
        pytest.param(
            replace(PLAIN, permission=WITH_MAIL),
            replace(TEN_MINUTES_IN, given=WITH_MAIL),
            Answer(),
            id="agreed to on the way",
        ),
        pytest.param(
            replace(PLAIN, permission=Permission(OPENID.scopes, details=frozenset({"{}"}))),
            replace(TEN_MINUTES_IN, given=OPENID),
            AskConsent(),
            id="details that were not agreed to",
        ),
        pytest.param(
            replace(PLAIN, permission=WITH_MAIL, skips_consent=True),
            TEN_MINUTES_IN,
            Answer(),
            id="a first-party app asks nobody",
        ),
        pytest.param(
            replace(PLAIN, prompt=frozenset({"consent"})),
            TEN_MINUTES_IN,
            AskConsent(),
            id="consent wanted anew",
        ),
        pytest.param(
            replace(PLAIN, prompt=frozenset({"consent"})),
            replace(TEN_MINUTES_IN, given=OPENID),
            Answer(),
            id="consent wanted anew, and given",
        ),
        pytest.param(
            replace(PLAIN, max_age=timedelta(minutes=9)),
            TEN_MINUTES_IN,
            AskToSignIn(again=True),
            id="signed in too long ago",
        ),
        pytest.param(
            replace(PLAIN, max_age=timedelta(minutes=10)),
            TEN_MINUTES_IN,
            Answer(),
            id="signed in just recently enough",
        ),
        pytest.param(
            replace(PLAIN, max_age=timedelta()),
            JUST_NOW,
            Answer(),
            id="max_age=0 and signed in for it",
        ),
        pytest.param(
            replace(PLAIN, prompt=frozenset({"login"})),
            TEN_MINUTES_IN,
            AskToSignIn(again=True),
            id="sign-in wanted anew",
        ),
        pytest.param(
            replace(PLAIN, prompt=frozenset({"login"})),
            JUST_NOW,
            Answer(),
            id="sign-in wanted anew, and done",
        ),
        pytest.param(
            replace(PLAIN, subject="s_other"),
            TEN_MINUTES_IN,
            AskToSignIn(again=True),
            id="the hint names another",
        ),
        pytest.param(
            replace(PLAIN, subject="s_ming"), TEN_MINUTES_IN, Answer(), id="the hint names them"
        ),
        pytest.param(
            replace(PLAIN, account_kinds=frozenset({"lawyer"})),
            TEN_MINUTES_IN,
            Refuse(KIND_NOT_ALLOWED),
            id="P33 an app for lawyers",
        ),
        pytest.param(
            replace(PLAIN, essential_acr=frozenset({"card"})),
            TEN_MINUTES_IN,
            Refuse(ACR_OUT_OF_REACH),
            id="a card is essential",
        ),
        pytest.param(
            replace(PLAIN, essential_acr=MFA),
            WITH_AN_APP,
            AskSecondFactor(),
            id="two factors are essential, and within reach",
        ),
        pytest.param(
            replace(PLAIN, essential_acr=MFA),
            TEN_MINUTES_IN,
            Refuse(ACR_OUT_OF_REACH),
            id="two factors are essential, and there is one",
        ),
        pytest.param(
            replace(PLAIN, essential_acr=MFA), RAISED, Answer(), id="two factors were shown"
        ),
        pytest.param(
            replace(PLAIN, essential_acr=frozenset({"password"})),
            RAISED,
            Answer(),
            id="more was shown than is essential",
        ),
        pytest.param(
            replace(PLAIN, preferred_acr=("mfa",)),
            WITH_AN_APP,
            AskSecondFactor(),
            id="two factors are wished for, and within reach",
        ),
        pytest.param(
            replace(PLAIN, preferred_acr=("mfa",)),
            TEN_MINUTES_IN,
            Answer(),
            id="a wish that cannot be granted",
        ),
        pytest.param(
            replace(PLAIN, preferred_acr=("card", "mfa", "password")),
            WITH_AN_APP,
            AskSecondFactor(),
            id="the best of what can be had",
        ),
        pytest.param(
            replace(PLAIN, preferred_acr=("password", "mfa")),
            WITH_AN_APP,
            Answer(),
            id="a password is preferred",
        ),
        pytest.param(
            replace(PLAIN, preferred_acr=("mfa",)), RAISED, Answer(), id="a wish granted before"
        ),
        pytest.param(
            replace(PLAIN, demands_second_factor=True),
            WITH_AN_APP,
            AskSecondFactor(),
            id="the app demands a second factor",
        ),
        pytest.param(
            replace(PLAIN, demands_second_factor=True),
            TEN_MINUTES_IN,
            AskToEnrol(),
            id="the app demands what there is not yet",
        ),
        pytest.param(
            replace(PLAIN, demands_second_factor=True), RAISED, Answer(), id="the app has it"
        ),
        pytest.param(
            replace(PLAIN, demands_second_factor=True, essential_acr=frozenset({"card"})),
            RAISED,
            Refuse(ACR_OUT_OF_REACH),
            id="a demand of the app does not stand for that of the request",
        ),
        pytest.param(PLAIN, WITH_AN_APP, Answer(), id="nobody wants the second factor"),
        pytest.param(PLAIN, HALF, AskSecondFactor(), id="the owner always wants it"),
        pytest.param(
            replace(PLAIN, permission=WITH_MAIL),
            HALF,
            AskSecondFactor(),
            id="nobody consents before the second factor",
        ),
        pytest.param(
            replace(PLAIN, prompt=frozenset({"login"})),
            HALF,
            AskToSignIn(again=True),
            id="a half sign-in is no fresher than its password",
        ),
        pytest.param(
            replace(PLAIN, account_kinds=frozenset({"lawyer"})),
            HALF,
            Refuse(KIND_NOT_ALLOWED),
            id="a second factor would not help",
        ),
        pytest.param(FOR_CARD, None, AskForCard(), id="a card is essential, nobody is signed in"),
        pytest.param(LIKES_CARD, None, AskForCard(), id="a card is wished for before all"),
        pytest.param(
            replace(LIKES_CARD, preferred_acr=("mfa", "card")),
            None,
            AskToSignIn(),
            id="a card is wished for after something else",
        ),
        pytest.param(
            replace(FOR_CARD, essential_acr=CARD | MFA),
            None,
            AskToSignIn(),
            id="a card is one way of two",
        ),
        pytest.param(
            replace(FOR_CARD, prompt=frozenset({"create"})),
            None,
            AskToRegister(),
            id="who wants an account needs one first",
        ),
        pytest.param(FOR_CARD, WITH_A_CARD, AskForCard(), id="a card is essential, one is there"),
        pytest.param(
            FOR_CARD, TEN_MINUTES_IN, Refuse(ACR_OUT_OF_REACH), id="a card is essential, none there"
        ),
        pytest.param(
            FOR_CARD,
            replace(WITH_A_CARD, authenticated_at=NOW),
            AskForCard(),
            id="a password does not stand for an essential card",
        ),
        pytest.param(
            FOR_CARD,
            replace(WITH_A_CARD, acrs=CARD | MFA, is_of_card=True, two_factors=True),
            Answer(),
            id="the card was shown",
        ),
        pytest.param(
            FOR_CARD, UNCHECKED, AskForCard(), id="an unchecked card of before is checked again"
        ),
        pytest.param(
            FOR_CARD,
            replace(UNCHECKED, authenticated_at=NOW),
            Refuse(ACR_OUT_OF_REACH),
            id="D13 an unchecked card never stands for a checked one",
        ),
        pytest.param(
            replace(FOR_CARD, essential_acr=frozenset({"card", "unchecked"})),
            UNCHECKED,
            Answer(),
            id="the app takes an unchecked card",
        ),
        pytest.param(
            replace(FOR_CARD, essential_acr=MFA),
            WITH_A_CARD,
            AskForCard(),
            id="a card is two factors",
        ),
        pytest.param(
            replace(FOR_CARD, essential_acr=MFA),
            replace(WITH_A_CARD, acrs_within_reach=MFA),
            AskSecondFactor(),
            id="a second factor is nearer than a card",
        ),
        pytest.param(
            FOR_CARD,
            replace(HALF, acrs_by_card=CARD),
            AskForCard(),
            id="a card stands for the second factor that the owner wants",
        ),
        pytest.param(
            replace(PLAIN, demands_second_factor=True),
            WITH_A_CARD,
            AskForCard(),
            id="a card for an app that demands two factors",
        ),
        pytest.param(
            replace(PLAIN, demands_second_factor=True),
            replace(UNCHECKED, authenticated_at=NOW),
            AskToEnrol(),
            id="an unchecked card is one factor",
        ),
        pytest.param(LIKES_CARD, WITH_A_CARD, AskForCard(), id="a card is wished for"),
        pytest.param(
            LIKES_CARD,
            replace(WITH_A_CARD, authenticated_at=NOW),
            Answer(),
            id="who has just taken another way is not asked again",
        ),
        pytest.param(
            LIKES_CARD,
            replace(UNCHECKED, authenticated_at=NOW),
            Answer(),
            id="a wish that an unchecked card leaves open",
        ),
    ],
)
def test_next_step(asked: Asked, known: Known | None, then: Step) -> None:
    assert next_step(asked, known) == then


DIRECTORY = frozenset({"directory", "kerberos"})
WITH_DIRECTORY = replace(PLAIN, directory_acr=DIRECTORY)
FOR_JUDGES = replace(WITH_DIRECTORY, account_kinds=frozenset({"judge"}))
JUDGE = replace(TEN_MINUTES_IN, kind="judge")


@pytest.mark.parametrize(
    ("asked", "known", "then"),
    [
        pytest.param(WITH_DIRECTORY, None, AskToSignIn(), id="anybody may be meant"),
        pytest.param(FOR_JUDGES, None, AskDirectory(), id="judges alone are meant"),
        pytest.param(
            replace(FOR_JUDGES, directory_acr=frozenset()),
            None,
            AskToSignIn(),
            id="judges alone are meant, and no directory is configured",
        ),
        pytest.param(
            replace(WITH_DIRECTORY, essential_acr=frozenset({"kerberos"})),
            None,
            AskDirectory(),
            id="a directory's value is demanded",
        ),
        pytest.param(
            replace(WITH_DIRECTORY, preferred_acr=("directory", "mfa")),
            None,
            AskDirectory(),
            id="a directory's value is wished for first",
        ),
        pytest.param(
            replace(WITH_DIRECTORY, essential_acr=frozenset({"kerberos"})),
            JUDGE,
            AskDirectory(),
            id="a judge has come by another way than demanded",
        ),
        pytest.param(
            replace(WITH_DIRECTORY, essential_acr=frozenset({"kerberos"})),
            replace(JUDGE, authenticated_at=NOW),
            Refuse(ACR_OUT_OF_REACH),
            id="a judge has just come, and not by what is demanded",
        ),
        pytest.param(
            replace(WITH_DIRECTORY, essential_acr=frozenset({"kerberos"})),
            TEN_MINUTES_IN,
            Refuse(ACR_OUT_OF_REACH),
            id="no directory knows a citizen",
        ),
        pytest.param(FOR_JUDGES, JUDGE, Answer(), id="a judge is signed in"),
    ],
)
def test_P04_judges_are_led_to_their_own_page(
    asked: Asked, known: Known | None, then: Step
) -> None:
    assert next_step(asked, known) == then


@pytest.mark.parametrize(
    ("changes", "then"),
    [
        pytest.param({}, LED, id="nothing speaks against it"),
        pytest.param({"prompt": {"consent"}}, LED, id="consent is asked for afterwards"),
        pytest.param({"prompt": {"login"}}, AskToSignIn(), id="the person is to sign in"),
        pytest.param({"prompt": {"select_account"}}, AskToSignIn(), id="they are to choose"),
        pytest.param({"prompt": {"create"}}, AskToRegister(), id="they are to register"),
        pytest.param({"max_age": timedelta()}, AskToSignIn(), id="just now"),
        pytest.param({"max_age": timedelta(hours=9)}, AskToSignIn(), id="some time ago"),
        pytest.param({"essential_acr": {"ticket"}}, LED, id="a ticket is demanded"),
        pytest.param({"essential_acr": {"password"}}, LED, id="what it stands for is demanded"),
        pytest.param({"essential_acr": {"mfa"}}, AskToSignIn(), id="it would not be enough"),
        pytest.param({"account_kinds": {"judge", "staff"}}, LED, id="the app is for judges"),
        pytest.param(
            {"account_kinds": {"judge"}, "directory_acr": {"ticket"}},
            AskDirectory(ticket_will_do=True),
            id="it is for nobody but judges",
        ),
        pytest.param(
            {"account_kinds": {"judge"}, "directory_acr": {"ticket"}, "max_age": timedelta()},
            AskDirectory(),
            id="it is for judges, who are to do something",
        ),
        pytest.param({"account_kinds": {"lawyer"}}, AskToSignIn(), id="it is for others alone"),
        pytest.param({"ticket_acr": ()}, AskToSignIn(), id="no tickets are taken"),
        pytest.param(
            {"preferred_acr": ("card",), "card_acr": {"card"}}, AskForCard(), id="a card is wished"
        ),
    ],
)
def test_P04_a_ticket_will_do_unless_the_person_is_wanted(
    changes: dict[str, Any], then: Step
) -> None:
    changes = {
        name: frozenset(value) if isinstance(value, set) else value
        for name, value in changes.items()
    }
    assert next_step(replace(TICKETS, **changes), None) == then


@pytest.mark.parametrize(
    ("changes", "then"),
    [
        pytest.param({}, Answer(), id="any sign-in"),
        pytest.param({"prompt": frozenset({"login"})}, AskToSignIn(again=True), id="a sign-in"),
        pytest.param({"max_age": timedelta()}, AskToSignIn(again=True), id="one of just now"),
        pytest.param({"max_age": timedelta(days=9)}, AskToSignIn(again=True), id="or of days ago"),
    ],
)
def test_P04_a_ticket_shown_on_the_journey_is_nothing_that_the_person_did(
    changes: dict[str, Any], then: Step
) -> None:
    """Else whoever sits at an unlocked desk would pass for its owner, by way of another tab."""
    assert next_step(replace(TICKETS, **changes), BY_TICKET) == then


def test_P04_nobody_who_is_signed_in_is_led_to_a_ticket() -> None:
    """Or a hint at another person, whom the ticket is not for, would never end."""
    other = replace(TICKETS, subject="s_somebody_else")

    assert next_step(other, TEN_MINUTES_IN) == AskToSignIn(again=True)
