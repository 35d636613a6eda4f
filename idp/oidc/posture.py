"""How a registered client stands against OAuth 2.1, FAPI 2.0 and RFC 9700. Pure.

What this provider forces on every client of a profile is not asked of it again, but named:
whoever reads the report sees that the rule is kept, and by whom.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from idp.oidc.model import Client, method_of
from idp.oidc.vocabulary import AuthMethod, GrantType, Profile


class Standard(StrEnum):
    """What a client may have to stand against."""

    OAUTH21 = "oauth21"
    """OAuth 2.1 (draft-ietf-oauth-v2-1)."""
    RFC9700 = "rfc9700"
    """OAuth 2.0 Security Best Current Practice."""
    FAPI2 = "fapi2"
    """FAPI 2.0 Security Profile."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: where it stands, whom it concerns, whether it is kept, and what to do if not."""

    name: str
    sections: dict[Standard, str]
    concerns: Callable[[Client], bool]
    is_kept: Callable[[Client], bool]
    advice: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of a rule."""

    rule: Rule
    kept: bool | None
    """``None``: the rule does not concern this client."""

    def matters_to(self, standard: Standard) -> bool:
        """Tell whether the rule is one of a standard's."""
        return standard in self.rule.sections


def look_at(client: Client) -> list[Finding]:
    """Hold a client against every rule."""
    return [
        Finding(rule, rule.is_kept(client) if rule.concerns(client) else None) for rule in RULES
    ]


def stands(findings: Sequence[Finding], standard: Standard) -> bool:
    """Tell whether no rule of a standard is broken."""
    return not any(one.kept is False and one.matters_to(standard) for one in findings)


def _uses_browser(client: Client) -> bool:
    return client.may_use(GrantType.AUTHORIZATION_CODE) or client.may_use(GrantType.IMPLICIT)


def _has_refresh_tokens(client: Client) -> bool:
    return client.may_use(GrantType.REFRESH_TOKEN)


def _is_bound(client: Client) -> bool:
    registration = client.registration
    return (
        registration.dpop_bound_access_tokens
        or registration.tls_client_certificate_bound_access_tokens
    )


def _has_key(client: Client) -> bool:
    return client.proves_a_key


def _demands_pkce(client: Client) -> bool:
    return client.profile is not Profile.OIDC or client.is_public


def _answers_with_code_alone(client: Client) -> bool:
    return set(client.registration.response_types) <= {"code"}


def _is_at_home_on_https(client: Client) -> bool:
    return all(_is_safe(uri, native=client.is_public) for uri in client.registration.redirect_uris)


def _is_safe(uri: str, *, native: bool) -> bool:
    parts = urlsplit(uri)
    loopback = parts.scheme == "http" and parts.hostname in {"127.0.0.1", "::1"}
    private_use = native and "." in parts.scheme
    return parts.scheme == "https" or loopback or private_use


def _signs_with_fapi(client: Client) -> bool:
    return client.registration.id_token_signed_response_alg in {"PS256", "ES256", "EdDSA"}


def _always(_: Client) -> bool:
    return True


def _is_confidential(client: Client) -> bool:
    return not client.is_public


RULES: tuple[Rule, ...] = (
    Rule(
        "PKCE with S256 is demanded",
        {Standard.OAUTH21: "4.1", Standard.RFC9700: "2.1.1", Standard.FAPI2: "5.3.2.2"},
        _uses_browser,
        _demands_pkce,
        "give it the profile oauth21 or fapi2; oidc honours PKCE and does not demand it",
    ),
    Rule(
        "no token travels through the browser",
        {Standard.OAUTH21: "10", Standard.RFC9700: "2.1.2", Standard.FAPI2: "5.3.2.2"},
        _uses_browser,
        _answers_with_code_alone,
        'register response_types = ["code"] and leave out the implicit grant',
    ),
    Rule(
        "redirect URIs are compared byte for byte",
        {Standard.OAUTH21: "2.3", Standard.RFC9700: "2.1", Standard.FAPI2: "5.3.2.2"},
        _uses_browser,
        _always,
        "this provider compares so for every client",
    ),
    Rule(
        "redirect URIs are https, or a native app's loopback address",
        {Standard.OAUTH21: "2.3", Standard.RFC9700: "2.6", Standard.FAPI2: "5.3.2.2"},
        _uses_browser,
        _is_at_home_on_https,
        "register https addresses; http is for 127.0.0.1 and [::1] alone, not for localhost",
    ),
    Rule(
        "the client proves itself",
        {Standard.FAPI2: "5.3.2.1"},
        _always,
        _is_confidential,
        "a client that keeps no secret cannot meet FAPI 2.0; give its requests a server",
    ),
    Rule(
        "the client proves a key, not a shared secret",
        {Standard.RFC9700: "2.5", Standard.FAPI2: "5.3.2.1"},
        _is_confidential,
        _has_key,
        "register private_key_jwt or tls_client_auth in place of a client secret",
    ),
    Rule(
        "access tokens are bound to a key",
        {Standard.RFC9700: "2.2.1", Standard.FAPI2: "5.3.2.1"},
        _always,
        _is_bound,
        "register dpop_bound_access_tokens or tls_client_certificate_bound_access_tokens",
    ),
    Rule(
        "a public client's refresh tokens are rotated or bound",
        {Standard.OAUTH21: "4.3", Standard.RFC9700: "2.2.2"},
        lambda client: client.is_public and _has_refresh_tokens(client),
        lambda client: client.rotates_refresh_tokens or _is_bound(client),
        "this provider rotates the refresh tokens of every public client",
    ),
    Rule(
        "refresh tokens are not rotated",
        {Standard.FAPI2: "5.3.2.1"},
        _has_refresh_tokens,
        lambda client: not client.rotates_refresh_tokens,
        "give it the profile fapi2",
    ),
    Rule(
        "requests are pushed",
        {Standard.FAPI2: "5.3.2.2"},
        _uses_browser,
        lambda client: client.pushes_requests,
        "register require_pushed_authorization_requests, or the profile fapi2",
    ),
    Rule(
        "nothing is signed with RS256 for it",
        {Standard.FAPI2: "5.4"},
        _always,
        _signs_with_fapi,
        'register id_token_signed_response_alg = "ES256"',
    ),
    Rule(
        "assertions are meant for the issuer alone",
        {Standard.FAPI2: "5.3.2.1"},
        lambda client: method_of(client.registration) is AuthMethod.PRIVATE_KEY_JWT,
        lambda client: client.profile is Profile.FAPI2,
        "give it the profile fapi2: the others take the endpoints' addresses as well",
    ),
    Rule(
        "responses name their issuer",
        {Standard.RFC9700: "2.1", Standard.FAPI2: "5.3.2.2"},
        _uses_browser,
        _always,
        "this provider sends iss with every response (RFC 9207)",
    ),
    Rule(
        "passwords are typed at the provider alone",
        {Standard.OAUTH21: "10", Standard.RFC9700: "2.4"},
        _always,
        _always,
        "this provider has no password grant",
    ),
)
