"""確認註冊 of a judge: the account is open, and its holder is in (P20). Nobody signs in twice.

The directory is asked how they stand once more: since they have proven themselves, a letter had to
arrive and be read.
"""

from collections.abc import Callable

import msgspec
from flask import make_response, redirect
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import IntegrityError

from idp.authenticators.directory.model import DirectoryPerson, Standing
from idp.database.transaction import Transaction
from idp.provider import Provider
from idp.registration.actions import Obstacle
from idp.registration.by_directory import EntryTaken
from idp.registration.directory_proof import DirectoryProof
from idp.registration.store import Under
from idp.secret import digest
from idp.signin import store
from idp.signin.actions import Browser, SignedIn
from idp.signin.directory import Means
from idp.web import metrics, returning
from idp.web.forms import FieldError
from idp.web.last_way import DIRECTORY
from idp.web.raising import supersede, user_agent
from idp.web.request import browser_hash, device, give_session, new_binding, origin, speaks
from idp.web.signin.journeys import Underway, underway
from idp.web.signin.registering import flow
from idp.web.signin.registering.flow import At
from idp.web.wiring import provider
from idp.web.wording.ways import standing_error

Page = Callable[[Obstacle | FieldError, int], ResponseReturnValue]


def finish(place: At, page: Page) -> ResponseReturnValue:
    """Open the account and its session, and go on to where the person was going."""
    portico, proof = provider(), place.under.answers.directory
    if proof is None:
        return flow.again(place.flow_id)
    found = portico.directories.by_guid(proof.person.identity.key)
    if isinstance(found, Standing):
        return page(standing_error(found), 503 if found in _PASSING else 422)
    browser = Browser(browser_hash(), device(), user_agent(), speaks())
    binding, journey = new_binding(), underway(portico, place.under.answers.journey)
    under = _as_now(place.under, proof, found)
    outcome = _finish(portico, under, journey, browser, binding)
    if isinstance(outcome, SignedIn):
        metrics.signin(proof.method, "ok")
        response = make_response(
            redirect(returning.onward(journey.id if journey else ""), code=303)
        )
        return give_session(
            response, outcome.session.cookie, browser.device, binding=binding, way=DIRECTORY
        )
    if outcome in {Obstacle.PROVE_AGAIN, Obstacle.LOOK_AGAIN}:
        return flow.again(place.flow_id)
    return page(outcome, 422)


_PASSING = frozenset({Standing.BUSY, Standing.UNREACHABLE, Standing.MISCONFIGURED})


def _as_now(under: Under, proof: DirectoryProof, person: DirectoryPerson) -> Under:
    """Let the account begin with what the directory says now."""
    fresh = msgspec.structs.replace(proof, person=person)
    answers = msgspec.structs.replace(under.answers, directory=fresh, name=person.name)
    return msgspec.structs.replace(under, answers=answers)


def _finish(
    portico: Provider, under: Under, journey: Underway | None, browser: Browser, binding: str
) -> SignedIn | Obstacle:
    try:
        with portico.database.write(origin()) as tx:
            done = portico.registering.finish(tx, under, speaks())
            if isinstance(done, Obstacle):
                return done
            signed_in = _enter(tx, portico, under, journey, browser)
            supersede(tx, portico, signed_in.session, signed_in.account_id)
            if journey is not None:
                store.rebind_journey(tx, journey.id_hash, browser.binding, digest(binding))
            return signed_in
    except (IntegrityError, EntryTaken):
        # Somebody opened an account for the same entry between our look and our insert; all of
        # ours was rolled back.
        with portico.database.read() as tx:
            return portico.registering.obstacle(tx, under) or Obstacle.LOOK_AGAIN


def _enter(
    tx: Transaction, portico: Provider, under: Under, journey: Underway | None, browser: Browser
) -> SignedIn:
    """Open the session that the proof was given for; it is as old as the proof."""
    proof = under.answers.directory
    account = portico.directory_signing_in.account_of(tx, proof.person) if proof else None
    if account is None or proof is None:
        raise EntryTaken
    return portico.directory_signing_in.enter(
        tx,
        account,
        Means(proof.method, proof.amr, proof.acr),
        browser,
        client_id=journey.client.client_id if journey and journey.client else None,
        since=proof.proven_at,
    )
