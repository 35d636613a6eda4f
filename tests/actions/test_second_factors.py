"""What changes of second factors leave on record, and whom they tell."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import func, select

from idp import worker
from idp.accounts.model import SecondFactor
from idp.audit.store import AuditRow
from idp.authenticators.passkey import PasskeyChallenge
from idp.authenticators.totp import TotpCredential
from idp.mail.messages import Letter, SecondFactorChanged
from idp.provider import Provider
from tests import factors
from tests.clock import MovableClock
from tests.conftest import Enrol
from tests.factors import SoftKey
from tests.people import Browser, Person, answer


@pytest.fixture
def here(browser: Browser, citizen: Person) -> Browser:
    """A browser whose person has just signed in to the portal."""
    browser.get("/signin/password")
    browser.sign_in(citizen)
    return browser


def mails(portico: Provider) -> list[str]:
    """List what the owner was told of changes, in order; takes it out of the outbox."""
    found: list[str] = []
    with portico.database.write() as tx:
        for leased in portico.outbox.lease(tx, "mail", 50):
            letter = msgspec.json.decode(leased.payload, type=Letter)
            if isinstance(letter.message, SecondFactorChanged):
                found.append(letter.message.change)
            portico.outbox.mark_sent(tx, leased.id)
    return found


def events(portico: Provider) -> list[str]:
    with portico.database.read() as tx:
        rows = tx.execute(
            select(AuditRow.event).where(AuditRow.event.like("factor.%")).order_by(AuditRow.at)
        )
        return list(rows.scalars())


def standing(portico: Provider, person: Person) -> SecondFactor:
    assert person.account is not None
    with portico.database.read() as tx:
        account = portico.accounts.find(tx, person.account.id)
    assert account is not None
    return account.second_factor


def act(browser: Browser, page: str, action: str, **fields: str) -> None:
    browser.get(f"/account/{page}")
    browser.post(f"/account/{page}", browser.hidden() | {"action": action} | fields)
    browser.follow()


def test_each_change_is_told_to_the_owner_and_written_down(
    here: Browser, provider: Provider, citizen: Person
) -> None:
    factors.set_up_app(here, provider)
    assert standing(provider, citizen) is SecondFactor.ALWAYS
    factors.add_passkey(here, SoftKey())
    act(here, "passkeys", "rename", name="Another")
    act(here, "totp", "on_demand")
    assert standing(provider, citizen) is SecondFactor.ON_DEMAND
    act(here, "totp", "renew")
    act(here, "totp", "remove")
    assert standing(provider, citizen) is SecondFactor.ON_DEMAND
    act(here, "passkeys", "remove")
    assert standing(provider, citizen) is SecondFactor.NONE

    assert sorted(mails(provider)) == sorted(
        [
            "totp_added",
            "passkey_added",
            "passkey_renamed",
            "asked_on_demand",
            "recovery_codes_renewed",
            "totp_removed",
            "passkey_removed",
        ]
    )
    assert sorted(events(provider)) == sorted(
        [
            "factor.added",
            "factor.added",
            "factor.renamed",
            "factor.asked",
            "factor.removed",
            "factor.removed",
        ]
    )


def test_with_the_last_factor_the_recovery_codes_go(
    here: Browser, provider: Provider, citizen: Person
) -> None:
    app = factors.set_up_app(here, provider)
    assert len(app.recovery_codes) == 10
    act(here, "totp", "remove")

    assert citizen.account is not None
    with provider.database.read() as tx:
        assert provider.recovery_codes.left(tx, citizen.account.id) == 0


def test_removing_the_last_factor_warns_of_the_apps_that_want_one(
    here: Browser, provider: Provider, enrol: Enrol
) -> None:
    enrol("strict", require_second_factor=True, names={"en": "The strict app"})
    factors.set_up_app(here, provider)
    assert "The strict app" not in here.get("/account/totp").text
    here.authorize("strict")
    assert "code" in answer(here.last)

    page = here.get("/account/totp").text

    assert 'id="last-factor"' in page
    assert "The strict app" in page


def test_a_second_app_is_not_begun_beside_one_in_use(here: Browser, provider: Provider) -> None:
    factors.set_up_app(here, provider)

    act(here, "totp", "begin")

    assert here.last is not None
    assert "totp-secret" not in here.last.text
    assert "totp-remove" in here.last.text


def test_too_late_a_first_code_confirms_nothing(
    here: Browser, provider: Provider, clock: MovableClock, citizen: Person
) -> None:
    act(here, "totp", "begin")
    assert here.last is not None
    fields = here.hidden()
    secret = here.last.text.partition('id="totp-secret">')[2].partition("<")[0]
    clock.advance(timedelta(minutes=16))
    here.get("/signin/password")
    here.sign_in(citizen)
    here.get("/account/totp")
    fields["csrf_token"] = here.hidden()["csrf_token"]  # renewed with the session

    typed = factors.App(secret.replace(" ", "")).code(clock())
    late = here.post("/account/totp", fields | {"action": "confirm", "code": typed})

    assert late.status_code == 422
    assert standing(provider, citizen) is SecondFactor.NONE


def test_what_was_offered_and_never_taken_is_swept(
    here: Browser, provider: Provider, clock: MovableClock
) -> None:
    act(here, "totp", "begin")
    here.get("/account/passkeys")
    clock.advance(timedelta(minutes=31))

    worker.sweep(provider)

    with provider.database.read() as tx:
        for table in (TotpCredential, PasskeyChallenge):
            assert tx.scalar(select(func.count()).select_from(table)) == 0


def test_an_app_in_use_is_never_swept(
    here: Browser, provider: Provider, clock: MovableClock
) -> None:
    factors.set_up_app(here, provider)
    clock.advance(timedelta(days=3000))

    worker.sweep(provider)

    with provider.database.read() as tx:
        assert tx.scalar(select(func.count()).select_from(TotpCredential)) == 1


def test_who_has_lost_everything_is_let_in_by_the_password_again(
    here: Browser, provider: Provider, citizen: Person
) -> None:
    factors.set_up_app(here, provider)
    factors.add_passkey(here, SoftKey())
    assert citizen.account is not None
    mails(provider)

    with provider.database.write() as tx:
        assert provider.factors.forget(tx, citizen.account)
    with provider.database.write() as tx:
        assert not provider.factors.forget(tx, citizen.account)

    other = Browser.on(provider)
    other.code(citizen)
    assert mails(provider)[-1:] == ["all_removed"]


@pytest.mark.parametrize("name", ["", "   "])
def test_a_passkey_without_a_name_gets_one(here: Browser, name: str) -> None:
    here.get("/account/passkeys")
    made = SoftKey().make(factors.options_on(here))
    fields: dict[str, Any] = here.hidden() | {"action": "add", "name": name, "credential": made}
    here.post("/account/passkeys", fields)

    assert ">Passkey</h2>" in here.get("/account/passkeys").text
