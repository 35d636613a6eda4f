"""Who is asking: the address behind trusted proxies, cookies, language, and CSRF.

Cookies hold opaque values alone. Each has one purpose: the session, the binding of a
sign-in to this browser, and the name of a browser that has signed in before.
"""

import hmac
import random
import re
from collections.abc import Mapping, Sequence
from ipaddress import ip_address, ip_network
from typing import Any, cast

import msgspec
from flask import Response, current_app, has_request_context, request
from werkzeug.exceptions import BadRequest, Forbidden
from werkzeug.http import dump_cookie

from idp.database.transaction import Origin
from idp.oidc.session_state import browser_state
from idp.secret import base64url, digest
from idp.web.wiring import provider
from ui import locale

_REQUEST_ID = re.compile(r"[0-9a-f-]{8,64}")
_SESSION, _BROWSER, _DEVICE, _LANGUAGE, _STATE = "session", "browser", "device", "lang", "state"
_WAY = "way"
_TICKET, _NO_TICKET, _NO_TICKET_SECONDS = "ticket", "not-asked-for-now", 10 * 60
_YEAR = 365 * 24 * 3600
_OPAQUE = re.compile(r"[A-Za-z0-9_-]{16,128}")
_AT_ENVIRON = "portico.origin"
_LOCALES, _JOURNEY = "portico.locales", "portico.journey"
_NEW_BROWSER = "portico.browser"


def cookie_name(purpose: str, *, secure: bool) -> str:
    """Name a cookie; over TLS no other host or path can set it (``__Host-``, RFC 6265bis)."""
    return f"__Host-portico_{purpose}" if secure else f"portico_{purpose}"


def is_secure() -> bool:
    """Whether the issuer is https: a matter of configuration, never of the request."""
    return provider().config.provider.issuer.startswith("https://")


class Peer(msgspec.Struct, frozen=True):
    """What tells who is asking, before anything of a request is believed."""

    remote: str
    forwarded_for: str
    request_id: str


def origin_of(peer: Peer, trusted_proxies: Sequence[str]) -> Origin:
    """Find the client's address. ``X-Forwarded-For`` counts only from listed peers."""
    address, request_id = peer.remote, ""
    if is_listed(peer.remote, trusted_proxies):
        hops = [hop.strip() for hop in peer.forwarded_for.split(",") if hop.strip()]
        # From the right: the last hop that is none of our own proxies is the client.
        strangers = (hop for hop in reversed(hops) if not is_listed(hop, trusted_proxies))
        address = next(strangers, address)
        request_id = peer.request_id if _REQUEST_ID.fullmatch(peer.request_id) else ""
    return Origin(address=address[:64], request_id=request_id or _new_reference())


def _new_reference() -> str:
    """Number a request. It opens nothing and may be guessed: no system call for that."""
    return f"{random.getrandbits(64):016x}"


def is_listed(address: str, networks: Sequence[str]) -> bool:
    """Tell whether an address is in one of the networks."""
    if not networks:
        return False
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in ip_network(network) for network in networks)


def origin() -> Origin:
    """Who set this request in motion; the same for all its transactions."""
    found = request.environ.get(_AT_ENVIRON)
    if found is None:
        peer = Peer(
            request.remote_addr or "",
            request.headers.get("X-Forwarded-For", ""),
            request.headers.get("X-Request-Id", ""),
        )
        found = origin_of(peer, provider().config.server.trusted_proxies)
        request.environ[_AT_ENVIRON] = found
    user_agent = request.headers.get("User-Agent", "")[:255]
    return Origin(found.address, found.request_id, browser=user_agent)


def keep_origin(environ: dict[str, Any], found: Origin) -> None:
    """Have the pages go by the same number where the request was looked at in front of them."""
    environ[_AT_ENVIRON] = found


def read_cookie(purpose: str) -> str:
    """Read one of our cookies; anything that is not of our form is as good as absent."""
    value = request.cookies.get(cookie_name(purpose, secure=is_secure()), "")
    return value if _OPAQUE.fullmatch(value) else ""


def cookie_in(header: str, purpose: str, issuer: str) -> str:
    """Find one of our cookies in a ``Cookie`` header, without Flask; empty if it is not there.

    Of two of one name neither is believed: somebody has planted one (RFC 6265 section 8.6).
    """
    name = cookie_name(purpose, secure=issuer.startswith("https://"))
    found = [
        value
        for one in header.split(";")
        for key, _, value in (one.strip().partition("="),)
        if key == name
    ]
    return found[0] if len(found) == 1 and _OPAQUE.fullmatch(found[0]) else ""


def session_hash() -> bytes | None:
    """Give SHA-256 of the session cookie, or ``None`` without one."""
    cookie = read_cookie(_SESSION)
    return digest(cookie) if cookie else None


def is_sent(header: str, purpose: str, issuer: str) -> bool:
    """Tell whether anything called as one of our cookies came along, without Flask."""
    return f"{cookie_name(purpose, secure=issuer.startswith('https://'))}=" in header


def binding_in(header: str, issuer: str) -> str:
    """Find this browser's binding in a ``Cookie`` header, without Flask; empty without one."""
    return cookie_in(header, _BROWSER, issuer)


def binding_cookie(binding: str, issuer: str) -> str:
    """Write the ``Set-Cookie`` that hands a browser its binding, without Flask."""
    return _cookie(_BROWSER, binding, max_age=None, secure=issuer.startswith("https://"))


def browser() -> str:
    """Give this browser's binding; makes one that :func:`keep_browser` sends along."""
    found = request.environ.get(_NEW_BROWSER) or read_cookie(_BROWSER)
    if not found:
        found = request.environ[_NEW_BROWSER] = new_binding()
    return str(found)


def new_binding() -> str:
    """Make a binding, for a browser without one or to be renewed."""
    return base64url(provider().entropy(32))


def browser_hash() -> bytes:
    """Give SHA-256 of the binding: what rows are bound to."""
    return digest(browser())


def device() -> str:
    """Give the name of this browser for years to come; makes one where there is none."""
    return read_cookie(_DEVICE) or base64url(provider().entropy(32))


def keep_browser(response: Response) -> Response:
    """Send the binding and the language, if they are new, with any page."""
    if made := request.environ.get(_NEW_BROWSER):
        _set(response, _BROWSER, made, max_age=None)
    clicked = request.args.get("lang", "")
    if clicked in locale.SUPPORTED:
        # With the journey it was clicked on: there, and there alone, it outdoes the app's wish.
        mark = request.environ.get(_JOURNEY, "")
        _set(response, _LANGUAGE, f"{clicked}.{mark}" if mark else clicked, max_age=_YEAR)
    return response


def give_session(
    response: Response, cookie: str, device_name: str, *, binding: str = "", way: str = ""
) -> Response:
    """Hand over a new session, and renew the binding: nothing from before is carried on.

    Args:
        binding: the new one, to which the journey at hand has been bound already; empty where
            the same person has only shown more than before.
        way: by which it was opened, of ``idp.web.last_way``; empty: by none of a page of its own.
    """
    if binding:
        request.environ[_NEW_BROWSER] = binding
    _set(response, _SESSION, cookie, max_age=None)
    if way:
        _set(response, _WAY, way, max_age=_YEAR)
    keep_state(response, digest(cookie))
    _set(response, _DEVICE, device_name, max_age=2 * _YEAR)
    return response


def keep_state(response: Response, session_hash: bytes) -> Response:
    """Let our frame in an app's page see which session this is, and when it is another.

    The one cookie that a script may read: it tells nothing but whether it has changed, and
    has to reach a frame on another site (OIDC Session Management section 3.2).
    """
    response.headers.add("Set-Cookie", _state_cookie(session_hash, secure=is_secure()))
    return response


def session_cookies(
    cookie: str, device_name: str, *, binding: str, way: str, issuer: str
) -> list[str]:
    """Write what :func:`give_session` has the browser keep, without Flask."""
    secure = issuer.startswith("https://")
    return [
        _cookie(_SESSION, cookie, max_age=None, secure=secure),
        _cookie(_WAY, way, max_age=_YEAR, secure=secure),
        _state_cookie(digest(cookie), secure=secure),
        _cookie(_DEVICE, device_name, max_age=2 * _YEAR, secure=secure),
        binding_cookie(binding, issuer),
    ]


def _state_cookie(session_hash: bytes, *, secure: bool) -> str:
    return dump_cookie(
        cookie_name(_STATE, secure=secure),
        browser_state(session_hash),
        secure=secure,
        httponly=False,
        samesite="None" if secure else "Lax",
        path="/",
    )


def state_cookie_name() -> str:
    """Name the cookie that :func:`keep_state` sets."""
    return cookie_name(_STATE, secure=is_secure())


def kept_way() -> str:
    """Tell by which way somebody signed in here last; anything may stand there."""
    return request.cookies.get(cookie_name(_WAY, secure=is_secure()), "")


def has_mark() -> bool:
    """Tell whether this browser is not to be asked for a ticket at the moment."""
    return bool(read_cookie(_TICKET))


def mark(response: Response) -> Response:
    """Ask this browser for no ticket for ten minutes; nobody else gains by setting that."""
    _set(response, _TICKET, _NO_TICKET, max_age=_NO_TICKET_SECONDS)
    return response


def unmark(response: Response) -> Response:
    """Ask it again when it comes without a session."""
    _set(response, _TICKET, "", max_age=0)
    return response


def take_session(response: Response) -> Response:
    """Remove the session's cookie and what the frame reads of it, and renew the binding.

    What the person had under way here is not the next one's to go on with; and no ticket signs
    them in again before they have seen that they are signed out.
    """
    if any(one.keytab_file for one in provider().config.directories):
        mark(response)
    request.environ[_NEW_BROWSER] = new_binding()
    response.delete_cookie(state_cookie_name(), path="/", secure=is_secure())
    name = cookie_name(_SESSION, secure=is_secure())
    response.delete_cookie(name, path="/", secure=is_secure(), httponly=True, samesite="Lax")
    return response


def _set(response: Response, purpose: str, value: str, *, max_age: int | None) -> None:
    cookie = _cookie(purpose, value, max_age=max_age, secure=is_secure())
    response.headers.add("Set-Cookie", cookie)


def _cookie(purpose: str, value: str, *, max_age: int | None, secure: bool) -> str:
    return dump_cookie(
        cookie_name(purpose, secure=secure),
        value,
        max_age=max_age,
        secure=secure,
        httponly=True,
        samesite="Lax",
        path="/",
    )


def hear_locales(ui_locales: str, journey_id: str = "") -> None:
    """Note which languages the app has asked for (OIDC Core section 3.1.2.1).

    To be called before the first word of a page is chosen.
    """
    request.environ[_LOCALES] = ui_locales
    if journey_id:
        request.environ[_JOURNEY] = _mark_of(journey_id)


def _mark_of(journey_id: str) -> str:
    return base64url(digest(journey_id)[:9])


def way_in(header: str, issuer: str) -> str:
    """Tell the same as :func:`kept_way` of a ``Cookie`` header, without Flask."""
    return _written_in(header, _WAY, issuer)


def language_in(header: str, issuer: str) -> str:
    """Find the language chosen last in a ``Cookie`` header, without Flask; empty: none was."""
    return _language_in(header, issuer)[0]


def language_on(
    journey_id: str, ui_locales: str, accept_language: str, *, cookies: str, issuer: str
) -> str:
    """Tell the language of a page of a journey, without Flask, where none was clicked just now."""
    remembered, mark = _language_in(cookies, issuer)
    is_of_journey = bool(mark) and mark == _mark_of(journey_id)
    return locale.negotiate(
        explicit=remembered if is_of_journey else "",
        remembered=remembered,
        ui_locales=ui_locales,
        accept_language=accept_language,
    )


def _language_in(header: str, issuer: str) -> tuple[str, str]:
    language, _, mark = _written_in(header, _LANGUAGE, issuer).partition(".")
    return language, mark


def _written_in(header: str, purpose: str, issuer: str) -> str:
    name = cookie_name(purpose, secure=issuer.startswith("https://"))
    kept = dict(one.strip().partition("=")[::2] for one in header.split(";"))
    return kept.get(name, "")


def speaks() -> str:
    """Tell the language of this request, also for an error page before anything else."""
    if not has_request_context():
        return locale.DEFAULT
    remembered, clicked = _language_cookie()
    return locale.negotiate(
        explicit=request.args.get("lang", "") or clicked,
        remembered=remembered,
        ui_locales=request.args.get("ui_locales", "") or request.environ.get(_LOCALES, ""),
        accept_language=request.headers.get("Accept-Language", ""),
    )


def _language_cookie() -> tuple[str, str]:
    """Give the language chosen last, and again if it was clicked on the journey at hand."""
    kept = request.cookies.get(cookie_name(_LANGUAGE, secure=is_secure()), "")
    language, _, mark = kept.partition(".")
    is_of_journey = bool(mark) and mark == request.environ.get(_JOURNEY)
    return language, language if is_of_journey else ""


def babel_locale() -> str:
    """Give the same by Flask-Babel's names."""
    return speaks().replace("-", "_")


def csrf_token() -> str:
    """Give the token of this browser's forms: bound to its binding, worthless elsewhere."""
    return csrf_token_of(cast("bytes", current_app.extensions["portico.csrf"]), browser())


def csrf_token_of(key: bytes, binding: str) -> str:
    """Give the same without Flask, by the key of the application."""
    return base64url(hmac.digest(key, binding.encode(), "sha256"))


def sealed_word(word: str) -> str:
    """Write a word of ours for the address of this browser's next page: nobody else can."""
    return f"{word}.{_seal_of(word)}"


def own_word(written: str) -> str:
    """Read what :func:`sealed_word` wrote for this browser; empty for anything else."""
    word, _, seal = written.rpartition(".")
    return word if hmac.compare_digest(seal.encode(), _seal_of(word).encode()) else ""


def _seal_of(word: str) -> str:
    key = cast("bytes", current_app.extensions["portico.csrf"])
    return base64url(hmac.digest(key, f"word:{word}:{browser()}".encode(), "sha256"))


def demand_csrf(form: Mapping[str, str]) -> None:
    """Refuse a form that another site, or nobody, has sent.

    Raises:
        Forbidden: the token or the origin is not ours.
    """
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        raise Forbidden
    if not hmac.compare_digest(form.get("csrf_token", "").encode(), csrf_token().encode()):
        raise Forbidden


def single_form() -> dict[str, str]:
    """Read the posted form; a field that comes twice is a mistake or an attack.

    Raises:
        BadRequest: a field is repeated, or holds a NUL.
    """
    fields = dict(request.form.lists())
    if any(len(values) > 1 for values in fields.values()):
        raise BadRequest
    found = {name: values[0] for name, values in fields.items()}
    if any("\x00" in value for value in found.values()):
        raise BadRequest
    return found
