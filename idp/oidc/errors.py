"""Protocol errors, by their RFC names. Raised in ``idp.oidc``, rendered in ``idp.web.oidc``.

OAuthError
├── InvalidRequest, InvalidClient, InvalidGrant, UnauthorizedClient, InvalidScope,
│   UnsupportedGrantType, UnsupportedResponseType, AccessDenied    RFC 6749, 4.1.2.1 and 5.2
├── InvalidToken                                                   RFC 6750 section 3.1
├── UnsupportedTokenType                                           RFC 7009 section 2.2.1
├── LoginRequired, ConsentRequired, InteractionRequired            OIDC Core section 3.1.2.6
├── UnmetAuthenticationRequirements                                OIDC unmet-authentication-…
└── TemporarilyUnavailable                                         RFC 6749 section 4.1.2.1
"""

import re
from typing import ClassVar

from authlib.oauth2 import OAuth2Error

_FORBIDDEN = re.compile(r"[^\x20-\x21\x23-\x5b\x5d-\x7e]")


class OAuthError(OAuth2Error):  # type: ignore[misc]
    """An answer a client's developer reads; never a person. ``detail`` is ASCII English.

    Never put what the client sent into ``detail``: an error is not an echo.
    """

    error: ClassVar[str]
    status_code: int = 400
    redirect: bool = True
    """Whether the error may travel to the redirect URI, which is known to be the client's."""

    headers: tuple[tuple[str, str], ...] = ()
    """What has to be sent along with it."""

    def __init__(self, detail: str = "", *, redirect: bool = True) -> None:
        super().__init__(description=_FORBIDDEN.sub("'", detail))
        self.detail = self.description
        self.redirect = redirect


class InvalidRequest(OAuthError):
    """A parameter is missing, repeated or malformed."""

    error = "invalid_request"


class InvalidClient(OAuthError):
    """The client did not prove who it is."""

    error = "invalid_client"
    status_code = 401


class InvalidGrant(OAuthError):
    """The code or refresh token does not buy a token."""

    error = "invalid_grant"


class UnauthorizedClient(OAuthError):
    """The client may not use this grant."""

    error = "unauthorized_client"


class InvalidScope(OAuthError):
    """The scope is more than was granted or registered."""

    error = "invalid_scope"


class UnsupportedGrantType(OAuthError):
    """No such grant here."""

    error = "unsupported_grant_type"


class UnsupportedResponseType(OAuthError):
    """The client may not use this ``response_type``."""

    error = "unsupported_response_type"


class UnsupportedTokenType(OAuthError):
    """The kind of token named cannot be revoked."""

    error = "unsupported_token_type"


class InvalidToken(OAuthError):
    """The access token is unknown, expired, revoked or for something else."""

    error = "invalid_token"
    status_code = 401


class AccessDenied(OAuthError):
    """The person or the rules of this provider said no."""

    error = "access_denied"


class LoginRequired(OAuthError):
    """Somebody would have to sign in, and ``prompt=none`` forbids asking."""

    error = "login_required"


class ConsentRequired(OAuthError):
    """Somebody would have to consent, and ``prompt=none`` forbids asking."""

    error = "consent_required"


class InteractionRequired(OAuthError):
    """A page would have to be shown, and ``prompt=none`` forbids it."""

    error = "interaction_required"


class UnmetAuthenticationRequirements(OAuthError):
    """An essential ``acr`` cannot be reached here."""

    error = "unmet_authentication_requirements"


class TemporarilyUnavailable(OAuthError):
    """We cannot do it now; the same request may succeed later."""

    error = "temporarily_unavailable"
    status_code = 503
