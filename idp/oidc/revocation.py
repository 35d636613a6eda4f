"""Token revocation (RFC 7009)."""

from idp.audit.events.grants import TokenRevoked
from idp.database.transaction import Transaction
from idp.oidc import authorizations, standing, tokens
from idp.oidc.errors import InvalidRequest, OAuthError
from idp.oidc.exchange import Exchange, Reply, json_reply
from idp.oidc.grants import refresh_token
from idp.oidc.model import Client
from idp.oidc.server import Parts, error_reply


def reply(tx: Transaction, parts: Parts, exchange: Exchange) -> Reply:
    """Revoke the client's token; 200 too for one that is not there (RFC 7009 section 2.2).

    A refresh token takes its whole family along; an access token ends alone.
    """
    try:
        form = exchange.form()
        client = parts.authentication.authenticate(tx, exchange.headers, form)
        if not form.get("token"):
            return error_reply(InvalidRequest("token is required"))
    except OAuthError as error:
        return error_reply(error)
    _revoke(tx, parts, client, form["token"])
    return json_reply(200, {})


def _revoke(tx: Transaction, parts: Parts, client: Client, token: str) -> None:
    family = refresh_token.find_family(tx, token, client.client_id)
    if family is not None:
        if authorizations.revoke(tx, family):
            _record(tx, parts, client, kind="refresh_token", family=str(family))
        return
    try:
        access = tokens.verify_access_token(
            parts.keys.current(tx), token, issuer=parts.issuer, now=tx.now
        )
    except tokens.BadToken:
        return
    if access.client_id == client.client_id:
        standing.revoke(tx, access)
        _record(tx, parts, client, kind="access_token", family=str(access.family_id or ""))


def _record(tx: Transaction, parts: Parts, client: Client, *, kind: str, family: str) -> None:
    revoked = TokenRevoked(client_id=client.client_id, kind=kind, family=family)
    parts.trail.append(tx, revoked)
