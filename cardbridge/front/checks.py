"""Who may ask: one function a check, and for each path the checks it takes, in order.

All of them read the head alone. Until the last has passed no byte of a body is looked at.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cardbridge.front.http import Request
from cardbridge.front.tickets import Tickets
from cardbridge.origins import own_hosts, own_origins
from cardbridge.outcomes import Code

TICKET_HEADER = "x-cardbridge-ticket"
ALLOWED_HEADERS = frozenset({"content-type", "x-cardbridge", TICKET_HEADER})


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that is not looked into."""

    status: int
    code: Code
    why: str
    """For the log; the caller is told the code alone."""


@dataclass(frozen=True, slots=True)
class House:
    """What the checks compare with."""

    port: int
    sites: Mapping[str, str]
    tickets: Tickets


Check = Callable[[Request, House], Refused | None]


def host_is_ours(request: Request, house: House) -> Refused | None:
    """Demand a name of the loopback: a rebound name of somebody else's leads here as well."""
    if request.headers.get("host") in own_hosts(house.port):
        return None
    return Refused(421, Code.BAD_REQUEST, "host")


def origin_is_allowed(request: Request, house: House) -> Refused | None:
    """Demand an origin of the list, whole and exact; ``null`` and none are on no list."""
    if request.origin in house.sites:
        return None
    return Refused(403, Code.ORIGIN_DENIED, "origin")


def origin_is_allowed_or_our_popup(request: Request, house: House) -> Refused | None:
    """Let our own popup pass too; it brings the origin it speaks for in its body."""
    if request.origin in own_origins(house.port):
        return None
    return origin_is_allowed(request, house)


def is_a_fetch(request: Request, house: House) -> Refused | None:
    """Refuse what a browser calls a navigation, a frame or an image (Fetch Metadata).

    A browser too old to say passes: the header that follows needs a preflight from it too.
    """
    mode = request.headers.get("sec-fetch-mode", "cors")
    destination = request.headers.get("sec-fetch-dest", "empty")
    if mode == "cors" and destination == "empty" and "sec-fetch-user" not in request.headers:
        return None
    return Refused(403, Code.BAD_REQUEST, "sec-fetch")


def is_a_window(request: Request, house: House) -> Refused | None:
    """Demand a navigation of a whole window, where a browser says so; no frame, no fetch."""
    mode = request.headers.get("sec-fetch-mode", "navigate")
    destination = request.headers.get("sec-fetch-dest", "document")
    if mode == "navigate" and destination == "document" and not request.origin:
        return None
    return Refused(403, Code.BAD_REQUEST, "sec-fetch")


def header_is_there(request: Request, house: House) -> Refused | None:
    """Demand a header that no form can send and no page without a preflight."""
    if request.headers.get("x-cardbridge") == "1":
        return None
    return Refused(403, Code.BAD_REQUEST, "header")


def content_is_json(request: Request, house: House) -> Refused | None:
    """Demand the one media type, which no form has."""
    if request.headers.get("content-type") == "application/json":
        return None
    return Refused(415, Code.BAD_REQUEST, "content-type")


def ticket_is_good(request: Request, house: House) -> Refused | None:
    """Demand a ticket of this origin."""
    if house.tickets.is_good(request.headers.get(TICKET_HEADER, ""), request.origin):
        return None
    return Refused(403, Code.TICKET_INVALID, "ticket")


_ASKED = (host_is_ours, origin_is_allowed, is_a_fetch, header_is_there)
CHECKS: Mapping[tuple[str, str], tuple[Check, ...]] = {
    ("GET", "/v1/info"): _ASKED,
    ("POST", "/v1/hello"): (*_ASKED, content_is_json),
    ("GET", "/v1/status"): (*_ASKED, ticket_is_good),
    ("POST", "/v1/cancel"): (*_ASKED, content_is_json),
    ("POST", "/v1/authenticate"): (
        host_is_ours,
        origin_is_allowed_or_our_popup,
        is_a_fetch,
        header_is_there,
        content_is_json,
        ticket_is_good,
    ),
    ("GET", "/popup"): (host_is_ours, is_a_window),
}
_METHODS = {path: method for method, path in CHECKS}


def admit(request: Request, house: House) -> Refused | None:
    """Put a request through the checks of its path; the first that fails answers."""
    if refused := host_is_ours(request, house):
        return refused
    if request.method == "OPTIONS":
        return _admit_preflight(request, house)
    if request.target not in _METHODS:
        return Refused(404, Code.BAD_REQUEST, "path")
    checks = CHECKS.get((request.method, request.target))
    if checks is None:
        return Refused(405, Code.BAD_REQUEST, "method")
    return next((refused for check in checks if (refused := check(request, house))), None)


def _admit_preflight(request: Request, house: House) -> Refused | None:
    """Answer the browser's question in advance (Fetch, 4.8) as the request would be answered."""
    if refused := origin_is_allowed(request, house):
        return refused
    method = request.headers.get("access-control-request-method", "")
    if (method, request.target) not in CHECKS or request.target == "/popup":
        return Refused(403, Code.BAD_REQUEST, "preflight method")
    asked = request.headers.get("access-control-request-headers", "")
    if not {name.strip().lower() for name in asked.split(",") if name} <= ALLOWED_HEADERS:
        return Refused(403, Code.BAD_REQUEST, "preflight headers")
    return None
