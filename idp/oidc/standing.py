"""Whether an access token still stands: one look-up for everything that can have ended it.

Its own revocation, its client's removal, its family's, its account's state and epoch, its
session's end. A token of a machine has no family; the first two alone can end it early.
For a token that was exchanged, they are asked of every token it descends from.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, bindparam, literal, select
from sqlalchemy.orm import Mapped, mapped_column

from idp.accounts.emails import FIRST_EMAIL
from idp.accounts.model import Account
from idp.accounts.store import COLUMNS, Accounts
from idp.accounts.tables import AccountEmail, AccountRow
from idp.database.columns import Table
from idp.database.prepared import Prepared, insert_if_new
from idp.database.sweeping import Broom
from idp.database.transaction import Transaction
from idp.oidc.authorizations import USABLE, Authorization
from idp.oidc.clients import ClientRow
from idp.oidc.tokens import AccessToken
from idp.secret import digest


class RevokedAccessToken(Table):
    """An access token revoked by itself (RFC 7009), kept until it would have expired."""

    __tablename__ = "revoked_access_tokens"

    jti_hash: Mapped[bytes] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)


@dataclass(frozen=True, slots=True)
class Held:
    """Whose token it is, and what its family was granted."""

    account: Account
    client_id: str
    scope: str
    claims: dict[str, list[str]] | None
    """Those asked for one by one."""

    def is_whole(self, token: AccessToken) -> bool:
        """Tell whether the token is worth all of the grant: neither narrowed nor exchanged."""
        own = token.client_id == self.client_id and "act" not in token.claims
        return own and frozenset(token.scope.split()) == frozenset(self.scope.split())


def holder(tx: Transaction, accounts: Accounts, token: AccessToken) -> Held | None:
    """Find whose token it is and what it stands for; ``None``: it is over. One round trip."""
    row = tx.ask(_holder(len(token.line)), _presented(tx, token))
    if row is None:
        return None
    return Held(accounts.read(row), row.client_id, row.scope, row.claims)


def stands(tx: Transaction, token: AccessToken) -> bool:
    """Tell whether a verified, unexpired token is still good; one round trip."""
    statement = _stands_alone if token.family_id is None else _stands
    return tx.ask(statement(len(token.line)), _presented(tx, token)) is not None


def _presented(tx: Transaction, token: AccessToken) -> dict[str, Any]:
    presented: dict[str, Any] = {"family": token.family_id, "instant": tx.now}
    for number, (jti, client_id) in enumerate(token.line):
        presented |= {f"jti_hash_{number}": digest(jti), f"issued_to_{number}": client_id}
    return presented


def revoke(tx: Transaction, token: AccessToken) -> None:
    """Revoke one access token; the rest of its family lives on."""
    expires_at = datetime.fromtimestamp(token.expires_at, UTC)
    tx.put(_REVOKE, {"jti_hash": digest(token.jti), "expires_at": expires_at})


def sweep(tx: Transaction) -> int:
    """Forget revocations of tokens that have expired."""
    return _BROOM.sweep(tx, tx.now)


def _good(tokens: int) -> list[ColumnElement[bool]]:
    """Write that none of so many tokens was revoked, and none of their clients removed."""
    found: list[ColumnElement[bool]] = []
    for number in range(tokens):
        found += (
            ~select(RevokedAccessToken.jti_hash)
            .where(RevokedAccessToken.jti_hash == bindparam(f"jti_hash_{number}"))
            .exists(),
            # In the same look-up, and not from memory: whoever introspects is told at once.
            select(ClientRow.client_id)
            .where(
                ClientRow.client_id == bindparam(f"issued_to_{number}"),
                ClientRow.disabled_at.is_(None),
            )
            .exists(),
        )
    return found


# One of each for every length of line there can be: an exchange bounds it.
@cache
def _stands(tokens: int) -> Prepared:
    return Prepared(
        select(Authorization.id).where(
            Authorization.id == bindparam("family"), *USABLE, *_good(tokens)
        )
    )


@cache
def _stands_alone(tokens: int) -> Prepared:
    return Prepared(select(literal(1)).where(*_good(tokens)))


@cache
def _holder(tokens: int) -> Prepared:
    return Prepared(
        select(*COLUMNS, Authorization.client_id, Authorization.scope, Authorization.claims)
        .select_from(Authorization)
        .join(AccountRow, AccountRow.id == Authorization.account_id)
        .outerjoin(AccountEmail, FIRST_EMAIL)
        .where(Authorization.id == bindparam("family"), *USABLE, *_good(tokens))
    )


_REVOKE = Prepared(insert_if_new(RevokedAccessToken))
_BROOM = Broom(RevokedAccessToken, RevokedAccessToken.expires_at)
