"""The decision table of ``idp.signin.journey``: no database, no Flask, microseconds."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from idp.consent.model import Permission
from idp.signin.journey import (
    ACR_OUT_OF_REACH,
    KIND_NOT_ALLOWED,
    Answer,
    AskConsent,
    Asked,
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
    acr="password",
    authenticated_at=NOW - timedelta(minutes=10),
    consented=OPENID,
)
JUST_NOW = replace(TEN_MINUTES_IN, authenticated_at=NOW)


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
    ],
)
def test_next_step(asked: Asked, known: Known | None, then: Step) -> None:
    assert next_step(asked, known) == then
