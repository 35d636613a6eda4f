"""What the worker does about cards: lists, authorities, numbers to confirm, ends to warn of."""

import logging
from datetime import timedelta

from idp.audit.events.cards import AuthorityStanding
from idp.authenticators.card import cards, roots, trust
from idp.clock import system_clock
from idp.gateways.ics import Said
from idp.mail.messages import CardExpires
from idp.provider import Provider
from idp.worker.loop import Round
from idp.worker.origin import WORKER

_WARNINGS_AT_ONCE = 100
_ASKED_AT_ONCE = 20
log = logging.getLogger(__name__)


def rounds(portico: Provider) -> list[Round]:
    """List what is looked after, and how often."""
    return [
        Round("card-lists", timedelta(minutes=1), lambda: fetch_card_lists(portico)),
        Round("card-roots", timedelta(hours=6), lambda: watch_card_authorities(portico)),
        Round(
            "national-ids",
            timedelta(minutes=1),
            lambda: confirm_national_ids(portico),
            batch=_ASKED_AT_ONCE,
        ),
        Round(
            "card-warnings",
            timedelta(hours=1),
            lambda: warn_of_cards(portico),
            batch=_WARNINGS_AT_ONCE,
        ),
    ]


def fetch_card_lists(portico: Provider) -> int:
    """Fetch the whole lists of revoked cards that are due; gives how many were taken over."""
    if not portico.config.cards.enabled:
        return 0
    with portico.database.read() as tx:
        wanted = [one for one in trust.everyone(tx) if one.is_on and one.crl_url]
    fetched = 0
    for one in wanted:
        entries = portico.card_lists.refresh(
            one, lambda: portico.database.write(WORKER), clock=system_clock
        )
        fetched += entries is not None
    if fetched:
        ask_card_roots(portico)
    return fetched


def ask_card_roots(portico: Provider) -> int:
    """Have the roots say what they think of the authorities; gives of how many something new."""
    with portico.database.write(WORKER) as tx:
        news = roots.ask(tx)
        for one, said in news:
            fingerprint = one.authority.fingerprint.hex()
            portico.trail.append(tx, AuthorityStanding(fingerprint=fingerprint, standing=said))
    for one, said in news:
        log.warning("an authority of cards", extra={"authority": one.name, "standing": said})
    return len(news)


def watch_card_authorities(portico: Provider) -> int:
    """Ask the roots, and say in the log what an administrator has to see to."""
    if not portico.config.cards.enabled:
        return 0
    ask_card_roots(portico)
    patience = timedelta(hours=portico.config.cards.root_alarm_hours)
    with portico.database.read() as tx:
        found = [
            (one.installed.name, why)
            for one in roots.healths(tx)
            for why in roots.worries(one, tx.now, patience)
        ]
    for name, why in found:
        log.warning("an authority of cards", extra={"authority": name, "why": why})
    return len(found)


def confirm_national_ids(portico: Provider) -> int:
    """Ask the authority about ids that only four characters vouch for; gives how many answers.

    Whoever is not answered asks again later; a service that is down is asked once a round.
    """
    if not portico.ics.is_on:
        return 0
    with portico.database.read() as tx:
        questions = portico.confirming.questions(tx, _ASKED_AT_ONCE)
    for number, one in enumerate(questions):
        now = portico.database.clock()
        said = portico.ics.ask(one.subject_number, one.national_id, now)
        with portico.database.write(WORKER) as tx:
            portico.confirming.settle(tx, one, said)
        if said is Said.UNKNOWN and one.subject_number and one.national_id:
            return number
    return len(questions)


def warn_of_cards(portico: Provider) -> int:
    """Tell the owners of cards that expire soon, once for each of ``[cards] warn_days``.

    The latest warning first: a card that was added late gets that one and none before it.
    """
    section = portico.config.cards
    if not section.enabled:
        return 0
    for days in sorted(section.warn_days):
        with portico.database.read() as tx:
            found = cards.ending(tx, days, _WARNINGS_AT_ONCE)
        for one in found:
            _warn_of_card(portico, one, days)
        if len(found) == _WARNINGS_AT_ONCE:
            return _WARNINGS_AT_ONCE
    return 0


def _warn_of_card(portico: Provider, one: cards.Ending, days: int) -> None:
    with portico.database.write(WORKER) as tx:
        if not cards.warned(tx, one.id, days):
            return
        message = CardExpires(
            at=tx.now,
            kind=one.profile_id,
            serial=cards.short(one.serial),
            until=one.not_after,
            days=cards.days_left(one.not_after, tx.now),
        )
        unique = f"card/{one.id}/{days}"
        portico.notices.tell(tx, one.account_id, message, unique=unique)
