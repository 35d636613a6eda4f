"""What an authorization endpoint gives: a code, tokens, or both (OIDC Core sections 3.1 to 3.3).

Everything of one answer is one authorization on record: replaying the code revokes the
access token that came beside it, and signing out ends both.
"""

from datetime import timedelta
from uuid import UUID

from idp.audit.events.grants import TokenIssued
from idp.database.transaction import Transaction
from idp.oidc import authorizations, narrowing, wanted
from idp.oidc.authorizations import Granted
from idp.oidc.checks import AuthorizationRequest
from idp.oidc.grants import authorization_code
from idp.oidc.model import Client
from idp.oidc.server import Mint, Parts
from idp.oidc.vocabulary import GrantType, ResponseType
from idp.secret import new_id
from idp.sessions.store import Session


def issue(
    tx: Transaction,
    parts: Parts,
    request: AuthorizationRequest,
    client: Client,
    session: Session,
) -> dict[str, str]:
    """Issue what ``response_type`` asks for; gives the response's parameters."""
    words = frozenset(request.response_type.split())
    if words == {ResponseType.CODE}:
        return {"code": authorization_code.issue(tx, parts, request, client, session)}
    family_id = new_id(tx.now, parts.entropy)
    answer: dict[str, str] = {}
    if ResponseType.CODE in words:
        answer["code"] = authorization_code.issue(
            tx, parts, request, client, session, family_id=family_id
        )
    subject = parts.subjects.of(client.registration, session.subject)
    granted = _granted(request, client, session, family_id, subject)
    made = Mint(parts, tx, client)
    if ResponseType.TOKEN in words:
        if ResponseType.CODE not in words:
            _put(tx, made, request, granted, session)
        answer |= {
            "access_token": made.access_token(granted, granted.scope),
            "token_type": "Bearer",
            "expires_in": str(int(made.access_token_lifetime.total_seconds())),
            "scope": granted.scope,
        }
    if ResponseType.ID_TOKEN in words:
        answer["id_token"] = made.id_token(
            granted,
            answer.get("access_token", ""),
            answer.get("code", ""),
            whole=words == {ResponseType.ID_TOKEN},
        )
    parts.trail.append(
        tx,
        TokenIssued(
            subject=session.subject,
            client_id=client.client_id,
            grant_type=GrantType.IMPLICIT,
            scope=granted.scope,
            family=str(family_id),
        ),
    )
    return answer


def _granted(
    request: AuthorizationRequest, client: Client, session: Session, family_id: UUID, subject: str
) -> Granted:
    return Granted(
        family_id,
        client.client_id,
        session.account_id,
        session.id,
        subject,
        wanted.scope(request, client),
        session.acr,
        session.amr,
        session.authenticated_at,
        request.nonce or None,
        wanted.single_claims(request, client),
        narrowing.asked(client, request.resource, request.authorization_details).kept(),
    )


def _put(
    tx: Transaction, made: Mint, request: AuthorizationRequest, granted: Granted, session: Session
) -> None:
    """Put an authorization without a code on record: its access token's family."""
    authorizations.put(
        tx,
        {
            "id": granted.family_id,
            "client_id": granted.client_id,
            "account_id": granted.account_id,
            "epoch": session.epoch,
            "session_id": granted.session_id,
            "outlives_session": False,  # without a refresh token there is nothing to outlive it
            "subject": granted.subject,
            "redirect_uri": request.redirect_uri,
            "scope": granted.scope,
            "nonce": granted.nonce,
            "claims": granted.claims,
            "details": granted.details,
            "acr": granted.acr,
            "amr": " ".join(granted.amr),
            "auth_time": granted.auth_time,
            "created_at": tx.now,
            "code_expires_at": tx.now,
            "code_consumed_at": tx.now,
            "expires_at": tx.now + made.access_token_lifetime + timedelta(days=1),
        },
    )
