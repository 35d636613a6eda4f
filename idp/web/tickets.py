"""Whether a browser is asked for a ticket (P04), for every surface that leads to a sign-in.

Only on the networks that the configuration names, and never twice in a row: who has no ticket
sees from then on what everybody sees. Nobody is asked just after a sign-out, or it would undo it.
"""

from flask import redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from idp.config import DirectorySection
from idp.provider import Provider
from idp.web import last_way
from idp.web.request import has_mark, is_listed, origin
from idp.web.wiring import provider


def sections_here(portico: Provider) -> tuple[DirectorySection, ...]:
    """List the directories whose tickets are taken from where this request comes from."""
    found = [one for one in portico.config.directories if one.keytab_file and one.ticket_networks]
    if not found or not portico.tickets.available():
        return ()
    address = origin().address
    return tuple(one for one in found if is_listed(address, one.ticket_networks))


def leads(portico: Provider) -> bool:
    """Tell whether a browser that nobody is signed in from is led to where tickets are taken."""
    return is_of_a_person() and not has_mark() and bool(sections_here(portico))


def to_sign_in(page: str) -> BaseResponse:
    """Send a browser that nobody is signed in from to the sign-in, which leads back to ``page``."""
    portico = provider()
    endpoint = "ticket.show" if leads(portico) else last_way.endpoint(portico)
    return redirect(url_for(endpoint, journey=page), code=303)


def is_of_a_person() -> bool:
    """Tell whether a page is asked for, to be looked at: no script, no frame, nothing beforehand.

    A ticket answers for a person who is not asked: nobody else's page may make it do so unseen.
    """
    headers = request.headers
    return (
        request.method == "GET"
        and headers.get("Sec-Fetch-Mode", "navigate") == "navigate"
        and headers.get("Sec-Fetch-Dest", "document") == "document"
        and not headers.get("Sec-Purpose")
    )
