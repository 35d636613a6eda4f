"""From WSGI to an exchange and back, for the endpoints that no person sees.

They are answered before Flask is asked: its request machinery is most of what such a
request costs (decision record 0002). The application still has a rule for each, so that
the route census sees them and its test client reaches them.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from flask import Flask, Response, request
from sqlalchemy.exc import SQLAlchemyError

from idp.database.transaction import Origin, is_outage
from idp.keys.store import NoSigningKey
from idp.oidc.client_certificates import HEADER
from idp.oidc.errors import OAuthError, TemporarilyUnavailable
from idp.oidc.exchange import BODY_LIMIT, Exchange, Reply, json_reply
from idp.oidc.server import error_reply
from idp.provider import Provider
from idp.web import metrics
from idp.web.busy import MET, Busy
from idp.web.oidc.machine import Endpoint
from idp.web.request import Peer, is_listed, origin_of

log = logging.getLogger(__name__)

OWN_CERTIFICATE = "portico.client_certificate"
"""Where our own TLS listener leaves one: no header of a caller can be called so."""
Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Shortcut = Callable[[Provider, Exchange], Reply | None]
"""Answers a page's GET at once where it can; ``None``: the page has to."""
Wsgi = Callable[[Environ, StartResponse], Iterable[bytes]]

_REASONS = {
    200: "200 OK",
    201: "201 Created",
    204: "204 No Content",
    303: "303 See Other",
    400: "400 Bad Request",
    401: "401 Unauthorized",
    403: "403 Forbidden",
    405: "405 Method Not Allowed",
    413: "413 Content Too Large",
    500: "500 Internal Server Error",
    503: "503 Service Unavailable",
}


class MachinesFirst:
    """A WSGI application that answers machines itself and leaves the rest to Flask."""

    def __init__(
        self,
        app: Flask,
        portico: Provider,
        endpoints: Mapping[str, Endpoint],
        shortcuts: Mapping[str, Shortcut],
    ) -> None:
        self._pages: Wsgi = app.wsgi_app
        self._portico = portico
        self._busy = Busy(self._pages, portico)
        self._endpoints = endpoints
        self._shortcuts = shortcuts

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer an exact path of ours; everything else is a page."""
        path = environ.get("PATH_INFO", "")
        refused = self._busy.answer(environ)
        if refused is not None:
            return self._send(environ, start_response, refused)
        endpoint = self._endpoints.get(path)
        if endpoint is not None:
            reply = answer(self._portico, endpoint, exchange_of(self._portico, environ))
            return self._send(environ, start_response, reply)
        shortcut = self._shortcuts.get(path)
        if shortcut is not None and environ["REQUEST_METHOD"] == "GET":
            try:
                short = take(self._portico, path, shortcut, exchange_of(self._portico, environ))
            except Exception as error:  # noqa: BLE001 - the pages have words and a log for it
                short, environ[MET] = None, error
            if short is not None:
                return self._send(environ, start_response, short)
        return self._pages(environ, start_response)

    def _send(
        self, environ: Environ, start_response: StartResponse, reply: Reply
    ) -> Iterable[bytes]:
        headers = [*reply.headers, ("Content-Length", str(len(reply.body)))]
        start_response(_REASONS[reply.status], headers)
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else reply.body]


def take(portico: Provider, path: str, shortcut: Shortcut, exchange: Exchange) -> Reply | None:
    """Try a page's shortcut; a statement that fails is left to the page, which tries once more.

    Raises:
        SQLAlchemyError: the database is gone; the page must not wait for it once more.
        Exception: anything else, perhaps when the answer was on record already.
    """
    began = time.perf_counter()
    try:
        reply = shortcut(portico, exchange)
    except SQLAlchemyError as error:
        if is_outage(error):
            raise
        return None
    if reply is not None:
        metrics.observe(path, reply.status, time.perf_counter() - began)
    return reply


def mount(
    app: Flask,
    portico: Provider,
    endpoints: Mapping[str, Endpoint],
    shortcuts: Mapping[str, Shortcut],
) -> None:
    """Put the machines' endpoints, and the shortcuts of pages, in front of the pages."""
    for endpoint in endpoints.values():

        def view(endpoint: Endpoint = endpoint) -> Response:
            reply = answer(portico, endpoint, exchange_of(portico, request.environ))
            return Response(reply.body, reply.status, dict(reply.headers))

        name = "machine" + endpoint.path.replace("/", "_").replace(".", "_")
        app.add_url_rule(endpoint.path, name, view, methods=endpoint.methods)
    app.wsgi_app = MachinesFirst(app, portico, endpoints, shortcuts)  # type: ignore[method-assign]


def answer(portico: Provider, endpoint: Endpoint, exchange: Exchange) -> Reply:
    """Answer one exchange; never raises, counts and times everything."""
    began = time.perf_counter()
    reply = _answer(portico, endpoint, exchange)
    metrics.observe(endpoint.path, reply.status, time.perf_counter() - began)
    return reply


def _answer(portico: Provider, endpoint: Endpoint, exchange: Exchange) -> Reply:
    if exchange.method not in endpoint.methods and exchange.method != "HEAD":
        allow = ("Allow", ", ".join(endpoint.methods))
        return json_reply(405, {"error": "invalid_request"}, allow)
    if len(exchange.body) > BODY_LIMIT:
        return json_reply(413, {"error": "invalid_request"})
    try:
        return endpoint.handle(portico, exchange)
    except OAuthError as error:
        return error_reply(error)
    except Exception as error:  # noqa: BLE001 - the last door: a reply with a reference number
        return _our_fault(endpoint, exchange, error)


def _our_fault(endpoint: Endpoint, exchange: Exchange, error: Exception) -> Reply:
    reference = exchange.origin.request_id
    fields = {"request_id": reference, "endpoint": endpoint.path}
    if isinstance(error, NoSigningKey) or is_outage(error):
        log.error("unavailable", extra={**fields, "error": type(error).__name__})
        busy = error_reply(TemporarilyUnavailable(f"reference {reference}"))
        return Reply(503, busy.body, (*busy.headers, ("Retry-After", "2")))
    log.error("unhandled", exc_info=error, extra=fields)
    document = {"error": "server_error", "error_description": f"reference {reference}"}
    return json_reply(500, document)


def exchange_of(portico: Provider, environ: Environ, body: bytes | None = None) -> Exchange:
    """Read a request, body and all, into a value; ``X-Forwarded-For`` only from listed peers.

    A page hands over the ``body`` that Flask has read: a stream can be read only once.
    """
    return Exchange(
        environ["REQUEST_METHOD"],
        environ.get("PATH_INFO", ""),
        environ.get("QUERY_STRING", ""),
        Headers(environ, _certificate(portico, environ)),
        _body(environ) if body is None else body,
        _origin(portico, environ),
    )


class Headers(Mapping[str, str]):
    """The headers of a request by lower-case name, read where they lie.

    Half of a WSGI environment is the environment of the process: to go through all of it
    costs more than the few headers that an endpoint asks for.
    """

    def __init__(self, environ: Environ, certificate: str) -> None:
        self._environ = environ
        self._certificate = certificate

    def __getitem__(self, name: str) -> str:
        """Give a header. ``HEADER`` is ours: whoever sends one of that name is not heard."""
        found = (self._certificate or None) if name == HEADER else self._environ.get(_key(name))
        if found is None:
            raise KeyError(name)
        return str(found)

    def get(self, name: str, default: Any = None) -> Any:
        """Give a header, or ``default``: most are not there, and an exception costs more."""
        if name == HEADER:
            return self._certificate or default
        return self._environ.get(_key(name), default)

    def __iter__(self) -> Iterator[str]:
        """List the names of the headers that are there."""
        sent = {key[5:].replace("_", "-").lower() for key in self._environ if key[:5] == "HTTP_"}
        return (name for name in sent | {"content-type", HEADER} if name in self)

    def __len__(self) -> int:
        """Count them."""
        return sum(1 for _ in self)


@lru_cache(maxsize=64)
def _key(name: str) -> str:
    """Name the place of a header in the environment (PEP 3333)."""
    key = name.upper().replace("-", "_")
    return key if name == "content-type" else f"HTTP_{key}"


def _certificate(portico: Provider, environ: Environ) -> str:
    """Give the client certificate that our listener or a listed proxy saw."""
    found: str = environ.get(OWN_CERTIFICATE, "")
    told = portico.config.mtls.header
    if not told or found:
        return found
    proxies = portico.config.server.trusted_proxies
    is_told = is_listed(environ.get("REMOTE_ADDR", ""), proxies)
    return environ.get(_key(told.lower()), "") if is_told else ""


def _body(environ: Environ) -> bytes:
    """Read one byte more than is allowed, so that too much is seen and never held."""
    if environ["REQUEST_METHOD"] not in {"POST", "PUT"}:
        return b""
    if "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
        length = BODY_LIMIT + 1  # the server sees where it ends
    else:
        length = int(environ.get("CONTENT_LENGTH") or 0)
    return bytes(environ["wsgi.input"].read(min(length, BODY_LIMIT + 1)))


def _origin(portico: Provider, environ: Environ) -> Origin:
    peer = Peer(
        environ.get("REMOTE_ADDR", ""),
        environ.get("HTTP_X_FORWARDED_FOR", ""),
        environ.get("HTTP_X_REQUEST_ID", ""),
    )
    return origin_of(peer, portico.config.server.trusted_proxies)
