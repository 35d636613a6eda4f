"""Opening and ending sessions. Ending one tells every app it has signed in to (P05)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from idp.accounts import status
from idp.accounts.model import Account
from idp.audit.events.sessions import SessionEnded, SessionsEnded
from idp.audit.store import Trail
from idp.database.transaction import Transaction
from idp.outbox.store import Outbox
from idp.secret import Entropy, digest, mint, new_id, system_entropy
from idp.sessions import store

COOKIE_PREFIX = "pss"

Reach = dict[str, str]
"""Back-channel logout URI by client id, for the clients that have one."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A session just begun; the cookie's value is known to the browser alone."""

    id: UUID
    cookie: str


class LogoutNotice(msgspec.Struct, frozen=True):
    """What the worker needs to tell one app that one session is over."""

    client_id: str
    sub: str
    sid: str
    uri: str


def begin(
    tx: Transaction,
    entropy: Entropy,
    account: Account,
    *,
    acr: str,
    amr: tuple[str, ...],
    user_agent: str,
    absolute: timedelta,
    two_factors: bool = False,
    since: datetime | None = None,
) -> Opened:
    """Open a session with a new id and a new cookie: nothing of an older one is carried on.

    Args:
        since: when the first factor was proven, where the second has come later: whoever
            raises a session gains no time by it.
    """
    opened = Opened(new_id(tx.now, entropy), mint(COOKIE_PREFIX, entropy))
    authenticated_at = since or tx.now
    store.add(
        tx,
        {
            "id": opened.id,
            "cookie_hash": digest(opened.cookie),
            "account_id": account.id,
            "epoch": account.epoch,
            "acr": acr,
            "amr": " ".join(amr),
            "two_factors": two_factors,
            "address": tx.origin.address,
            "user_agent": user_agent[:255],
            "authenticated_at": authenticated_at,
            "last_seen_at": tx.now,
            "expires_at": authenticated_at + absolute,
        },
    )
    return opened


@dataclass(frozen=True, slots=True)
class Ending:
    """Ends sessions and leaves a notice for every app that has to hear of it."""

    trail: Trail
    outbox: Outbox

    def end(
        self, tx: Transaction, session_id: UUID, reach: Reach, *, subject: str, why: str
    ) -> list[str]:
        """End one session; gives the client ids of the apps that are being told."""
        if not store.mark_ended(tx, session_id):
            return []
        told = [
            self._notify(tx, session_id, client_id, known_as, reach[client_id])
            for client_id, known_as in store.clients_of(tx, session_id)
            if client_id in reach
        ]
        self.trail.append(tx, SessionEnded(subject=subject, session=str(session_id), why=why))
        for earlier in store.predecessors(tx, session_id):
            told += self.end(tx, earlier, reach, subject=subject, why=why)
        return told

    def supersede(
        self, tx: Transaction, earlier: store.Unended, by: Opened, account: UUID, reach: Reach
    ) -> None:
        """Put a new session in the place of the one this browser had.

        The same person's lives on behind it, without a cookie: the apps it has signed in to
        are told when the new one ends. Somebody else's ends now, and one whose time is over.
        """
        if earlier.account_id == account and tx.now < earlier.expires_at:
            store.hand_over(tx, earlier.id, by.id, digest(mint(COOKIE_PREFIX, system_entropy)))
        else:
            self.end(tx, earlier.id, reach, subject=earlier.subject, why="replaced")

    def _notify(
        self, tx: Transaction, session_id: UUID, client_id: str, subject: str, uri: str
    ) -> str:
        notice = LogoutNotice(client_id, subject, str(session_id), uri)
        self.outbox.put(
            tx,
            "logout_token",
            msgspec.json.encode(notice),
            dedupe_key=f"logout/{session_id}/{client_id}",
        )
        return client_id

    def end_all(
        self, tx: Transaction, account_id: UUID, reach: Reach, *, subject: str, why: str
    ) -> None:
        """End every session, grant and token of an account: raise its epoch, tell the apps."""
        status.raise_epoch(tx, account_id)
        for session_id in store.open_of(tx, account_id):
            self.end(tx, session_id, reach, subject=subject, why=why)
        self.trail.append(tx, SessionsEnded(subject=subject, why=why))
