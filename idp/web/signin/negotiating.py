"""The ticket that a browser brings to a sign-in page, or is asked for there (RFC 4559).

The page itself is the body of the question: who has no ticket uses it, and notices nothing.
A token that proves nothing is answered by the page and no second question, or browsers would
ask their people for a password of the domain.
"""

import base64
import binascii
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask import Response, make_response, request
from flask.typing import ResponseReturnValue

from idp.audit.events.signin import SigninRefused
from idp.authenticators.directory import names, pac
from idp.authenticators.directory.model import DirectoryPerson, Standing
from idp.authenticators.directory.pac import Named
from idp.config import DirectorySection
from idp.gateways.kerberos import LONGEST, Accepted, Refused, Why
from idp.provider import Provider
from idp.signin.directory import TICKET
from idp.web import metrics, tickets
from idp.web.current import half_signed_in
from idp.web.request import has_mark, mark, origin
from idp.web.signin import concluding
from idp.web.signin.journeys import Underway

log = logging.getLogger(__name__)

_SCHEME = "negotiate "
_LONGEST_HEADER = len(_SCHEME) + 4 * (LONGEST + 2) // 3
_OURS_TO_MEND = {Why.KEYTAB, Why.NO_LIBRARY}
_OTHERS = {Standing.NOT_ALLOWED, Standing.WRONG_CREDENTIALS}


@dataclass(frozen=True, slots=True)
class _Known:
    """A ticket of a realm of ours."""

    sections: Sequence[DirectorySection]
    """Whose it may be: in a forest several have one keytab."""
    named: Named
    reply: bytes


@dataclass(frozen=True, slots=True)
class Pages:
    """What is shown where no ticket leads on."""

    plain: Callable[[], Response]
    """The page as it is without one."""
    again: concluding.Page
    """The form of the directory, with the reason why a good ticket lets nobody in."""


def answer(portico: Provider, journey: Underway, pages: Pages) -> ResponseReturnValue:
    """Take the ticket that came along, ask for one, or show the page as it is."""
    sections = _sections(portico, journey)
    if not sections:
        return pages.plain()
    given = request.headers.get("Authorization", "")
    if given.casefold().startswith(_SCHEME):
        return _take(portico, journey, _first_known(portico, sections, _token(given)), pages)
    return pages.plain() if has_mark() else _ask(pages.plain())


def _sections(portico: Provider, journey: Underway) -> Sequence[DirectorySection]:
    """List whose tickets would do; none where the person is to do something, or is there already.

    A ticket shows that the browser is theirs, not that they sit in front of it.
    """
    if journey.wants_the_person or "form" in request.args or not tickets.is_of_a_person():
        return ()
    found = tickets.sections_here(portico)
    return found if found and half_signed_in(portico) is None else ()


def _ask(page: Response) -> Response:
    page.status_code = 401
    page.headers["WWW-Authenticate"] = "Negotiate"
    return mark(page)


def _take(
    portico: Provider, journey: Underway, known: _Known | Refused, pages: Pages
) -> ResponseReturnValue:
    if isinstance(known, Refused):
        _note(portico, known)
        return mark(pages.plain())
    section, found = _holder(portico, known)
    # Whom the directory's door is not for has another way: they are not told of this one.
    page = (lambda _errors, _status: pages.plain()) if found in _OTHERS else pages.again
    means = concluding.by_ticket(section)
    response = make_response(concluding.conclude(portico, journey, found, means, page=page))
    if known.reply:
        proof = base64.b64encode(known.reply).decode()
        response.headers["WWW-Authenticate"] = f"Negotiate {proof}"
    return response


def _holder(
    portico: Provider, known: _Known
) -> tuple[DirectorySection, DirectoryPerson | Standing]:
    """Look the account up where it may be; a ticket is taken once, and these are questions."""
    for section in known.sections:
        found = portico.directories.by_sid(section.id, known.named.sid)
        if found is not Standing.WRONG_CREDENTIALS:
            return section, found
    return known.sections[0], Standing.WRONG_CREDENTIALS


def _token(given: str) -> bytes:
    """Decode what follows the scheme; empty where it is too long, or no base64."""
    if len(given) > _LONGEST_HEADER:
        return b""
    try:
        return base64.b64decode(given[len(_SCHEME) :].strip(), validate=True)
    except binascii.Error:
        return b""


def _first_known(
    portico: Provider, sections: Sequence[DirectorySection], token: bytes
) -> _Known | Refused:
    """Ask each directory's keys; a ticket is for the keys of one of them."""
    refused = Refused(Why.MALFORMED)
    for section in sections:
        found = portico.tickets.accept(
            token, section.keytab_file, section.replay_file, section.ticket_hosts
        )
        if isinstance(found, Refused):
            refused = found
            continue
        named = pac.read(found.upn_dns_info)
        if isinstance(named, Named):
            alike = [one for one in sections if one.keytab_file == section.keytab_file]
            return _of_its_realm(alike, named, found)
        refused = Refused(Why.NO_PAC, named.why)
    return refused


def _of_its_realm(
    sections: Sequence[DirectorySection], named: Named, ticket: Accepted
) -> _Known | Refused:
    """Believe a realm what it says of its own people: one that is trusted is not yet a court's."""
    its = [one for one in sections if names.is_realm_of(one, ticket.realm)]
    if not its:
        return Refused(Why.OTHER_REALM, ticket.realm)
    return _Known(its, named, ticket.reply)


def _note(portico: Provider, refused: Refused) -> None:
    """Say why, to the operator and to nobody else; a token shown twice leaves its trace."""
    metrics.signin(TICKET, refused.why)
    level = logging.ERROR if refused.why in _OURS_TO_MEND else logging.WARNING
    log.log(level, "ticket refused", extra={"kind": refused.why, "why": refused.detail})
    with portico.database.write(origin()) as tx:
        portico.trail.append(tx, SigninRefused(method=TICKET, reason=f"ticket_{refused.why}"))
