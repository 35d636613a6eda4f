"""What a sign-in needs next. The one place that decides it; pure.

Pages never send the browser to one another. Each returns it to
``/authorize/continue``, which calls :func:`next_step` with what is on record.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from idp.accounts.model import Kind
from idp.consent.model import Permission


class Asked(msgspec.Struct, frozen=True):
    """What the client asked for, as far as it decides the steps (OIDC Core 3.1.2.1)."""

    asked_at: datetime
    permission: Permission
    """What the person would have to allow."""
    prompt: frozenset[str] = frozenset()
    max_age: timedelta | None = None
    essential_acr: frozenset[str] = frozenset()
    """The ``acr`` values one of which must be reached (OIDC Core 5.5.1.1); empty: any will do."""
    preferred_acr: tuple[str, ...] = ()
    """The ``acr`` values that are wished for, best first; none of them is demanded."""
    ticket_acr: frozenset[str] = frozenset()
    """The ``acr`` values that a judge's ticket reaches; empty where none are taken."""
    card_acr: frozenset[str] = frozenset()
    """The ``acr`` values that nothing but a card reaches; empty where cards are not taken."""
    directory_acr: frozenset[str] = frozenset()
    """The ``acr`` values that nothing but an account of a directory reaches."""
    demands_second_factor: bool = False
    """The app is registered for it: who has no second factor is led to set one up."""
    subject: str = ""
    """Whom ``id_token_hint`` names; empty: whoever it is."""
    skips_consent: bool = False
    """A first-party app: the operator has consented for everybody."""
    terms: str = ""
    """The version of the terms that has to be accepted; empty: nobody asks."""
    account_kinds: frozenset[str] = frozenset()
    """The kinds of account that may open the app (P33); empty: all."""


class Known(msgspec.Struct, frozen=True):
    """What this browser has on record."""

    subject: str
    kind: str
    acrs: frozenset[str]
    """The ``acr`` values that the session has reached."""
    authenticated_at: datetime
    consented: Permission
    """What is remembered of the times before."""
    accepted_terms: str = ""
    given: Permission | None = None
    """What was allowed on this very journey, if anything was."""
    acrs_within_reach: frozenset[str] = frozenset()
    """Those that a second factor of the account would add; empty without one, or after it."""
    acrs_by_card: frozenset[str] = frozenset()
    """Those that a card of the account would reach; empty without one."""
    is_of_card: bool = False
    """Whether a card has opened the session, however sure that is."""
    is_of_ticket: bool = False
    """Whether a judge's ticket alone has opened the session: the person has done nothing."""
    two_factors: bool = False
    is_whole: bool = True
    """Whether the second factor that the account's owner wants asked for has been shown."""


@dataclass(frozen=True, slots=True)
class AskToSignIn:
    """Show the sign-in page with its ways."""

    again: bool = False
    """Somebody is signed in already, and has to prove it once more."""
    ticket_will_do: bool = False
    """Nobody need be asked anything who has a ticket and is on a network where it is taken."""


@dataclass(frozen=True, slots=True)
class AskTerms:
    """Show the terms: there is a version that the account has not accepted."""


@dataclass(frozen=True, slots=True)
class AskToRegister:
    """Show the page that opens accounts: the app asked for it (``prompt=create``)."""


@dataclass(frozen=True, slots=True)
class AskSecondFactor:
    """Show the page for a code or a passkey beside the password."""


@dataclass(frozen=True, slots=True)
class AskForCard:
    """Show the page for a card: nothing else reaches what is asked for."""


@dataclass(frozen=True, slots=True)
class AskDirectory:
    """Show the page for an account of a court's directory: nobody else is meant."""

    ticket_will_do: bool = False
    """As for :class:`AskToSignIn`."""


@dataclass(frozen=True, slots=True)
class AskToEnrol:
    """Lead to where a first second factor is set up."""


@dataclass(frozen=True, slots=True)
class AskConsent:
    """Show the consent page for what was asked for."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """No page helps: the account may not open this app, or cannot reach the wanted ``acr``."""

    why: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Nothing is missing: issue the authorization response."""


Step = (
    AskToSignIn
    | AskToRegister
    | AskSecondFactor
    | AskForCard
    | AskDirectory
    | AskToEnrol
    | AskTerms
    | AskConsent
    | Refuse
    | Answer
)

KIND_NOT_ALLOWED = "kind_not_allowed"
ACR_OUT_OF_REACH = "acr_out_of_reach"


def next_step(asked: Asked, known: Known | None) -> Step:
    """Decide the next page of a sign-in, or that it is done.

    With ``prompt=none`` the caller answers ``login_required`` or ``consent_required``
    (OIDC Core 3.1.2.6), according to the step that would be shown.
    """
    if known is None or _is_another(asked, known) or _too_old(asked, known):
        if "create" in asked.prompt:
            return AskToRegister()
        if _is_for(asked, asked.card_acr):
            return AskForCard()
        by_ticket = known is None and _is_for_ticket(asked)
        if _is_for_judges(asked):
            return AskDirectory(by_ticket)
        return AskToSignIn(known is not None, by_ticket)
    if asked.account_kinds and known.kind not in asked.account_kinds:
        return Refuse(KIND_NOT_ALLOWED)
    return _missing_strength(asked, known) or _missing_word(asked, known) or Answer()


def _missing_word(asked: Asked, known: Known) -> Step | None:
    """Decide whether the person has agreed to all that they have to agree to."""
    if asked.terms > known.accepted_terms:
        return AskTerms()
    return AskConsent() if _must_consent(asked, known) else None


def _is_for(asked: Asked, of_way: frozenset[str]) -> bool:
    """Tell whether who signs in anew had best do so in the way that reaches these values."""
    if asked.essential_acr:
        return asked.essential_acr <= of_way
    return bool(asked.preferred_acr) and asked.preferred_acr[0] in of_way


def _is_for_judges(asked: Asked) -> bool:
    # An app for judges alone spares them the choice among ways; the tabs are there all the same.
    # Where there is no directory, none of its values is known either.
    only_judges = asked.account_kinds == {Kind.JUDGE}
    return bool(asked.directory_acr) and (only_judges or _is_for(asked, asked.directory_acr))


def wants_the_person(prompt: Collection[str], *, limits_age: bool) -> bool:
    """Tell whether the app wants its person to do something: a ticket would answer for them."""
    return limits_age or not _OF_A_PERSON.isdisjoint(prompt)


_OF_A_PERSON = frozenset({"login", "select_account", "create"})


def _wants_the_person(asked: Asked) -> bool:
    return wants_the_person(asked.prompt, limits_age=asked.max_age is not None)


def _is_for_ticket(asked: Asked) -> bool:
    """Tell whether a ticket could lead to the end: who has another way in must not lose it."""
    if not asked.ticket_acr or _wants_the_person(asked):
        return False
    if asked.essential_acr and not asked.essential_acr & asked.ticket_acr:
        return False
    return not asked.account_kinds or Kind.JUDGE in asked.account_kinds


def _missing_strength(asked: Asked, known: Known) -> Step | None:
    """Decide whether the session is strong enough, and what would make it so."""
    is_short = bool(asked.essential_acr) and not asked.essential_acr & known.acrs
    way = _way_to(asked.essential_acr, asked, known) if is_short else None
    if not known.is_whole:
        return way or AskSecondFactor()
    if asked.demands_second_factor and not known.two_factors:
        return way or _way_to_two_factors(asked, known)
    if is_short:
        return way or Refuse(ACR_OUT_OF_REACH)
    return _granting_wish(asked, known)


def _way_to(wanted: frozenset[str], asked: Asked, known: Known) -> Step | None:
    """Find what would reach one of the wanted values."""
    if wanted & known.acrs_within_reach:
        return AskSecondFactor()
    if wanted & _by_card(asked, known):
        return AskForCard()
    return AskDirectory() if wanted & _by_directory(asked, known) else None


def _way_to_two_factors(asked: Asked, known: Known) -> Step:
    if known.acrs_within_reach:
        return AskSecondFactor()
    return AskForCard() if _by_card(asked, known) else AskToEnrol()


def _by_card(asked: Asked, known: Known) -> frozenset[str]:
    # A card that was shown for this and falls short (its list is too old) would do so again.
    has_tried = known.is_of_card and known.authenticated_at >= asked.asked_at
    return frozenset() if has_tried else known.acrs_by_card


def _by_directory(asked: Asked, known: Known) -> frozenset[str]:
    # Whoever has just come by it and falls short would do so again.
    is_fresh = known.authenticated_at >= asked.asked_at
    is_judge = known.kind == Kind.JUDGE
    return asked.directory_acr if is_judge and not is_fresh else frozenset()


def _granting_wish(asked: Asked, known: Known) -> Step | None:
    # In order of preference (OIDC Core 3.1.2.1): of what can be had at all, the first counts.
    # Who has just chosen another way than the card on this very journey is not asked again.
    is_fresh = known.authenticated_at >= asked.asked_at
    by_card = frozenset() if is_fresh else _by_card(asked, known)
    possible = known.acrs | known.acrs_within_reach | by_card
    best = next((value for value in asked.preferred_acr if value in possible), "")
    if best in known.acrs or not best:
        return None
    return AskSecondFactor() if best in known.acrs_within_reach else AskForCard()


def _is_another(asked: Asked, known: Known) -> bool:
    return bool(asked.subject) and asked.subject != known.subject


def _too_old(asked: Asked, known: Known) -> bool:
    if known.is_of_ticket and _wants_the_person(asked):
        return True
    # Counted from the moment the client asked: `max_age=0` compared with *now* would ask for
    # a sign-in for ever.
    if known.authenticated_at >= asked.asked_at:
        return False
    if asked.prompt & _OF_A_PERSON:
        return True
    return asked.max_age is not None and asked.asked_at - known.authenticated_at > asked.max_age


def _must_consent(asked: Asked, known: Known) -> bool:
    if asked.skips_consent:
        return False
    if known.given is not None:
        # A registration can change while the page is open: what is asked for now may be more.
        return not known.given.covers(asked.permission)
    return "consent" in asked.prompt or not known.consented.covers(asked.permission)
