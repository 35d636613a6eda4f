"""The authorization code grant (RFC 6749 section 4.1, with RFC 7636 PKCE).

Redeeming *claims* first: one UPDATE compares everything a code is bound to, and decides
which of any number of concurrent callers has won.
"""

import base64
import hashlib
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant as AuthlibGrant
from msgspec import structs
from sqlalchemy import Text, bindparam, case, func, select, update

from idp.audit.events.grants import CodeIssued, CodeReplayed, TokenIssued
from idp.database.prepared import Prepared
from idp.database.transaction import Transaction
from idp.oidc import authorizations, narrowing, vouching, wanted
from idp.oidc.authorizations import USABLE, Authorization, Granted
from idp.oidc.checks import AuthorizationRequest
from idp.oidc.errors import InvalidGrant, InvalidRequest, UnauthorizedClient
from idp.oidc.grants import refresh_token, vouched
from idp.oidc.model import Client
from idp.oidc.server import Mint, OAuthRequest, Parts
from idp.oidc.vocabulary import GrantType, Scope
from idp.secret import dated_digest, mint_dated, new_id, well_formed
from idp.sessions.store import Session

PREFIX = "pac"
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636 section 4.1


@dataclass(frozen=True, slots=True)
class Replayed:
    """The code was good once: what it bought must be revoked (RFC 6749 section 4.1.2)."""

    family_id: UUID
    subject: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """No such code for this client, redirect URI and verifier; or its time is over."""


def issue(
    tx: Transaction,
    parts: Parts,
    request: AuthorizationRequest,
    client: Client,
    session: Session,
    *,
    family_id: UUID | None = None,
) -> str:
    """Put an authorization on record and give its code. Costs two inserts with the audit row.

    Args:
        family_id: where tokens of the same authorization are issued beside the code.
    """
    code = mint_dated(PREFIX, tx.now, parts.entropy)
    scope = wanted.scope(request, client)
    family_id = family_id or new_id(tx.now, parts.entropy)
    code_expires_at = tx.now + timedelta(seconds=parts.lifetimes.code_seconds)
    authorizations.put(
        tx,
        {
            "id": family_id,
            "code_hash": dated_digest(code),
            "client_id": client.client_id,
            "account_id": session.account_id,
            "epoch": session.epoch,
            "session_id": session.id,
            "outlives_session": Scope.OFFLINE_ACCESS in scope.split(),
            "subject": parts.subjects.of(client.registration, session.subject),
            "redirect_uri": request.redirect_uri,
            "scope": scope,
            "code_challenge": request.code_challenge or None,
            "dpop_jkt": request.dpop_jkt or None,
            "nonce": request.nonce or None,
            "claims": wanted.single_claims(request, client),
            "details": narrowing.asked(
                client, request.resource, request.authorization_details
            ).kept(),
            "acr": session.acr,
            "amr": " ".join(session.amr),
            "auth_time": session.authenticated_at,
            "created_at": tx.now,
            "code_expires_at": code_expires_at,
            # As long as the last token it may buy, whether or not the code is ever redeemed: a
            # claim that changed an indexed column would write every index of the row once more.
            "expires_at": code_expires_at + timedelta(days=parts.lifetimes.refresh_absolute_days),
        },
    )
    issued = CodeIssued(
        subject=session.subject,
        client_id=client.client_id,
        scope=scope,
        session=str(session.id),
    )
    parts.trail.append(tx, issued)
    return code


def redeem(
    tx: Transaction,
    code: str,
    client_id: str,
    *,
    verifier: str = "",
    redirect_uri: str = "",
    jkt: str = "",
) -> Granted | Replayed | Unknown:
    """Claim a code; of any number of concurrent callers exactly one is granted it.

    Args:
        verifier: ``code_verifier`` as sent. It must fit the challenge, and must be absent
            where there was none (RFC 9700 section 4.8.2).
        redirect_uri: as sent. It may be left out where the code has a challenge (OAuth 2.1,
            4.1.3), and is otherwise what binds the code to its request (OIDC Core 3.1.3.2).
        jkt: of the key that proved itself with the request, empty for none.

    Costs one round trip when the code is good, two when it is not. Returns rather than
    raises, because a replay has to be committed along with the revocation it causes.
    """
    presented = {"presented_hash": dated_digest(code), "presenting_client": client_id}
    proof = {
        "challenge": _challenge(verifier),
        "redirect": redirect_uri or None,
        "jkt": jkt,
        "instant": tx.now,
    }
    claimed = tx.ask(_CLAIM, presented | proof)
    if claimed is not None:
        *granted, vouched_by = claimed
        found = authorizations.granted(granted)
        return structs.replace(found, vouched_by=vouched_by) if vouched_by else found
    consumed = tx.ask(_CONSUMED, presented)
    return Replayed(*consumed) if consumed else Unknown()


def _challenge(verifier: str) -> str | None:
    if not verifier:
        return None
    if not _VERIFIER.fullmatch(verifier):
        return "no verifier of this form fits any challenge"
    hashed = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(hashed).rstrip(b"=").decode("ascii")


class AuthorizationCodeGrant(AuthlibGrant):  # type: ignore[misc]
    """``grant_type=authorization_code`` at the token endpoint."""

    request: OAuthRequest

    def validate_token_request(self) -> None:
        """Authenticate the client and claim the code.

        Raises:
            InvalidClient, UnauthorizedClient, InvalidRequest: before anything is claimed.
            InvalidGrant: the code buys nothing. If it was replayed, its family is revoked.
            Asks: a directory has to vouch for the account first; nothing of this is kept.
        """
        client: Client = self.authenticate_token_endpoint_client()
        if not client.may_use(GrantType.AUTHORIZATION_CODE):
            raise UnauthorizedClient("the client is not registered for this grant")
        code = self.request.form.get("code", "")
        if not code:
            raise InvalidRequest("code is required")
        self._mint = Mint.at(self.server.parts, self.request, client)
        self._granted = self._claim(code, client)

    def _claim(self, code: str, client: Client) -> Granted:
        tx, form = self.request.tx, self.request.form
        outcome: Granted | Replayed | Unknown = Unknown()
        if well_formed(PREFIX, code):
            outcome = redeem(
                tx,
                code,
                client.client_id,
                verifier=form.get("code_verifier", ""),
                redirect_uri=form.get("redirect_uri", ""),
                jkt=self.request.jkt,
            )
        if isinstance(outcome, Replayed):
            authorizations.revoke(tx, outcome.family_id)
            replayed = CodeReplayed(
                subject=outcome.subject,
                client_id=client.client_id,
                family=str(outcome.family_id),
            )
            self.server.parts.trail.append(tx, replayed)
        if not isinstance(outcome, Granted):
            raise InvalidGrant("the code is not valid, or does not belong to this request")
        if tx.now - outcome.auth_time > vouched.JUST_ASKED:
            vouched.demand(self.request, self.server.parts, outcome)
        return outcome

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """Mint and save what the claimed code buys (RFC 6749 section 4.1.4)."""
        granted, made, client = self._granted, self._mint, self._mint.client
        document = made.document(granted, resource=self.request.form.get("resource", ""))
        if client.may_use(GrantType.REFRESH_TOKEN):
            document["refresh_token"] = refresh_token.issue(
                self.request.tx,
                self.server.parts,
                granted,
                until=made.refresh_absolute,
                jkt=made.jkt if client.is_public else "",
            )
        bought = TokenIssued(
            subject=granted.subject,
            client_id=client.client_id,
            grant_type=GrantType.AUTHORIZATION_CODE,
            scope=granted.scope,
            family=str(granted.family_id),
        )
        self.server.parts.trail.append(self.request.tx, bought)
        return 200, document, []


# Not ``=``, which an index could be searched for: before a table has statistics PostgreSQL takes
# the client's rows to be as few as the code's, and keeps that plan while there are thousands.
_OF_CLIENT = Authorization.client_id.is_not_distinct_from(bindparam("presenting_client"))
_CLAIM = Prepared(
    update(Authorization)
    .where(
        Authorization.code_hash == bindparam("presented_hash"),
        _OF_CLIENT,
        Authorization.code_consumed_at.is_(None),
        Authorization.code_expires_at > bindparam("instant"),
        Authorization.code_challenge.is_not_distinct_from(bindparam("challenge")),
        Authorization.redirect_uri
        == func.coalesce(
            bindparam("redirect", type_=Text()),
            case((Authorization.code_challenge.is_not(None), Authorization.redirect_uri)),
        ),
        func.coalesce(Authorization.dpop_jkt, bindparam("jkt", type_=Text()))
        == bindparam("jkt", type_=Text()),
        *USABLE,
    )
    .values(code_consumed_at=bindparam("instant"))
    .returning(
        Authorization.id,
        Authorization.client_id,
        Authorization.account_id,
        Authorization.session_id,
        Authorization.subject,
        Authorization.scope,
        Authorization.acr,
        Authorization.amr,
        Authorization.auth_time,
        Authorization.nonce,
        Authorization.claims,
        Authorization.details,
        vouching.key_of(Authorization.account_id),
    )
)
_CONSUMED = Prepared(
    select(Authorization.id, Authorization.subject).where(
        Authorization.code_hash == bindparam("presented_hash"),
        _OF_CLIENT,
        Authorization.code_consumed_at.is_not(None),
    )
)
