"""The ``acr`` values of this provider: what a session stands for, and what a card would add. Pure.

Each value stands for itself and for all that is weaker. A sign-in that rests on a revocation list
past its time, or on a component whose page types the PIN, never stands for a card's own value.
"""

from collections.abc import Sequence

from idp.config import CardsSection, Config, DirectorySection
from idp.oidc.vocabulary import ACR_MFA, ACR_PASSWORD
from idp.sessions.store import Session


def reached(session: Session, section: CardsSection) -> tuple[str, ...]:
    """List what a session stands for, the most telling first."""
    if not session.two_factors:
        return tuple(dict.fromkeys((session.acr, ACR_PASSWORD)))
    told = by_card(section) if session.acr == section.acr else (session.acr,)
    return tuple(dict.fromkeys((*told, ACR_MFA, ACR_PASSWORD)))


def by_card(section: CardsSection) -> tuple[str, ...]:
    """List what a sign-in by card stands for, the most telling first."""
    return (section.acr, section.degraded_acr, section.hipki_acr, ACR_MFA, ACR_PASSWORD)


def only_by_card(section: CardsSection) -> frozenset[str]:
    """Give the values that nothing but a card reaches; none where cards are not taken."""
    if not section.enabled:
        return frozenset()
    return frozenset({section.acr, section.degraded_acr, section.hipki_acr})


def by_ticket(directories: Sequence[DirectorySection]) -> frozenset[str]:
    """Give the values that a judge's ticket reaches; none where no tickets are taken."""
    if not directories:
        return frozenset()
    found = {one.ticket_acr for one in directories if one.keytab_file and one.ticket_networks}
    return frozenset(found | {ACR_PASSWORD} if found else ())


def is_of_card(session: Session, section: CardsSection) -> bool:
    """Tell whether a card has opened a session."""
    return session.acr in {section.acr, section.degraded_acr, section.hipki_acr}


def only_by_directory(directories: Sequence[DirectorySection]) -> frozenset[str]:
    """Give the values that nothing but an account of a directory reaches."""
    if not directories:
        return frozenset()
    found = {value for one in directories for value in (one.acr, one.ticket_acr)}
    return frozenset(found - {ACR_PASSWORD, ACR_MFA})


def offered(config: Config) -> list[str]:
    """List what can come of a sign-in here (``acr_values_supported``)."""
    section = config.cards
    found = [ACR_PASSWORD, ACR_MFA]
    for one in config.directories:
        found += [one.acr, one.ticket_acr] if one.keytab_file else [one.acr]
    if section.enabled:
        found.append(section.acr)
        found += [section.degraded_acr] if section.crl_grace_hours else []
        found += [section.hipki_acr] if section.hipki else []
    return list(dict.fromkeys(found))
