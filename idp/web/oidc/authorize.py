"""``/authorize`` and ``/authorize/continue``: the hub every page of a sign-in returns to.

What is missing is decided in one place (``idp.signin.journey``); this module fetches what
the decision needs and carries it out. With a session and remembered consent the answer
goes out at once: one read, one commit.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
from flask import Blueprint, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from idp.accounts.model import SecondFactor
from idp.authenticators.card import cards
from idp.consent.model import Permission
from idp.database.transaction import Transaction
from idp.oidc import acr, checks, claims, pushed_requests, request_objects, tokens, wanted
from idp.oidc.checks import At, AuthorizationRequest
from idp.oidc.errors import (
    AccessDenied,
    ConsentRequired,
    InteractionRequired,
    InvalidRequest,
    LoginRequired,
    OAuthError,
    UnmetAuthenticationRequirements,
)
from idp.oidc.grants import authorization_response
from idp.oidc.model import Client
from idp.oidc.pushed_requests import Resolved
from idp.oidc.request_objects import InvalidRequestUri
from idp.oidc.session_state import browser_state, session_state
from idp.oidc.vocabulary import ACR_MFA, Profile, Prompt, Scope
from idp.provider import Provider
from idp.secret import digest, mint
from idp.sessions import store as sessions
from idp.sessions.store import Session
from idp.signin import store
from idp.signin.journey import (
    ACR_OUT_OF_REACH,
    Answer,
    AskConsent,
    AskDirectory,
    Asked,
    AskForCard,
    AskSecondFactor,
    AskTerms,
    AskToEnrol,
    AskToRegister,
    AskToSignIn,
    Known,
    Refuse,
    Step,
    next_step,
)
from idp.signin.store import OnJourney, SignedInHere
from idp.terms import documents
from idp.web import errors, last_way, tickets
from idp.web.oidc import ahead, asking
from idp.web.oidc.answering import back, refuse
from idp.web.oidc.bridge import exchange_of
from idp.web.request import browser_hash, hear_locales, keep_state, origin, session_hash
from idp.web.wiring import provider

endpoint = Blueprint("authorize", __name__)

_USED = InvalidRequestUri("request_uri was used", redirect=False)
JOURNEY_PREFIX = "pjy"
_TOUCH_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Situation:
    """A checked request, and what is known of the browser that brought it."""

    request: AuthorizationRequest
    client: Client
    here: SignedInHere | None
    step: Step
    pushed: Resolved
    session_hash: bytes = b""
    """Of the session cookie that came along."""


@endpoint.route("/authorize", methods=["GET", "POST"])
def begin() -> ResponseReturnValue:
    """Take an authorization request (OIDC Core section 3.1.2.1)."""
    portico = provider()
    exchange = exchange_of(portico, request.environ, request.get_data())
    sent = exchange.form() if exchange.method == "POST" else exchange.query_parameters()
    asked = checks.request_of(sent)
    hear_locales(asked.ui_locales)
    try:
        resolved = _resolved(portico, asked)
        asked = resolved.request
        hear_locales(asked.ui_locales)  # of a pushed or signed request, only known now
        with portico.database.read() as tx:
            found = look(tx, portico, resolved, session_hash(), None)
    except OAuthError as error:
        return refuse(asked, error)
    if isinstance(found.step, Answer):
        return _answer(portico, found, journey=None)
    if Prompt.NONE in asked.prompts:
        return refuse(asked, _needed(found.step))
    return _start_journey(portico, found, bound=exchange.method == "GET")


@endpoint.get("/authorize/continue")
def proceed() -> ResponseReturnValue:
    """Decide again what is missing, after a page has done its part."""
    portico, journey_id = provider(), request.args.get("journey", "")
    id_hash = digest(journey_id)
    journey = _journey_here(portico, id_hash)
    if journey is None:
        return errors.journey_lost()
    asked = checks.request_of(journey.parameters)
    hear_locales(asked.ui_locales, journey_id)
    try:
        with portico.database.read() as tx:
            found = look(tx, portico, Resolved(asked, journey.pushed_hash), session_hash(), journey)
    except OAuthError as error:
        return refuse(asked, error)
    if journey.denied_at is not None:
        return _deny(portico, found, id_hash)
    if isinstance(found.step, Answer):
        return _answer(portico, found, journey=id_hash)
    return _show(found, journey_id)


def _journey_here(portico: Provider, id_hash: bytes) -> OnJourney | None:
    """Find this browser's journey; one that began without cookies is bound to it now."""
    with portico.database.read() as tx:
        journey = store.find_journey(tx, id_hash, browser_hash())
        unbound = journey is None and store.is_unbound(tx, id_hash)
    if unbound:
        with portico.database.write(origin()) as tx:
            store.bind_journey(tx, id_hash, browser_hash())
            journey = store.find_journey(tx, id_hash, browser_hash())
    return journey


def look(
    tx: Transaction,
    portico: Provider,
    resolved: Resolved,
    cookie: bytes | None,
    journey: OnJourney | None,
) -> Situation:
    """Check the request and decide the step.

    Raises:
        OAuthError: what the client, or whoever looks at the page, is told.
    """
    asked = resolved.request
    client = portico.clients.find(tx, asked.client_id)
    if client is None:
        raise InvalidRequest("client_id is not registered", redirect=False)
    checks.check(asked, client, At.AUTHORIZE)
    if journey is None:
        _demand_its_way(client, resolved)
    idle = timedelta(minutes=portico.config.sessions.idle_minutes)
    here = store.signed_in_here(tx, cookie, client.client_id, idle) if cookie else None
    wish = _asked(tx, portico, asked, client, journey.asked_at if journey else tx.now)
    known = None
    if here is not None:
        by_card = _by_card(tx, portico, here.session, wish)
        known = _known(portico, here, client, journey, by_card)
    return Situation(asked, client, here, next_step(wish, known), resolved, cookie or b"")


def _resolved(portico: Provider, asked: AuthorizationRequest) -> Resolved:
    """Find the request itself: pushed, signed, or as it stands.

    Raises:
        OAuthError: it cannot be found. The error of an object travels back where the request
            beside it names a registered address.
    """
    if not ahead.is_needed(asked):
        with portico.database.read() as tx:
            return pushed_requests.resolve(tx, asked)
    with portico.database.read() as tx:
        client, keys = portico.clients.find(tx, asked.client_id), portico.keys.current(tx)
    if client is None:
        raise InvalidRequest("client_id is not registered", redirect=False)
    try:
        token = ahead.request_object(portico, client, asked)
        now = portico.database.clock()
        parts = portico.oidc.parts
        inner = request_objects.unpack(parts, keys, client, asked, token, now=now)
    except OAuthError as error:
        error.redirect = checks.may_answer_at(asked, client)
        raise
    return Resolved(inner, signed=True)


def _demand_its_way(client: Client, resolved: Resolved) -> None:
    """Hold a client to the way it registered its requests to come."""
    registration, pushed = client.registration, resolved.reference_hash is not None
    if not pushed and client.pushes_requests:
        raise InvalidRequest("the client pushes its requests (RFC 9126)")
    if not pushed and registration.require_signed_request_object and not resolved.signed:
        raise InvalidRequest("the client signs its requests (RFC 9101)")


def _asked(
    tx: Transaction,
    portico: Provider,
    asked: AuthorizationRequest,
    client: Client,
    asked_at: datetime,
) -> Asked:
    subject = ""
    if asked.id_token_hint:
        subject = _subject_of_hint(tx, portico, asked.id_token_hint)
    return Asked(
        asked_at=asked_at,
        permission=wanted.permission(asked, client),
        prompt=asked.prompts | ({Prompt.CONSENT} if asked.authorization_details else set()),
        max_age=timedelta(seconds=int(asked.max_age)) if asked.max_age else None,
        essential_acr=_essential_acr(asked),
        preferred_acr=_preferred_acr(asked),
        ticket_acr=acr.by_ticket(portico.config.directories),
        card_acr=acr.only_by_card(portico.config.cards),
        directory_acr=acr.only_by_directory(portico.config.directories),
        demands_second_factor=client.registration.require_second_factor,
        subject=subject,
        skips_consent=client.registration.trusted,
        terms=documents.in_force(tx.now),
        account_kinds=frozenset(client.registration.account_kinds),
    )


def _subject_of_hint(tx: Transaction, portico: Provider, hint: str) -> str:
    parts = portico.oidc.parts
    try:
        keys = parts.keys.current(tx)
        return tokens.verify_id_token_hint(keys, hint, issuer=parts.issuer).subject
    except tokens.BadToken:
        raise InvalidRequest("id_token_hint is not a token of ours") from None


def _essential_acr(asked: AuthorizationRequest) -> frozenset[str]:
    """Read what ``claims`` demands of ``acr``; ``acr_values`` alone is only a wish."""
    demanded = claims.parse(asked.claims).in_id_token("acr")
    if demanded.get("essential") is not True:
        return frozenset()
    return frozenset(_values(demanded))


def _preferred_acr(asked: AuthorizationRequest) -> tuple[str, ...]:
    """Read what is wished for: by ``acr_values``, or by ``claims`` without ``essential``.

    A wish that needs a page is none where no page may be shown (OIDC Core section 5.5.1.1).
    """
    if Prompt.NONE in asked.prompts:
        return ()
    wished = claims.parse(asked.claims).in_id_token("acr")
    return (*asked.acr_values.split(), *_values(wished))


def _values(asked: Mapping[str, Any]) -> list[str]:
    """Read ``values``, or the one ``value`` (OIDC Core section 5.5.1)."""
    values = asked.get("values", [asked.get("value")])
    listed = values if isinstance(values, list) else []
    return [value for value in listed if isinstance(value, str)]


def _known(
    portico: Provider,
    here: SignedInHere,
    client: Client,
    journey: OnJourney | None,
    by_card: frozenset[str],
) -> Known:
    session, section = here.session, portico.config.cards
    can_rise = not session.two_factors and session.second_factor is not SecondFactor.NONE
    return Known(
        subject=portico.oidc.parts.subjects.of(client.registration, session.subject),
        kind=session.kind,
        acrs=frozenset(acr.reached(session, section)),
        authenticated_at=session.authenticated_at,
        accepted_terms=here.accepted_terms,
        consented=here.consented,
        given=_given(journey, here) if journey else None,
        acrs_within_reach=frozenset({ACR_MFA} if can_rise else ()),
        acrs_by_card=by_card,
        is_of_card=acr.is_of_card(session, section),
        is_of_ticket=session.is_of_ticket,
        two_factors=session.two_factors,
        is_whole=session.is_whole,
    )


def _by_card(tx: Transaction, portico: Provider, session: Session, wish: Asked) -> frozenset[str]:
    """Say what a card of the account would reach; looks for one only where that matters."""
    section = portico.config.cards
    wants = wish.essential_acr | frozenset(wish.preferred_acr)
    is_short = bool(wants.difference(acr.reached(session, section))) or (
        wish.demands_second_factor and not session.two_factors
    )
    if not section.enabled or not is_short or not cards.has_good(tx, session.account_id):
        return frozenset()
    return frozenset(acr.by_card(section))


def _given(journey: OnJourney, here: SignedInHere) -> Permission | None:
    """Read what was allowed on the journey by the person who is signed in now."""
    if journey.consented is None or journey.consented_by != here.session.account_id:
        return None
    return msgspec.convert(journey.consented, Permission)


def _as_asked(portico: Provider, asked: AuthorizationRequest, session: Session) -> Session:
    """Tell an app the value it demands, where the session has reached more than that."""
    essential = _essential_acr(asked)
    if not essential or session.acr in essential:
        return session
    reached = acr.reached(session, portico.config.cards)
    return replace(session, acr=next(value for value in reached if value in essential))


def _answer(portico: Provider, found: Situation, journey: bytes | None) -> ResponseReturnValue:
    """Issue the code: one write transaction with the audit row."""
    session = found.here.session if found.here else None
    refused = session and asking.refusal_of_tokens(portico, found.request, session, origin())
    if refused:
        return refuse(found.request, refused)
    with portico.database.write(origin()) as tx:
        if journey is not None and not store.complete_journey(tx, journey):
            return errors.journey_lost()
        if not pushed_requests.claim(tx, found.pushed):
            return errors.oauth_page(_USED)
        answer = issue(tx, portico, found)
    response = make_response(back(found.request, answer))
    return keep_state(response, found.session_hash) if "session_state" in answer else response


def issue(tx: Transaction, portico: Provider, found: Situation) -> dict[str, str]:
    """Give what the app asked for; only for a situation whose step is :class:`Answer`."""
    here = found.here
    if here is None:
        raise RuntimeError("an answer without a session")
    session = here.session
    parts = portico.oidc.parts
    if not here.joined:
        subject = parts.subjects.of(found.client.registration, session.subject)
        sessions.join(tx, session.id, found.client.client_id, subject)
    if session.last_seen_at + _TOUCH_EVERY <= tx.now:
        sessions.touch(tx, session.id)
    told = _as_asked(portico, found.request, session)
    answer = authorization_response.issue(tx, parts, found.request, found.client, told)
    return answer | _session_state(portico, found)


def _session_state(portico: Provider, found: Situation) -> dict[str, str]:
    """Give the app what our frame compares (OIDC Session 1.0); older clients look for it."""
    asked = found.request
    if found.client.profile is not Profile.OIDC or Scope.OPENID not in asked.scopes:
        return {}
    state = browser_state(found.session_hash)
    told = session_state(asked.client_id, asked.redirect_uri, state, portico.entropy)
    return {"session_state": told}


def _start_journey(portico: Provider, found: Situation, *, bound: bool) -> ResponseReturnValue:
    """Keep the request and go to the first page.

    A POST from another site comes without cookies: its journey is bound to the browser by
    the GET that follows.
    """
    journey_id = mint(JOURNEY_PREFIX, portico.entropy)
    with portico.database.write(origin()) as tx:
        keep_request(tx, portico, found, journey_id, browser_hash() if bound else None)
    if not bound:
        return redirect(url_for("authorize.proceed", journey=journey_id), code=303)
    return _show(found, journey_id)


def keep_request(
    tx: Transaction,
    portico: Provider,
    found: Situation,
    journey_id: str,
    binding_hash: bytes | None,
) -> None:
    """Begin a journey with a checked request; ``None``: bound by the first page it sees."""
    store.begin_journey(
        tx,
        id_hash=digest(journey_id),
        browser_hash=binding_hash,
        client_id=found.client.client_id,
        parameters=msgspec.to_builtins(found.request),
        lifetime=timedelta(minutes=portico.config.tokens.journey_minutes),
        pushed_hash=found.pushed.reference_hash,
    )


def _show(found: Situation, journey_id: str) -> ResponseReturnValue:
    """Send the browser to the page of the next step; the page returns it here."""
    step = found.step
    if isinstance(step, Refuse):
        return errors.refusal(step.why)
    if isinstance(step, AskToSignIn):
        page = _sign_in_page(step, found.client)
    else:
        page = _PAGE_OF[type(step)]
    # Without it the page would take a ticket, which does not lead to the end.
    form = 1 if page == "directory.show" and not _takes_tickets(step) else None
    return redirect(url_for(page, journey=journey_id, form=form), code=303)


def _sign_in_page(step: AskToSignIn, client: Client) -> str:
    portico = provider()
    if step.ticket_will_do and tickets.leads(portico):
        return "ticket.show"
    return last_way.endpoint(portico, client.registration.account_kinds)


def _takes_tickets(step: Step) -> bool:
    return isinstance(step, AskToSignIn | AskDirectory) and step.ticket_will_do


_PAGE_OF: Mapping[type[Step], str] = {
    AskToRegister: "register.show",
    AskSecondFactor: "second_factor.show",
    AskForCard: "card.show",
    AskDirectory: "directory.show",
    AskToEnrol: "totp.show",
    AskTerms: "terms.ask",
    AskConsent: "consent.show",
}


def _needed(step: Step) -> OAuthError:
    """Say which page ``prompt=none`` would have had to be (OIDC Core section 3.1.2.6)."""
    if isinstance(step, Refuse) and step.why == ACR_OUT_OF_REACH:
        return UnmetAuthenticationRequirements("the essential acr cannot be reached")
    error, why = _NEEDED.get(type(step), (AccessDenied, "the account may not use this client"))
    return error(why)


_NEEDED: Mapping[type[Step], tuple[type[OAuthError], str]] = {
    AskToSignIn: (LoginRequired, "nobody is signed in, or has to sign in again"),
    AskSecondFactor: (LoginRequired, "a second factor has to be shown"),
    AskForCard: (LoginRequired, "a card has to be shown"),
    AskDirectory: (LoginRequired, "an account of a directory has to sign in"),
    AskToEnrol: (InteractionRequired, "a second factor has to be set up first"),
    AskTerms: (InteractionRequired, "new terms have not been accepted"),
    AskConsent: (ConsentRequired, "consent has not been given"),
}


def _deny(portico: Provider, found: Situation, journey: bytes) -> ResponseReturnValue:
    with portico.database.write(origin()) as tx:
        store.complete_journey(tx, journey)
        pushed_requests.claim(tx, found.pushed)  # a no is an answer: it uses the request up
    return refuse(found.request, AccessDenied("the person declined"))
