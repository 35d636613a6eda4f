"""The endpoints: what each answers once its checks have passed."""

import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cardbridge import VERSION, log
from cardbridge.card.process import CardProcess
from cardbridge.dialog.dialogs import Dialogs
from cardbridge.front import messages, popup
from cardbridge.front.checks import (
    ALLOWED_HEADERS,
    TICKET_HEADER,
    House,
    Refused,
    admit,
)
from cardbridge.front.desk import Busy, Desk
from cardbridge.front.gate import Gate
from cardbridge.front.http import Exchange, Request, Response, Unreadable, says
from cardbridge.front.leaving import leaving_stops
from cardbridge.front.messages import Asked, BadRequest
from cardbridge.front.operation import Operation
from cardbridge.front.sites import Sites
from cardbridge.front.tickets import Tickets
from cardbridge.origins import is_origin, own_origins
from cardbridge.outcomes import Code, Failed, Failure

INFO = {
    "product": "cardbridge",
    "version": VERSION,
    "api": [messages.VERSION],
    "transports": ["fetch", "popup"],
}
_STATUS = {
    Code.BUSY: 409,
    Code.TOO_MANY: 429,
    Code.BAD_REQUEST: 400,
    Code.ORIGIN_DENIED: 403,
    Code.TICKET_INVALID: 403,
}
"""Refusals have a status of their own; how an operation ended is an answer like any other."""


class Bridge:
    """What answers requests. Safe with threads."""

    def __init__(
        self,
        *,
        port: int,
        sites: Sites,
        modules: Callable[[], Sequence[Path]],
        cards: CardProcess,
        dialogs: Dialogs,
        gate: Gate,
    ) -> None:
        self._port = port
        self._sites = sites
        self._modules = modules
        self._cards = cards
        self._dialogs = dialogs
        self._gate = gate
        self._tickets = Tickets()
        self._desk = Desk()
        self._looking = threading.Lock()
        self._known: dict[str, Any] = {"readers": 1, "card": "present", "module": "ok"}
        """What is said of the readers while an operation has a card in hand."""
        self._answers: Mapping[str, Callable[[Request, Exchange], Response]] = {
            "/v1/info": lambda _request, _exchange: says(INFO),
            "/v1/hello": self._hello,
            "/v1/status": self._status,
            "/v1/cancel": self._cancel,
            "/v1/authenticate": self._authenticate,
            "/popup": self._popup,
        }

    def serve(self, connection: socket.socket) -> None:
        """Answer the one request of a connection."""
        exchange = Exchange(connection)
        try:
            request = exchange.read_head()
        except Unreadable as unreadable:
            return exchange.send(_refusal(unreadable.status, Code.BAD_REQUEST))
        house = House(self._port, self._sites.now(), self._tickets)
        refused = admit(request, house)
        if refused is None:
            response = self._answered(request, exchange)
        else:
            _note(request, refused)
            response = _refusal(refused.status, refused.code)
        return exchange.send(_readable_to(request, house, response))

    def close(self) -> None:
        """End what runs."""
        self._desk.clear()
        self._cards.end()

    def _answered(self, request: Request, exchange: Exchange) -> Response:
        if request.method == "OPTIONS":
            return _preflight(request)
        try:
            return self._answers[request.target](request, exchange)
        except Unreadable as unreadable:
            return _refusal(unreadable.status, Code.BAD_REQUEST)
        except BadRequest:
            return _refusal(400, Code.BAD_REQUEST)
        except Busy:
            return _refusal(409, Code.BUSY)
        except Failed as failed:
            return says(failed.failure.message(), _STATUS.get(failed.failure.code, 200))

    def _hello(self, request: Request, exchange: Exchange) -> Response:
        _demand_empty(exchange)
        return says({"ticket": self._tickets.issue(request.origin)})

    def _status(self, request: Request, exchange: Exchange) -> Response:
        # A look at the readers forgets the card that an operation has in hand.
        with self._looking:
            if not self._desk.is_taken:
                self._known = self._cards.status(self._modules())
            return says(self._known)

    def _cancel(self, request: Request, exchange: Exchange) -> Response:
        _demand_empty(exchange)
        return says({"cancelled": self._desk.cancel(request.origin)})

    def _popup(self, request: Request, exchange: Exchange) -> Response:
        ticket = self._tickets.issue(f"http://{request.headers['host']}")
        return popup.page(ticket, request.headers.get("accept-language", ""))

    def _authenticate(self, request: Request, exchange: Exchange) -> Response:
        asked = self._asked(request, messages.read(exchange.read_body()))
        with self._desk.seat(asked.origin) as interruption:
            with self._looking:
                pass  # whoever began to look before the seat was taken has finished
            if not self._gate.is_open(asked.origin):
                raise Failed(Failure(Code.TOO_MANY))
            if not self._tickets.take(request.headers[TICKET_HEADER], request.origin):
                raise Failed(Failure(Code.TICKET_INVALID))
            site = self._sites.now().get(asked.origin, "")
            operation = Operation(
                self._cards, self._dialogs, interruption, modules=self._modules(), site=site
            )
            with leaving_stops(exchange, interruption):
                return says(self._run(operation, asked))

    def _run(self, operation: Operation, asked: Asked) -> dict[str, Any]:
        began = time.monotonic()
        outcome = "signed"
        try:
            return operation.run(asked, lambda: self._gate.count(asked.origin))
        except Failed as failed:
            outcome = failed.failure.code.value
            raise
        finally:
            taken = round((time.monotonic() - began) * 1000)
            log.write(
                "operation",
                origin=asked.origin,
                purpose=asked.purpose,
                outcome=outcome,
                milliseconds=taken,
            )

    def _asked(self, request: Request, message: dict[str, Any]) -> Asked:
        """Read who asks and for what; our own popup speaks for the window that opened it."""
        if request.origin not in own_origins(self._port):
            return messages.from_page(request.origin, message)
        origin, said = messages.from_popup(message)
        if origin not in self._sites.now():
            raise Failed(Failure(Code.ORIGIN_DENIED))
        return messages.from_page(origin, said)


def _demand_empty(exchange: Exchange) -> None:
    if messages.read(exchange.read_body()):
        raise BadRequest("nothing is asked here")


def _refusal(status: int, code: Code) -> Response:
    return says(Failure(code).message(), status)


def _preflight(request: Request) -> Response:
    return Response(
        204,
        headers={
            "Access-Control-Allow-Methods": request.headers["access-control-request-method"],
            "Access-Control-Allow-Headers": ", ".join(sorted(ALLOWED_HEADERS)),
            "Access-Control-Max-Age": "600",
            # Chromium before 142 asked in these words whether a public page may come here.
            "Access-Control-Allow-Private-Network": "true",
        },
    )


def _readable_to(request: Request, house: House, response: Response) -> Response:
    """Let the page of an allowed origin read the answer; it is echoed, never starred."""
    if request.origin not in house.sites:
        return response
    readable = {"Access-Control-Allow-Origin": request.origin, "Vary": "Origin"}
    return Response(response.status, response.body, dict(response.headers) | readable)


def _note(request: Request, refused: Refused) -> None:
    """Log who was turned away, as far as it has the form of an origin."""
    origin = request.origin if is_origin(request.origin) else "?"
    log.write("refused", detail=refused.why, origin=origin)
