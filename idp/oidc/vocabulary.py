"""The protocol's words that are read in more than one place, each with its section."""

from enum import StrEnum


class Prompt(StrEnum):
    """``prompt``, OIDC Core section 3.1.2.1, and Initiating User Registration 1.0."""

    NONE = "none"
    LOGIN = "login"
    CONSENT = "consent"
    SELECT_ACCOUNT = "select_account"
    CREATE = "create"


class ResponseType(StrEnum):
    """The words of ``response_type``, OIDC Core section 3."""

    CODE = "code"
    ID_TOKEN = "id_token"
    TOKEN = "token"


class ResponseMode(StrEnum):
    """``response_mode``, OAuth 2.0 Multiple Response Types section 2.1, Form Post and JARM."""

    QUERY = "query"
    FRAGMENT = "fragment"
    FORM_POST = "form_post"
    JWT = "jwt"
    """The usual one for the response type, the answer signed (JARM section 2.3.4)."""
    QUERY_JWT = "query.jwt"
    FRAGMENT_JWT = "fragment.jwt"
    FORM_POST_JWT = "form_post.jwt"


class Profile(StrEnum):
    """The set of rules a client lives by; what each demands is in ``idp.oidc.checks``."""

    OAUTH21 = "oauth21"
    """The default: code with PKCE, nothing through the browser but the code."""
    OIDC = "oidc"
    """OpenID Connect Core as older clients know it: PKCE honoured, not demanded of those that
    keep a secret; implicit and hybrid where registered."""
    FAPI2 = "fapi2"
    """FAPI 2.0 Security Profile and Message Signing: pushed requests, keys instead of secrets,
    tokens bound to a key, nothing signed with RS256."""


class GrantType(StrEnum):
    """``grant_type``: RFC 6749 sections 4.1.3, 4.4.2, 6; RFC 8693. Implicit is only registered."""

    AUTHORIZATION_CODE = "authorization_code"
    IMPLICIT = "implicit"
    REFRESH_TOKEN = "refresh_token"
    CLIENT_CREDENTIALS = "client_credentials"
    DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
    CIBA = "urn:openid:params:grant-type:ciba"
    TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"


class AuthMethod(StrEnum):
    """``token_endpoint_auth_method``, RFC 7591 section 2, OIDC Core section 9, RFC 8705."""

    BASIC = "client_secret_basic"
    POST = "client_secret_post"
    PRIVATE_KEY_JWT = "private_key_jwt"
    TLS = "tls_client_auth"
    SELF_SIGNED_TLS = "self_signed_tls_client_auth"
    NONE = "none"


class Scope(StrEnum):
    """Scopes with a meaning of their own, OIDC Core sections 5.4 and 11."""

    OPENID = "openid"
    PROFILE = "profile"
    EMAIL = "email"
    ADDRESS = "address"
    PHONE = "phone"
    OFFLINE_ACCESS = "offline_access"


VERIFIED_IDENTITY = "verified_identity"
"""A scope of ours: ``verified_claims`` of the name and of an organisation's numbers."""
NATIONAL_ID = "national_id"
"""A scope of ours: ``verified_claims`` of the national id, with how sure it is."""
JUDICIARY = "judiciary"
"""A scope of ours: the office of a judge, as a directory says it."""


class TokenType(StrEnum):
    """``typ`` of the JOSE header: no token of one kind passes for another (RFC 8725, 3.11)."""

    ID_TOKEN = "JWT"
    ACCESS_TOKEN = "at+jwt"  # RFC 9068 section 2.1
    LOGOUT_TOKEN = "logout+jwt"
    AUTHORIZATION_RESPONSE = "oauth-authz-resp+jwt"  # JARM names none; RFC 8725 wants one
    USERINFO = "userinfo+jwt"
    DATA_EXPORT = "account-export+jwt"
    INTROSPECTION = "token-introspection+jwt"  # RFC 9701 section 5
    LINK = "link+jwt"  # ours alone: idp.linking.wire
    LINK_STATUS = "link-status+jwt"
    LINK_EVENT = "link-event+jwt"


ACR_PASSWORD = "urn:portico:acr:password"
"""One factor, something known."""
ACR_MFA = "urn:portico:acr:mfa"
"""Two factors, one of them something held: a password and a code, or a passkey."""

CLIENT_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
BACKCHANNEL_LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
