"""The authorization request, check by check (RFC 6749 section 4.1.1 and what came after).

Order matters: until the redirect URI is known to be the client's own, an error is shown
on a page and never redirected. One line of ``CHECKS`` a check; its columns say where it
applies and for which profiles. A client's profile is data: a further one is a column here.
"""

import re
from collections.abc import Callable, Mapping
from enum import Flag, auto
from functools import cache
from urllib.parse import urlsplit

import msgspec

from idp.oidc import claims, narrowing, response
from idp.oidc.errors import (
    InvalidRequest,
    InvalidScope,
    UnauthorizedClient,
    UnsupportedResponseType,
)
from idp.oidc.model import Client
from idp.oidc.vocabulary import GrantType, Profile, Prompt, ResponseMode, ResponseType, Scope

_S256 = re.compile(r"[A-Za-z0-9_-]{43}")
_IN_THE_QUERY = {"", ResponseMode.QUERY, ResponseMode.JWT, ResponseMode.QUERY_JWT}
_PROMPTS = frozenset(Prompt)
_MAX_AGE = re.compile(r"[0-9]{1,9}")
_OPAQUE_LIMIT = 2048  # characters of state and nonce: returned whole or refused, never cut


class At(Flag):
    """The endpoints that take an authorization request."""

    AUTHORIZE = auto()
    PAR = auto()


class AuthorizationRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """The parameters as sent; absent and empty are the same (OAuth 2.1 section 3.1).

    Parameters we do not know are ignored, as OIDC Core section 3.1.2.1 wants it.
    """

    client_id: str = ""
    redirect_uri: str = ""
    response_type: str = ""
    response_mode: str = ""
    scope: str = ""
    state: str = ""
    nonce: str = ""
    prompt: str = ""
    max_age: str = ""
    display: str = ""
    ui_locales: str = ""
    claims_locales: str = ""
    login_hint: str = ""
    id_token_hint: str = ""
    acr_values: str = ""
    claims: str = ""
    code_challenge: str = ""
    code_challenge_method: str = ""
    dpop_jkt: str = ""
    resource: str = ""
    authorization_details: str = ""
    request: str = ""
    request_uri: str = ""

    @property
    def scopes(self) -> frozenset[str]:
        """The scopes asked for, in no order."""
        return frozenset(self.scope.split())

    @property
    def prompts(self) -> frozenset[str]:
        """The prompts asked for."""
        return frozenset(self.prompt.split())


def request_of(parameters: Mapping[str, str]) -> AuthorizationRequest:
    """Pick the parameters we know."""
    return msgspec.convert(dict(parameters), AuthorizationRequest)


Check = Callable[[AuthorizationRequest, Client], None]


def redirect_uri_is_registered(request: AuthorizationRequest, client: Client) -> None:
    """Compare byte for byte; only a native app's loopback port may differ (RFC 8252, 7.3)."""
    if not request.redirect_uri:
        raise InvalidRequest("redirect_uri is required", redirect=False)
    registered = client.registration.redirect_uris
    if request.redirect_uri in registered:
        return
    if client.is_public and _without_loopback_port(request.redirect_uri) in {
        _without_loopback_port(uri) for uri in registered
    } - {None}:
        return
    raise InvalidRequest("Invalid redirect_uri: not registered for this client", redirect=False)


def may_answer_at(request: AuthorizationRequest, client: Client) -> bool:
    """Tell whether the request names an address that is the client's own."""
    try:
        redirect_uri_is_registered(request, client)
    except InvalidRequest:
        return False
    return True


def client_may_use_the_grant(request: AuthorizationRequest, client: Client) -> None:
    """A client of machines only has no business here; a token from here is the implicit grant."""
    words = frozenset(request.response_type.split())
    if ResponseType.CODE in words or not words:
        _demand_grant(client, GrantType.AUTHORIZATION_CODE)
    if words & {ResponseType.TOKEN, ResponseType.ID_TOKEN}:
        _demand_grant(client, GrantType.IMPLICIT)


def _demand_grant(client: Client, grant_type: GrantType) -> None:
    if not client.may_use(grant_type):
        raise UnauthorizedClient(f"the client is not registered for the {grant_type} grant")


def response_type_is_code(request: AuthorizationRequest, client: Client) -> None:
    """Allow ``code`` alone: no token travels through the browser (RFC 9700 section 2.1.2)."""
    if not request.response_type:
        raise InvalidRequest("response_type is required")
    if request.response_type != ResponseType.CODE:
        raise UnsupportedResponseType("response_type is not available to this client")


def response_type_is_registered(request: AuthorizationRequest, client: Client) -> None:
    """Allow what the client registered, its words in any order."""
    if not request.response_type:
        raise InvalidRequest("response_type is required")
    registered = {response.canonical(one) for one in client.registration.response_types}
    if response.canonical(request.response_type) not in registered:
        raise UnsupportedResponseType("response_type is not registered for this client")


def a_token_from_here_need_not_be_bound(request: AuthorizationRequest, client: Client) -> None:
    """Give no bearer token to a client that registered for bound ones: nothing is proven here."""
    if client.binds_tokens and ResponseType.TOKEN in request.response_type.split():
        raise UnsupportedResponseType("a token through the browser cannot be bound")


def response_mode_is_query(request: AuthorizationRequest, client: Client) -> None:
    """Answer a code in the query, in the open or signed."""
    if request.response_mode not in _IN_THE_QUERY:
        raise InvalidRequest("response_mode is not available to this client")


def response_mode_is_known(request: AuthorizationRequest, client: Client) -> None:
    """Know the mode, and never put a token into a query (Multiple Response Types, 3)."""
    if not request.response_mode:
        return
    if request.response_mode not in frozenset(ResponseMode):
        raise InvalidRequest("response_mode is not known")
    in_query = request.response_mode.startswith(ResponseMode.QUERY)
    way = response.mode_of(request.response_type, request.response_mode)
    if in_query and way is not ResponseMode.QUERY:
        raise InvalidRequest("response_mode=query cannot carry a token")


def nonce_comes_with_a_front_channel_id_token(
    request: AuthorizationRequest, client: Client
) -> None:
    """Demand a nonce where the ID token comes through the browser (OIDC Core 3.2.2.1)."""
    if ResponseType.ID_TOKEN in request.response_type.split() and not request.nonce:
        raise InvalidRequest("nonce is required for this response_type")


def id_token_comes_with_openid(request: AuthorizationRequest, client: Client) -> None:
    """An ID token is OpenID Connect's: the request has to say so (OIDC Core 3.1.2.1)."""
    if ResponseType.ID_TOKEN in request.response_type.split() and Scope.OPENID not in (
        request.scopes & client.scopes
    ):
        raise InvalidScope("an ID token needs the scope openid")


def pkce_is_s256(request: AuthorizationRequest, client: Client) -> None:
    """Demand S256 of every client, confidential ones too (RFC 9700 section 2.1.1)."""
    if not request.code_challenge:
        raise InvalidRequest("code_challenge is required")
    pkce_where_sent_is_s256(request, client)


def pkce_is_s256_for_public_clients(request: AuthorizationRequest, client: Client) -> None:
    """Demand it of those who keep no secret; for the others nothing but S256 counts either."""
    if client.is_public and ResponseType.CODE in request.response_type.split():
        pkce_is_s256(request, client)
    else:
        pkce_where_sent_is_s256(request, client)


def pkce_where_sent_is_s256(request: AuthorizationRequest, client: Client) -> None:
    """Take no other method, and a challenge that can be one (RFC 7636 section 4.2)."""
    if not request.code_challenge and not request.code_challenge_method:
        return
    if request.code_challenge_method != "S256":
        raise InvalidRequest("code_challenge_method must be S256")
    if not _S256.fullmatch(request.code_challenge):
        raise InvalidRequest("code_challenge is not the base64url of a SHA-256")


def scope_is_registered(request: AuthorizationRequest, client: Client) -> None:
    """Ask for something; what the client may not have is left out, what remains must be some."""
    if not request.scopes & client.scopes:
        raise InvalidScope("scope has nothing that this client may ask for")


def state_and_nonce_are_short_enough(request: AuthorizationRequest, client: Client) -> None:
    """Return them whole or refuse them, never cut them."""
    if max(len(request.state), len(request.nonce)) > _OPAQUE_LIMIT:
        raise InvalidRequest("state or nonce is too long")


def prompt_is_known(request: AuthorizationRequest, client: Client) -> None:
    """Know every prompt, and ``none`` stands alone (OIDC Core section 3.1.2.1)."""
    prompts = request.prompts
    if not prompts <= _PROMPTS:
        raise InvalidRequest("prompt has a value that is not known")
    if Prompt.NONE in prompts and len(prompts) > 1:
        raise InvalidRequest("prompt=none stands alone")


def max_age_is_a_number(request: AuthorizationRequest, client: Client) -> None:
    """Whole seconds, not negative."""
    if request.max_age and not _MAX_AGE.fullmatch(request.max_age):
        raise InvalidRequest("max_age is not a number of seconds")


def claims_can_be_read(request: AuthorizationRequest, client: Client) -> None:
    """Refuse a ``claims`` parameter that is no JSON, now rather than after the sign-in."""
    claims.parse(request.claims)


def dpop_jkt_is_a_thumbprint(request: AuthorizationRequest, client: Client) -> None:
    """A SHA-256 thumbprint of a key (RFC 9449 section 10)."""
    if request.dpop_jkt and not _S256.fullmatch(request.dpop_jkt):
        raise InvalidRequest("dpop_jkt is not a thumbprint")


_OIDC = frozenset({Profile.OIDC})


def what_it_is_narrowed_to_can_be_had(request: AuthorizationRequest, client: Client) -> None:
    """Know the resources and the types of the details (RFC 8707, RFC 9396)."""
    narrowing.asked(client, request.resource, request.authorization_details)


_CODE_ONLY = frozenset({Profile.OAUTH21, Profile.FAPI2})
_ALL = frozenset(Profile)
_ANYWHERE = At.AUTHORIZE | At.PAR

CHECKS: tuple[tuple[Check, At, frozenset[Profile]], ...] = (
    (redirect_uri_is_registered, _ANYWHERE, _ALL),
    (response_type_is_code, _ANYWHERE, _CODE_ONLY),
    (response_type_is_registered, _ANYWHERE, _OIDC),
    (a_token_from_here_need_not_be_bound, _ANYWHERE, _OIDC),
    (client_may_use_the_grant, _ANYWHERE, _ALL),
    (response_mode_is_query, _ANYWHERE, _CODE_ONLY),
    (response_mode_is_known, _ANYWHERE, _OIDC),
    (pkce_is_s256, _ANYWHERE, _CODE_ONLY),
    (pkce_is_s256_for_public_clients, _ANYWHERE, _OIDC),
    (scope_is_registered, _ANYWHERE, _ALL),
    (id_token_comes_with_openid, _ANYWHERE, _OIDC),
    (nonce_comes_with_a_front_channel_id_token, _ANYWHERE, _OIDC),
    (state_and_nonce_are_short_enough, _ANYWHERE, _ALL),
    (prompt_is_known, _ANYWHERE, _ALL),
    (max_age_is_a_number, _ANYWHERE, _ALL),
    (claims_can_be_read, _ANYWHERE, _ALL),
    (dpop_jkt_is_a_thumbprint, _ANYWHERE, _ALL),
    (what_it_is_narrowed_to_can_be_had, _ANYWHERE, _ALL),
)


def check(request: AuthorizationRequest, client: Client, at: At) -> None:
    """Run the checks of an endpoint and a profile in order; the first that fails answers.

    Raises:
        OAuthError: what the client is told; ``redirect`` says whether through the browser.
    """
    for one in _applying(at, client.registration.profile):
        one(request, client)


@cache
def _applying(at: At, profile: Profile) -> tuple[Check, ...]:
    return tuple(one for one, where, profiles in CHECKS if at in where and profile in profiles)


def _without_loopback_port(uri: str) -> str | None:
    """Give a loopback IP redirect without its port, ``None`` for every other URI."""
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme != "http" or parts.hostname not in {"127.0.0.1", "::1"} or parts.query:
        return None
    host = f"[{parts.hostname}]" if parts.hostname == "::1" else parts.hostname
    exact = f"http://{host}{'' if port is None else f':{port}'}{parts.path}"
    return f"http://{host}{parts.path}" if exact == uri else None
