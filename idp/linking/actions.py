"""Linking an account of ours with one of an app, ending it, and what is left in between.

The door calls :meth:`Linking.begin` in one transaction, :meth:`Linking.ask` outside any and
:meth:`Linking.settle` in another. A password passes through :meth:`Linking.ask` alone. Where
no answer came, or nobody was left to hear it, the worker asks by the attempt's id.
"""

import threading
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from idp.accounts.model import canonical_name
from idp.accounts.store import Accounts
from idp.audit.events.links import LinkEnded, LinkMade, LinkRefused
from idp.database.transaction import Transaction
from idp.gateways.fetch import Fetcher, Forbidden, Unreachable
from idp.keys.store import KeySet
from idp.linking import store, wire
from idp.linking.rules import Outcome, offers_linking
from idp.linking.store import Link, State
from idp.linking.wire import Letterhead, LinkEvent
from idp.oidc import jwe
from idp.oidc.errors import InvalidClient, InvalidRequest, OAuthError
from idp.oidc.exchange import Exchange, Reply, json_reply
from idp.oidc.model import Client
from idp.oidc.server import Parts, error_reply
from idp.oidc.vocabulary import TokenType
from idp.outbox.store import Outbox
from idp.secret import Secret, new_id
from idp.sessions.store import Session
from idp.signin.counters import Attempt, Gate
from idp.signin.throttle import Dimension, Proceed

GATE, ACCOUNT_GATE = "link", "link_account"
_MAY_WAIT = 3  # threads: whoever waits for an app's server serves nobody else


@dataclass(frozen=True, slots=True)
class Counted:
    """A try as the gate counts it: of a person at an app, and there at one account."""

    at_app: Attempt
    at_account: Attempt
    slips: int
    """How often the person has failed at this account before."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A try that is on record as pending."""

    link: Link
    client: Client
    account_subject: str
    keys: KeySet
    now: datetime
    counted: Counted | None = None
    """How the gate counts it; the worker's questions are not counted."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What an app answered, and what it calls the account."""

    outcome: Outcome
    local_account: str


@dataclass(frozen=True, slots=True)
class Linking:
    """Links accounts; made once in ``idp.assembly``."""

    parts: Parts
    gate: Gate
    outbox: Outbox
    fetch: Fetcher
    accounts: Accounts
    _may_wait: threading.BoundedSemaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(_MAY_WAIT), repr=False
    )

    def begin(
        self, tx: Transaction, session: Session, client: Client, local_account: str
    ) -> Begun | Outcome:
        """Put a try on record and count it, before anything is sent.

        What fills up is the guesser's own, and an app's account cannot be locked from here. The
        app counts for itself, by account. Nothing but a link gives a try back, and it gives back
        the tries at its own account alone: whoever could bring about anything else, or has one
        good account to link and unlink between guesses at another, would guess for ever.
        """
        link = Link(
            session.account_id,
            client.client_id,
            self.parts.subjects.of(client.registration, session.subject),
            local_account[:64],
            new_id(tx.now, self.parts.entropy),
            State.PENDING,
            None,
        )
        if not store.begin(tx, new_id(tx.now, self.parts.entropy), link):
            return Outcome.OPEN
        counted = self._count(tx, session, link)
        if counted is None:
            store.drop(tx, link.attempt_id)
            self._refused(tx, session.subject, client, "gate")
            return Outcome.THROTTLED
        keys = self.parts.keys.current(tx)
        return Begun(link, client, session.subject, keys, tx.now, counted)

    def _count(self, tx: Transaction, session: Session, link: Link) -> Counted | None:
        """Count a try; ``None``: it is one too many.

        At the app first: what an account gives back was counted there as well, and no more.
        """
        name = f"{session.account_name} at {link.client_id}"
        at_app = Attempt(GATE, name, tx.origin.address)
        if not isinstance(self.gate.reserve(tx, at_app, captcha=True).verdict, Proceed):
            return None
        name = f"{name} as {canonical_name(link.local_account)}"
        at_account = Attempt(ACCOUNT_GATE, name, tx.origin.address)
        reserved = self.gate.reserve(tx, at_account, captcha=True)
        if not isinstance(reserved.verdict, Proceed):
            return None
        return Counted(at_app, at_account, reserved.failures(Dimension.CONTEXT))

    def ask(self, begun: Begun, password: Secret[str]) -> Heard:
        """Ask the app whether the account is the person's. Call it outside any transaction."""
        link, registration = begun.link, begun.client.registration
        if not self._may_wait.acquire(blocking=False):
            return Heard(Outcome.UNSENT, "")
        try:
            self.parts.documents.refresh_keys(begun.client, None, begun.now)
            secret = {"local_account": link.local_account, "password": password.reveal()}
            token = self._letterhead(begun).signed(TokenType.LINK, str(link.attempt_id), secret)
            sealed = jwe.for_its_reader(token, self.parts.documents.keys(registration))
            return self._post(begun, "request", sealed)
        except jwe.NoKey:
            return Heard(Outcome.UNSENT, "")
        finally:
            self._may_wait.release()

    def ask_again(self, begun: Begun) -> Heard:
        """Ask what came of a try; as often as need be, the answer stays the same."""
        jti = str(new_id(begun.now, self.parts.entropy))
        about = {"attempt": str(begun.link.attempt_id)}
        token = self._letterhead(begun).signed(TokenType.LINK_STATUS, jti, about)
        return self._post(begun, "status", token)

    def _letterhead(self, begun: Begun) -> Letterhead:
        return Letterhead(
            self.parts.issuer, begun.link.client_id, begun.link.subject, begun.keys, begun.now
        )

    def _post(self, begun: Begun, name: str, token: str) -> Heard:
        try:
            reply = self.fetch.post_form(begun.client.registration.link_uri, {name: token})
        except Forbidden:
            return Heard(Outcome.UNSENT, "")
        except Unreachable:
            return Heard(Outcome.UNANSWERED, "")
        return Heard(*wire.read(reply, begun.link.local_account))

    def settle(self, tx: Transaction, begun: Begun, heard: Heard) -> Outcome:
        """Write down what came of a try."""
        attempt_id, who = begun.link.attempt_id, begun.account_subject
        if heard.outcome is Outcome.UNANSWERED:
            return heard.outcome
        if heard.outcome is not Outcome.LINKED:
            # A question that could not be sent says nothing of the try before it.
            is_over = begun.counted is not None or heard.outcome is not Outcome.UNSENT
            if is_over and store.drop(tx, attempt_id):
                self._refused(tx, who, begun.client, heard.outcome)
            return heard.outcome
        if begun.counted:
            self.gate.give_back(tx, begun.counted.at_app, earlier=begun.counted.slips)
            self.gate.succeed(tx, begun.counted.at_account)
        if not store.confirm(tx, attempt_id, heard.local_account):
            return Outcome.OPEN  # ended meanwhile, and the app is being told
        made = LinkMade(subject=who, client_id=begun.client.client_id, attempt=str(attempt_id))
        self.parts.trail.append(tx, made)
        return heard.outcome

    def overdue(self, tx: Transaction, limit: int) -> list[Begun]:
        """Take the tries that nobody answered; those of apps that are gone come to nothing."""
        found = []
        for link in store.overdue(tx, limit):
            client = self.parts.clients.find(tx, link.client_id)
            account = self.accounts.find(tx, link.account_id)
            if client is None or account is None or not offers_linking(client):
                store.drop(tx, link.attempt_id)
                continue
            keys = self.parts.keys.current(tx)
            found.append(Begun(link, client, account.subject, keys, tx.now))
        return found

    def unlink(self, tx: Transaction, session: Session, client_id: str) -> bool:
        """End a link, or give up a try, and let the app know; ``False``: there is none."""
        link = store.end(tx, session.account_id, client_id)
        if link is None:
            return False
        event = LinkEvent(client_id, link.subject, link.attempt_id)
        payload, key = msgspec.json.encode(event), f"unlink {link.attempt_id}"
        self.outbox.put(tx, "link_event", payload, dedupe_key=key)
        self._ended(tx, session.subject, link, "person")
        return True

    def event(self, tx: Transaction, event: LinkEvent) -> tuple[str, str]:
        """Sign what an app is to hear, fresh at each sending; gives where it goes as well.

        An empty address: the app has gone, or has no accounts to link any more.
        """
        client = self.parts.clients.find(tx, event.client_id)
        if client is None or not offers_linking(client):
            return "", ""
        keys, jti = self.parts.keys.current(tx), str(new_id(tx.now, self.parts.entropy))
        head = Letterhead(self.parts.issuer, event.client_id, event.sub, keys, tx.now)
        token = head.signed(TokenType.LINK_EVENT, jti, {"attempt": str(event.attempt)})
        return client.registration.link_uri, token

    def reply(self, tx: Transaction, exchange: Exchange) -> Reply:
        """Hear from an app that a link of its is over. Said again, it is acknowledged again."""
        try:
            form = exchange.form()
            client = self.parts.authentication.authenticate(tx, exchange.headers, form)
            if client.is_public:
                return error_reply(InvalidClient("a public client cannot end links"))
            attempt_id = _attempt_of(form.get("event", ""), form.get("attempt", ""))
        except OAuthError as error:
            return error_reply(error)
        link = store.end_attempt(tx, client.client_id, attempt_id)
        account = self.accounts.find(tx, link.account_id) if link else None
        if link is not None and account is not None:
            self._ended(tx, account.subject, link, "app")
        return json_reply(200, {})

    def _refused(self, tx: Transaction, subject: str, client: Client, reason: str) -> None:
        refused = LinkRefused(subject=subject, client_id=client.client_id, reason=reason)
        self.parts.trail.append(tx, refused)

    def _ended(
        self, tx: Transaction, subject: str, link: Link, why: Literal["person", "app"]
    ) -> None:
        ended = LinkEnded(
            subject=subject, client_id=link.client_id, attempt=str(link.attempt_id), why=why
        )
        self.parts.trail.append(tx, ended)


def _attempt_of(event: str, attempt: str) -> UUID:
    if event != "unlinked":
        raise InvalidRequest("event must be unlinked")
    try:
        return UUID(attempt)
    except ValueError:
        raise InvalidRequest("attempt must be the id of a link request") from None
