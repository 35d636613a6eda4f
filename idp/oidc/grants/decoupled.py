"""The grants of those who wait: ``device_code`` (RFC 8628, 3.4) and CIBA (Core section 10)."""

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from authlib.oauth2.rfc6749 import BaseGrant, TokenEndpointMixin
from msgspec import structs

from idp.audit.events.grants import TokenIssued
from idp.oidc import authorizations, pending, vouching
from idp.oidc.authorizations import Granted
from idp.oidc.errors import InvalidGrant, InvalidRequest, OAuthError, UnauthorizedClient
from idp.oidc.grants import refresh_token, vouched
from idp.oidc.model import Client
from idp.oidc.pending import Allowed, NotYet, Over
from idp.oidc.server import Mint, OAuthRequest
from idp.oidc.vocabulary import GrantType
from idp.secret import new_id


class AuthorizationPending(OAuthError):
    """Nobody has decided yet (RFC 8628 section 3.5)."""

    error = "authorization_pending"


class SlowDown(OAuthError):
    """Nobody has decided yet, and the client asks too often: five seconds more from now on."""

    error = "slow_down"


class ExpiredToken(OAuthError):
    """Nobody decided in time."""

    error = "expired_token"


class Denied(OAuthError):
    """The person said no."""

    error = "access_denied"


class DecoupledGrant(BaseGrant, TokenEndpointMixin):  # type: ignore[misc]
    """What both grants do; they differ in their names."""

    GRANT_TYPE: ClassVar[str]
    PARAMETER: ClassVar[str]
    """What the handle is sent as."""
    request: OAuthRequest

    def validate_token_request(self) -> None:
        """Authenticate the client, and claim the request if it was allowed.

        Raises:
            InvalidClient, UnauthorizedClient, InvalidRequest: before anything is looked at.
            AuthorizationPending, SlowDown, ExpiredToken, Denied: as things stand.
            InvalidGrant: no such request of this client, or it was used.
        """
        client: Client = self.authenticate_token_endpoint_client()
        if not client.may_use(self.GRANT_TYPE):
            raise UnauthorizedClient("the client is not registered for this grant")
        handle = self.request.form.get(self.PARAMETER, "")
        if not handle:
            raise InvalidRequest(f"{self.PARAMETER} is required")
        self._mint = Mint.at(self.server.parts, self.request, client)
        self._allowed = _allowed(pending.poll(self.request.tx, handle, client))

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """Put the authorization on record and mint what it buys.

        Raises:
            Asks: a directory has to vouch for the account first; nothing of this is kept.
            InvalidGrant: it does no more.
        """
        made, tx = self._mint, self.request.tx
        granted = self._grant()
        document = made.document(granted)
        if made.client.may_use(GrantType.REFRESH_TOKEN):
            jkt = made.jkt if made.client.is_public else ""
            document["refresh_token"] = refresh_token.issue(
                tx, self.server.parts, granted, until=made.refresh_absolute, jkt=jkt
            )
        bought = TokenIssued(
            subject=granted.subject,
            client_id=granted.client_id,
            grant_type=self.GRANT_TYPE,
            scope=granted.scope,
            family=str(granted.family_id),
        )
        self.server.parts.trail.append(tx, bought)
        return 200, document, []

    def _grant(self) -> Granted:
        """Put the family on record; it stands without a session, for it is used elsewhere."""
        allowed, made, parts = self._allowed, self._mint, self.server.parts
        tx, how = self.request.tx, allowed.approved
        registration = made.client.registration
        granted = Granted(
            new_id(tx.now, parts.entropy),
            made.client.client_id,
            allowed.account_id,
            None,
            parts.subjects.of(registration, how["subject"]),
            allowed.scope,
            how["acr"],
            tuple(how["amr"]),
            datetime.fromtimestamp(how["auth_time"], UTC),
        )
        granted = structs.replace(granted, vouched_by=vouching.find_key(tx, granted.account_id))
        vouched.demand(self.request, parts, granted)
        granted = authorizations.within(granted, made.client)
        authorizations.put(
            tx,
            {
                "id": granted.family_id,
                "client_id": granted.client_id,
                "account_id": granted.account_id,
                "epoch": allowed.epoch,
                "outlives_session": True,
                "subject": granted.subject,
                "redirect_uri": "",
                "scope": granted.scope,
                "acr": granted.acr,
                "amr": " ".join(granted.amr),
                "auth_time": granted.auth_time,
                "created_at": tx.now,
                "code_expires_at": tx.now,
                "code_consumed_at": tx.now,
                "expires_at": made.refresh_absolute + timedelta(days=1),
            },
        )
        return granted


def _allowed(found: Allowed | NotYet | Over) -> Allowed:
    match found:
        case Allowed():
            return found
        case NotYet(too_fast=True):
            raise SlowDown("keep the interval, and five seconds more from now on")
        case NotYet():
            raise AuthorizationPending("nobody has decided yet")
        case Over(denied=True):
            raise Denied("the person declined")
        case Over(expired=True):
            raise ExpiredToken("nobody decided in time")
        case _:
            raise InvalidGrant("there is no such request of this client, or it was used")


class DeviceCodeGrant(DecoupledGrant):
    """``grant_type=urn:ietf:params:oauth:grant-type:device_code``."""

    GRANT_TYPE = GrantType.DEVICE_CODE.value
    PARAMETER = "device_code"


class CibaGrant(DecoupledGrant):
    """``grant_type=urn:openid:params:grant-type:ciba``."""

    GRANT_TYPE = GrantType.CIBA.value
    PARAMETER = "auth_req_id"
