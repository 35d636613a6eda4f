"""What waits in the outbox goes out: mails, notices of sign-outs, links and CIBA."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import msgspec

from idp.audit.events.operation import OutboxAbandoned
from idp.database.transaction import Origin
from idp.gateways.fetch import Errand, Forbidden
from idp.gateways.fetch import Unreachable as NoAnswer
from idp.gateways.smtp import Refused, Unreachable
from idp.linking.wire import LinkEvent
from idp.oidc import (
    clients,
    logout,
)
from idp.oidc.backchannel_authentication import Ping
from idp.outbox.store import Kind, Leased
from idp.provider import Provider
from idp.sessions.actions import LogoutNotice
from idp.signin.recovery import Question
from idp.worker.loop import Round
from idp.worker.origin import WORKER

log = logging.getLogger(__name__)


_AT_ONCE = 8


def rounds(portico: Provider) -> list[Round]:
    """List what is sent, and how often it is looked for."""
    poll = timedelta(seconds=portico.config.outbox.poll_seconds)
    return [
        Round("mail", poll, lambda: deliver(portico, "mail", _send_mail), batch=1),
        Round(
            "logout",
            poll,
            lambda: deliver(portico, "logout_token", _send_logout_token, _AT_ONCE),
            batch=_AT_ONCE,
        ),
        Round("recovery", poll, lambda: deliver(portico, "recovery", answer_recovery), batch=1),
        Round("ciba", poll, lambda: deliver(portico, "ciba_ping", send_ciba_ping), batch=1),
        Round(
            "links",
            poll,
            lambda: deliver(portico, "link_event", _send_link_event, _AT_ONCE),
            batch=_AT_ONCE,
        ),
        Round(
            "open-links",
            timedelta(seconds=10),
            lambda: ask_about_links(portico),
            batch=_AT_ONCE,
        ),
    ]


class _Failed(Exception):
    """It did not go out. ``for_good``: nor will it. ``outage``: for no fault of its own."""

    def __init__(self, why: str, *, for_good: bool = False, outage: bool = False) -> None:
        super().__init__(why)
        self.for_good = for_good
        self.outage = outage


def deliver(
    portico: Provider, kind: Kind, send: Callable[[Provider, Leased], None], at_once: int = 1
) -> int:
    """Send what is due of one kind. Each row is marked right after its own sending.

    Notices go out side by side, so that one app that hangs delays no other; mails one by
    one, so that a sender that dies repeats one at most. Every leased row is begun at once:
    no lease runs out in a queue.
    """
    with portico.database.write(WORKER) as tx:
        leased = portico.outbox.lease(tx, kind, at_once)
    if not leased:
        return 0
    with ThreadPoolExecutor(at_once, thread_name_prefix=f"send-{kind}") as senders:
        list(senders.map(lambda row: _deliver_one(portico, kind, row, send), leased))
    return len(leased)


def _deliver_one(
    portico: Provider, kind: Kind, row: Leased, send: Callable[[Provider, Leased], None]
) -> None:
    failed = _try(portico, row, send)
    with portico.database.write(WORKER) as tx:
        if failed is None:
            portico.outbox.mark_sent(tx, row.id)
        elif failed.outage:
            portico.outbox.mark_unreachable(tx, row, str(failed))
        elif portico.outbox.mark_failed(tx, row, str(failed), for_good=failed.for_good):
            portico.trail.append(tx, OutboxAbandoned(kind=kind, attempts=row.attempts))
    if failed is not None:
        log.warning("not delivered", extra={"kind": kind, "why": str(failed)})


def _try(
    portico: Provider, row: Leased, send: Callable[[Provider, Leased], None]
) -> _Failed | None:
    try:
        send(portico, row)
    except _Failed as failed:
        return failed
    except Exception as trouble:
        # A row that nobody can send is to be given up in the end, not leased for ever.
        log.exception("cannot be sent")
        return _Failed(type(trouble).__name__)
    return None


def _send_mail(portico: Provider, row: Leased) -> None:
    try:
        portico.smtp.send(portico.stationery.compose(row))
    except Unreachable as why:
        raise _Failed(f"unreachable: {why}", outage=True) from why
    except Refused as why:
        raise _Failed(str(why), for_good=why.permanent, outage=why.of_us) from why


def _send_logout_token(portico: Provider, row: Leased) -> None:
    notice = msgspec.json.decode(row.payload, type=LogoutNotice)
    with portico.database.read() as tx:
        token = logout.logout_token(tx, portico.oidc.parts, notice)
        client = clients.read(tx, notice.client_id)
    stranger = client is None or client.is_stranger
    try:
        reply = portico.fetch.post_form(
            notice.uri,
            {"logout_token": token},
            errand=Errand("sign-out", notice.client_id, stranger),
        )
    except (NoAnswer, Forbidden) as why:
        raise _Failed(f"{type(why).__name__}: {why}") from why
    if not 200 <= reply.status < 300:
        raise _Failed(f"HTTP {reply.status}")


def answer_recovery(portico: Provider, row: Leased) -> None:
    """Look up who asked for a new password; a mail goes where there is one to send."""
    question = msgspec.json.decode(row.payload, type=Question)
    asker = Origin(question.asked_from, operator=WORKER.operator, browser=question.browser)
    with portico.database.write(asker) as tx:
        portico.recovery.answer(tx, question)


def send_ciba_ping(portico: Provider, row: Leased) -> None:
    """Tell one service that its request was decided (CIBA Core section 10.2).

    A service that refuses, or sends us elsewhere, will do so again: it is told once.
    """
    ping = msgspec.json.decode(row.payload, type=Ping)
    document = msgspec.json.encode({"auth_req_id": ping.auth_req_id})
    try:
        reply = portico.fetch.post_json(
            ping.uri, document, bearer=ping.token, errand=Errand("ping", ping.client_id)
        )
    except (NoAnswer, Forbidden) as why:
        raise _Failed(f"{type(why).__name__}: {why}") from why
    if not 200 <= reply.status < 300:
        raise _Failed(f"HTTP {reply.status}", for_good=reply.status < 500)


def _send_link_event(portico: Provider, row: Leased) -> None:
    event = msgspec.json.decode(row.payload, type=LinkEvent)
    with portico.database.read() as tx:
        uri, token = portico.linking.event(tx, event)
    if not uri:
        raise _Failed("the app has no link_uri any more", for_good=True)
    try:
        reply = portico.fetch.post_form(uri, {"event": token})
    except (NoAnswer, Forbidden) as why:
        raise _Failed(f"{type(why).__name__}: {why}") from why
    if not 200 <= reply.status < 300:
        raise _Failed(f"HTTP {reply.status}")


def ask_about_links(portico: Provider) -> int:
    """Ask apps about tries to link that nobody answered, or nobody heard the answer of."""
    with portico.database.write(WORKER) as tx:
        overdue = portico.linking.overdue(tx, _AT_ONCE)
    for begun in overdue:
        heard = portico.linking.ask_again(begun)
        with portico.database.write(WORKER) as tx:
            portico.linking.settle(tx, begun, heard)
    return len(overdue)
