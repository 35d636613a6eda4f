"""Token exchange (RFC 8693): a service acts for the person whose token it was handed.

The new token says so (``act``), is worth no more than the old one and lives no longer, and
ends with it: both are of one family.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from authlib.oauth2.rfc6749 import BaseGrant, TokenEndpointMixin

from idp.audit.events.grants import TokenIssued
from idp.clock import seconds
from idp.oidc import client_certificates, narrowing, standing, tokens
from idp.oidc.errors import InvalidRequest, InvalidScope, UnauthorizedClient
from idp.oidc.model import Client
from idp.oidc.server import Mint, OAuthRequest
from idp.oidc.tokens import AccessToken
from idp.oidc.vocabulary import GrantType, Scope

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
_KINDS = {ACCESS_TOKEN, "urn:ietf:params:oauth:token-type:jwt"}
_DEEPEST_CHAIN = 5  # of acts: whoever acts for so many acts for nobody


class TokenExchangeGrant(BaseGrant, TokenEndpointMixin):  # type: ignore[misc]
    """``grant_type=urn:ietf:params:oauth:grant-type:token-exchange`` at the token endpoint."""

    GRANT_TYPE = GrantType.TOKEN_EXCHANGE.value
    request: OAuthRequest

    def validate_token_request(self) -> None:
        """Authenticate the client, and look at the tokens it was handed.

        Raises:
            InvalidClient, UnauthorizedClient: nothing is exchanged for this client.
            InvalidRequest: a token is not good, or not this client's to exchange (2.2.2).
            InvalidScope, InvalidTarget: more is asked for than the token holds.
        """
        client: Client = self.authenticate_token_endpoint_client()
        if client.is_public or not client.may_use(GrantType.TOKEN_EXCHANGE):
            raise UnauthorizedClient("the client is not registered for this grant")
        form = self.request.form
        if form.get("requested_token_type", ACCESS_TOKEN) not in _KINDS:
            raise InvalidRequest("requested_token_type is not offered")
        self._mint = Mint.at(self.server.parts, self.request, client)
        self._subject_token = self._handed("subject_token", client)
        self._subject = self._person(client)
        self._actor = self._acting(client) if "actor_token" in form else None
        self._scope = self._narrowed_scope(client)
        self._audience = self._targets(client)

    def _handed(self, name: str, client: Client) -> AccessToken:
        """Verify a token of ours that the client was handed; whether it stands is still to ask."""
        form, parts, tx = self.request.form, self.server.parts, self.request.tx
        if form.get(f"{name}_type") not in _KINDS:
            raise InvalidRequest(f"{name}_type is missing or not offered")
        try:
            found = tokens.verify_access_token(
                parts.keys.current(tx), form.get(name, ""), issuer=parts.issuer, now=tx.now
            )
        except tokens.BadToken:
            raise InvalidRequest(f"{name} is not valid") from None
        own = found.client_id == client.client_id
        if not own and not client.registration.introspects:
            raise InvalidRequest(f"{name} is not valid")
        if not self._holds_its_key(found):
            raise InvalidRequest(f"{name} is bound to a key that was not shown")
        return found

    def _acting(self, client: Client) -> AccessToken:
        """Verify who is to be named as acting; one round trip.

        A machine that shows its own token, or somebody who came to this very client. Of people
        whose tokens merely pass through its hands nobody said that they act; to exchange such a
        token for one of its own does not make it one.
        """
        found = self._handed("actor_token", client)
        of_who_acts = found.family_id is None or found.client_id == client.client_id
        if not of_who_acts or "act" in found.claims:
            raise InvalidRequest("actor_token is neither a machine's nor the client's own")
        if not standing.stands(self.request.tx, found):
            raise InvalidRequest("actor_token is not valid")
        return found

    def _person(self, client: Client) -> str:
        """Tell who it is about, as this client knows people; one round trip.

        The same look-up tells whether the token stands. A kind of account that may not open the
        client is not brought to it by another service either (P33).
        """
        handed, parts, tx = self._subject_token, self.server.parts, self.request.tx
        if handed.family_id is None:
            if not standing.stands(tx, handed):
                raise InvalidRequest("subject_token is not valid")
            return handed.subject
        held = standing.holder(tx, parts.accounts, handed)
        if held is None:
            raise InvalidRequest("subject_token is not valid")
        account = held.account
        if not client.may_serve(account.kind):
            raise InvalidRequest("subject_token is of an account that may not use the client")
        return str(parts.subjects.of(client.registration, account.subject))

    def _holds_its_key(self, token: AccessToken) -> bool:
        if token.jkt:
            return token.jkt == self.request.jkt
        return not token.x5t or client_certificates.shows(self.request.headers, token.x5t)

    def _narrowed_scope(self, client: Client) -> str:
        held = frozenset(self._subject_token.scope.split()) - {Scope.OFFLINE_ACCESS}
        asked = frozenset(self.request.form.get("scope", "").split()) or held & client.scopes
        if not asked or not asked <= held & client.scopes:
            raise InvalidScope("scope is more than the token holds, or than the client may have")
        return " ".join(sorted(asked))

    def _targets(self, client: Client) -> str | list[str]:
        """Say whom the new token is for: without a word about it, whom the old one is for.

        A token that reached the client by a detour, for neither us nor any resource of the
        client's, buys nothing: its receiver would become whoever the client is.
        """
        form, issuer = self.request.form, self.server.parts.issuer
        known = dict.fromkeys([issuer, *client.registration.resources])
        usual = [one for one in known if self._subject_token.is_for(one)]
        if not usual:
            raise InvalidRequest("subject_token is for somebody else")
        wanted = " ".join(one for one in (form.get("resource"), form.get("audience")) if one)
        if not wanted:
            return usual if len(usual) > 1 else usual[0]
        narrowed = narrowing.asked(client, wanted, "")
        return narrowing.audience(narrowed, wanted, issuer)

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """Mint the token; there is never a refresh token with it (section 2.2.1)."""
        made, handed, tx = self._mint, self._subject_token, self.request.tx
        left = timedelta(seconds=handed.expires_at - seconds(tx.now))
        lifetime = min(left, made.access_token_lifetime)
        document = {
            "access_token": made.exchanged_token(
                handed,
                subject=self._subject,
                scope=self._scope,
                audience=self._audience,
                act=self._act(),
                lifetime=lifetime,
            ),
            "issued_token_type": ACCESS_TOKEN,
            "token_type": made.token_type,
            "expires_in": int(lifetime.total_seconds()),
            "scope": self._scope,
        }
        bought = TokenIssued(
            subject=self._subject,
            client_id=made.client.client_id,
            grant_type=GrantType.TOKEN_EXCHANGE,
            scope=self._scope,
            family=str(handed.family_id or ""),
        )
        self.server.parts.trail.append(tx, bought)
        return 200, document, []

    def _act(self) -> Mapping[str, Any]:
        """Write who acts, over whoever acted before (section 4.1)."""
        acting = self._actor.subject if self._actor else self._mint.client.client_id
        before: Any = self._subject_token.claims.get("act")
        if _depth(before) >= _DEEPEST_CHAIN:
            raise InvalidRequest("subject_token has been exchanged too often")
        return {"sub": acting, **({"act": before} if before else {})}


def _depth(act: Any) -> int:
    return 1 + _depth(act.get("act")) if act else 0
