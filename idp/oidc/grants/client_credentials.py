"""The client credentials grant (RFC 6749 section 4.4): a client on its own behalf."""

from typing import Any

from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant as AuthlibGrant

from idp.audit.events.grants import TokenIssued
from idp.oidc.errors import InvalidScope, UnauthorizedClient
from idp.oidc.model import Client
from idp.oidc.server import Mint, OAuthRequest
from idp.oidc.vocabulary import GrantType, Scope

_OF_PEOPLE = frozenset(Scope)  # nobody is signed in: no ID token, no userinfo, nothing to outlive


class ClientCredentialsGrant(AuthlibGrant):  # type: ignore[misc]
    """``grant_type=client_credentials`` at the token endpoint: one insert, for the audit row."""

    request: OAuthRequest

    def validate_token_request(self) -> None:
        """Authenticate the client and look at the scope.

        Raises:
            InvalidClient, UnauthorizedClient, InvalidScope: nothing is issued.
        """
        client: Client = self.authenticate_token_endpoint_client()
        if client.is_public or not client.may_use(GrantType.CLIENT_CREDENTIALS):
            raise UnauthorizedClient("the client is not registered for this grant")
        allowed = client.scopes - _OF_PEOPLE
        asked = set(self.request.form.get("scope", "").split()) or allowed
        if not asked <= allowed:
            raise InvalidScope("scope is more than is registered for this grant")
        self._mint = Mint.at(self.server.parts, self.request, client)
        self._scope = " ".join(sorted(asked))

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """Mint an access token; there is never a refresh token (section 4.4.3)."""
        made = self._mint
        document = {
            "access_token": made.machine_token(self._scope, self.request.form.get("resource", "")),
            "token_type": made.token_type,
            "expires_in": int(made.access_token_lifetime.total_seconds()),
            "scope": self._scope,
        }
        issued = TokenIssued(
            client_id=made.client.client_id,
            grant_type=GrantType.CLIENT_CREDENTIALS,
            scope=self._scope,
        )
        self.server.parts.trail.append(self.request.tx, issued)
        return 200, document, []
