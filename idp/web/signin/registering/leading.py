"""From a proof that opens no account straight to the application, with it (B07, P20)."""

from flask import url_for

from idp.authenticators.directory.model import DirectoryPerson
from idp.database.transaction import Transaction
from idp.provider import Provider
from idp.registration import by_card, flows
from idp.registration.flows import Step
from idp.signin.card import Unregistered
from idp.signin.counters import Attempt
from idp.signin.directory import Means
from idp.signin.throttle import Proceed
from idp.web.request import browser_hash
from idp.web.signin.registering import kind
from idp.web.signin.registering.flow import PAGE_OF


def lead(tx: Transaction, portico: Provider, card: Unregistered, journey: str) -> str:
    """Begin the registration that a card leads to; gives its first page.

    Empty where it leads to none: such accounts are not opened here, a card of the same holder
    has one, the card is not sure enough, or too many registrations were begun from there.
    """
    track = flows.of_card(card.candidate.profile.account_kind)
    if track is None or track.id not in kind.open_tracks(portico) or not card.is_full:
        return ""
    if by_card.is_known(tx, card.candidate):
        return ""
    attempt = Attempt("registration", "", tx.origin.address)
    if not isinstance(portico.gate.reserve(tx, attempt, captcha=True).verdict, Proceed):
        return ""
    flow_id = portico.registering.by_card.carry(
        tx,
        card.candidate,
        track,
        browser_hash=browser_hash(),
        kept=card.evidence,
        journey=journey[:128],
    )
    return url_for("register_terms.show", flow=flow_id)


def lead_judge(
    tx: Transaction, portico: Provider, person: DirectoryPerson, means: Means, journey: str
) -> str:
    """Begin the registration of whom a directory knows; gives its first page.

    Empty where the same person has begun too many.
    """
    browser = browser_hash()
    flow_id = portico.registering.by_directory.carry(
        tx, person, means, browser_hash=browser, journey=journey[:128]
    )
    if not flow_id:
        return ""
    under = portico.registering.registrations.find(tx, flow_id, browser)
    step = flows.next_open(under.track, under.done) if under else None
    return url_for(PAGE_OF[step or Step.CHECK], flow=flow_id)
