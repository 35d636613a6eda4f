"""The answer of a passkey on the sign-in page: as the only factor there is."""

from flask import Blueprint, make_response, redirect
from flask.typing import ResponseReturnValue

from idp.authenticators import Reason, Refusal
from idp.authenticators import passkey as passkeys
from idp.authenticators.passkey import Presented
from idp.oidc.vocabulary import ACR_MFA
from idp.provider import Provider
from idp.secret import digest
from idp.signin import store
from idp.signin.actions import Browser, SignedIn
from idp.web import errors, metrics
from idp.web.last_way import PASSWORD
from idp.web.raising import supersede, user_agent
from idp.web.request import (
    browser_hash,
    demand_csrf,
    device,
    give_session,
    new_binding,
    origin,
    single_form,
    speaks,
)
from idp.web.signin import password
from idp.web.signin.journeys import Underway, underway
from idp.web.wiring import provider

pages = Blueprint("passkey", __name__)


@pages.post("/signin/passkey")
def submit() -> ResponseReturnValue:
    """Verify the answer and return to the journey, or show the sign-in page with the reason."""
    form = single_form()
    demand_csrf(form)
    portico = provider()
    journey = underway(portico, form.get("journey", ""))
    if journey is None:
        return errors.journey_lost()
    browser = Browser(browser_hash(), device(), user_agent(), speaks())
    presented = passkeys.read(form.get("credential", ""))
    binding = new_binding()
    outcome = _try(portico, journey, presented, browser, binding=binding) if presented else _NOTHING
    if isinstance(outcome, Refusal):
        metrics.signin("passkey", outcome.reason)
        return password.refused(journey, outcome.reason)
    metrics.signin("passkey", "ok")
    response = make_response(redirect(journey.next_url, code=303))
    return give_session(
        response, outcome.session.cookie, browser.device, binding=binding, way=PASSWORD
    )


def _try(
    portico: Provider,
    journey: Underway,
    presented: Presented,
    browser: Browser,
    *,
    binding: str,
) -> SignedIn | Refusal:
    """Use the challenge up, verify outside any transaction, write down what came of it."""
    with portico.database.write(origin()) as tx:
        on_record = portico.passkey_signing_in.admit(tx, presented, browser)
    if isinstance(on_record, Refusal):
        return on_record
    shown = portico.passkeys.verify(presented, on_record)
    with portico.database.write(origin()) as tx:
        outcome = portico.passkey_signing_in.record(
            tx,
            presented,
            on_record,
            shown,
            browser,
            client_id=journey.client.client_id if journey.client else None,
            acr=ACR_MFA,
        )
        if isinstance(outcome, SignedIn):
            supersede(tx, portico, outcome.session, outcome.account_id)
            store.rebind_journey(tx, journey.id_hash, browser.binding, digest(binding))
    return outcome


_NOTHING = Refusal(Reason.PASSKEY_REFUSED)
