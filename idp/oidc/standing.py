"""Whether an access token still stands: one look-up for everything that can have ended it.

Its own revocation, its client's removal, its family's, its account's state and epoch, its
session's end. A token of a machine has no family; the first two alone can end it early.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import bindparam, delete, literal, select
from sqlalchemy.orm import Mapped, mapped_column

from idp.accounts.model import Account
from idp.accounts.store import COLUMNS, FIRST_EMAIL, AccountEmail, AccountRow, Accounts
from idp.database.columns import Table
from idp.database.prepared import Prepared, insert_if_new
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


def holder(
    tx: Transaction, accounts: Accounts, token: AccessToken
) -> tuple[Account, dict[str, list[str]] | None] | None:
    """Find whose token it is and which single claims were asked for; ``None``: it is over."""
    row = tx.ask(_HOLDER, _presented(token))
    return (accounts.read(row), row.claims) if row else None


def stands(tx: Transaction, token: AccessToken) -> bool:
    """Tell whether a verified, unexpired token is still good; one round trip."""
    statement = _STANDS_ALONE if token.family_id is None else _STANDS
    return tx.ask(statement, _presented(token)) is not None


def _presented(token: AccessToken) -> dict[str, Any]:
    return {
        "family": token.family_id,
        "jti_hash": digest(token.jti),
        "issued_to": token.client_id,
    }


def revoke(tx: Transaction, token: AccessToken) -> None:
    """Revoke one access token; the rest of its family lives on."""
    expires_at = datetime.fromtimestamp(token.expires_at, UTC)
    tx.put(_REVOKE, {"jti_hash": digest(token.jti), "expires_at": expires_at})


def sweep(tx: Transaction) -> int:
    """Forget revocations of tokens that have expired."""
    return tx.execute(
        delete(RevokedAccessToken).where(RevokedAccessToken.expires_at <= tx.now)
    ).rowcount


_GOOD = (
    ~select(RevokedAccessToken.jti_hash)
    .where(RevokedAccessToken.jti_hash == bindparam("jti_hash"))
    .exists(),
    # In the same look-up, and not from memory: whoever introspects is told of a removal at once.
    select(ClientRow.client_id)
    .where(ClientRow.client_id == bindparam("issued_to"), ClientRow.disabled_at.is_(None))
    .exists(),
)
_STANDS = Prepared(
    select(Authorization.id).where(Authorization.id == bindparam("family"), *USABLE, *_GOOD)
)
_STANDS_ALONE = Prepared(select(literal(1)).where(*_GOOD))
_HOLDER = Prepared(
    select(*COLUMNS, Authorization.claims)
    .select_from(Authorization)
    .join(AccountRow, AccountRow.id == Authorization.account_id)
    .outerjoin(AccountEmail, FIRST_EMAIL)
    .where(Authorization.id == bindparam("family"), *USABLE, *_GOOD)
)
_REVOKE = Prepared(insert_if_new(RevokedAccessToken))
