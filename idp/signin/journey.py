"""What a sign-in needs next. The one place that decides it; pure.

Pages never send the browser to one another. Each returns it to
``/authorize/continue``, which calls :func:`next_step` with what is on record.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from idp.consent.model import Permission


@dataclass(frozen=True, slots=True)
class Asked:
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


@dataclass(frozen=True, slots=True)
class Known:
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
    two_factors: bool = False
    is_whole: bool = True
    """Whether the second factor that the account's owner wants asked for has been shown."""


@dataclass(frozen=True, slots=True)
class AskToSignIn:
    """Show the sign-in page with its ways."""

    again: bool = False
    """Somebody is signed in already, and has to prove it once more."""


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
        return AskToSignIn(again=known is not None)
    if asked.account_kinds and known.kind not in asked.account_kinds:
        return Refuse(KIND_NOT_ALLOWED)
    return _missing_strength(asked, known) or _missing_word(asked, known) or Answer()


def _missing_word(asked: Asked, known: Known) -> Step | None:
    """Decide whether the person has agreed to all that they have to agree to."""
    if asked.terms > known.accepted_terms:
        return AskTerms()
    return AskConsent() if _must_consent(asked, known) else None


def _missing_strength(asked: Asked, known: Known) -> Step | None:
    """Decide whether the session is strong enough, and what would make it so."""
    if not known.is_whole:
        return AskSecondFactor()
    if asked.demands_second_factor and not known.two_factors:
        return AskSecondFactor() if known.acrs_within_reach else AskToEnrol()
    if asked.essential_acr and not asked.essential_acr & known.acrs:
        reachable = asked.essential_acr & known.acrs_within_reach
        return AskSecondFactor() if reachable else Refuse(ACR_OUT_OF_REACH)
    return AskSecondFactor() if _wishes_for_more(asked, known) else None


def _wishes_for_more(asked: Asked, known: Known) -> bool:
    # In order of preference (OIDC Core 3.1.2.1): of what can be had at all, the first counts.
    possible = known.acrs | known.acrs_within_reach
    best = next((value for value in asked.preferred_acr if value in possible), "")
    return best in known.acrs_within_reach


def _is_another(asked: Asked, known: Known) -> bool:
    return bool(asked.subject) and asked.subject != known.subject


def _too_old(asked: Asked, known: Known) -> bool:
    # Counted from the moment the client asked: `max_age=0` compared with *now* would ask for
    # a sign-in for ever.
    if known.authenticated_at >= asked.asked_at:
        return False
    if asked.prompt & {"login", "select_account", "create"}:
        return True
    return asked.max_age is not None and asked.asked_at - known.authenticated_at > asked.max_age


def _must_consent(asked: Asked, known: Known) -> bool:
    if asked.skips_consent:
        return False
    if known.given is not None:
        # A registration can change while the page is open: what is asked for now may be more.
        return not known.given.covers(asked.permission)
    return "consent" in asked.prompt or not known.consented.covers(asked.permission)
